"""A match is agreed on by both sides: held when an officer accepts, committed when the giver does, and else given back."""

import asyncio
from collections import Counter
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from services.matching.holds.service import expire_due
from services.matching.matches.rules import PartsMissing, PartTwice, check_parts
from shared.clock import utc_now
from shared.contracts.ledger import PledgeRefused
from shared.db import Database
from shared.ids import new_id
from tests.matching.bookings import House, at
from tests.matching.conftest import Quarter
from tests.matching.test_projects import outbox


async def proposals(quarter: Quarter, need: dict[str, Any]) -> dict[str, Any]:
    return await quarter.made(f"/v1/needs/{need['id']}/matches", None)


async def accepted(quarter: Quarter, need: dict[str, Any], **body: Any) -> dict[str, Any]:
    (match,) = (await proposals(quarter, need))["matches"]
    return await quarter.made(f"/v1/matches/{match['id']}/accept", body, version=match["version"])


async def hold_of(quarter: Quarter, need: dict[str, Any]) -> dict[str, Any]:
    (match,) = (await quarter.read(f"/v1/needs/{need['id']}/matches"))["matches"]
    return await quarter.read(f"/v1/offer-holds/{match['hold_id']}")


async def test_the_giver_is_asked_and_only_its_people_say_yes(quarter: Quarter, databases: dict[str, Database]) -> None:
    partner = await quarter.partner()
    offer = await quarter.offer(partner, quantity=2)
    need = await quarter.need(quantity=2)
    await accepted(quarter, need)
    hold = await hold_of(quarter, need)
    assert (hold["state"], hold["giver_confirmed_at"], hold["for_kind"]) == ("held", None, "match")
    assert hold["taker_confirmed_at"] is not None
    confirm = f"/v1/offer-holds/{hold['id']}/confirm"
    for stranger in (quarter.resident, quarter.staff_of("club")):
        denied = await quarter.post(confirm, {"side": "giver"}, by=stranger, version=hold["version"])
        assert (denied.status_code, denied.json()["rule"]) == (403, "giver_confirms")
    await quarter.made(confirm, {"side": "giver"}, by=quarter.staff_of("school"), version=hold["version"])
    after = await quarter.read(f"/v1/offers/{offer['id']}")
    assert (after["held"], after["committed"]) == (0, 2)
    (asked, *_) = await outbox(databases, quarter.caller.tenant, f"hold/{hold['id']}")
    assert asked["type"] == "linli.hold.asked.v1"
    assert (asked["data"]["partner_id"], asked["data"]["quantity"]) == (partner["id"], 2)


async def test_an_offer_that_confirms_itself_is_committed_at_once(quarter: Quarter) -> None:
    offer = await quarter.offer(await quarter.partner(), self_confirming=True)
    need = await quarter.need()
    project = await accepted(quarter, need)
    assert project["waiting_offer_ids"] == []
    after = await quarter.read(f"/v1/offers/{offer['id']}")
    assert (after["held"], after["committed"], after["self_confirming"]) == (0, 1, True)


@pytest.mark.parametrize("end", ["void", "expire"])
async def test_a_need_whose_giver_says_no_or_nothing_is_on_the_list_again(
    quarter: Quarter, database: Database, end: str
) -> None:
    offer = await quarter.offer(await quarter.partner())
    need = await quarter.need()
    project = await accepted(quarter, need)
    assert (await quarter.read(f"/v1/needs/{need['id']}"))["state"] == "matched"
    hold = await hold_of(quarter, need)
    if end == "void":
        path = f"/v1/offer-holds/{hold['id']}/void"
        await quarter.made(path, {"reason": "老师请假"}, by=quarter.staff_of("school"), version=hold["version"])
    else:
        async with database.write(quarter.caller.tenant) as session:
            await expire_due(session, utc_now() + timedelta(days=3))
    await quarter.pipe.rest()
    assert (await quarter.read(f"/v1/needs/{need['id']}"))["state"] == "open"
    # Nothing else had come of the project, so it ends with the match that brought it about.
    assert (await quarter.read(f"/v1/projects/{project['id']}"))["state"] == "cancelled"
    after = await quarter.read(f"/v1/offers/{offer['id']}")
    assert (after["free"], after["held"], after["committed"]) == (1, 0, 0)
    (open_again,) = (await quarter.read(f"/v1/needs/{need['id']}/matches"))["matches"]
    reason = {"void": "老师请假", "expire": "hold_expired"}[end]
    assert (open_again["state"], open_again["reason"], open_again["hold_id"]) == ("proposed", reason, None)
    again = await accepted(quarter, need)
    assert again["id"] != project["id"]
    assert (await quarter.agreed(again))["waiting_offer_ids"] == []


async def test_a_project_goes_on_without_the_need_whose_giver_says_no(quarter: Quarter) -> None:
    project = await quarter.project()
    await quarter.offer(await quarter.partner())
    need = await quarter.need()
    joined = await accepted(quarter, need, project_id=project["id"])
    assert joined["need_ids"] == [need["id"]]
    hold = await hold_of(quarter, need)
    await quarter.made(f"/v1/offer-holds/{hold['id']}/void", {}, version=hold["version"])
    await quarter.pipe.rest()
    after = await quarter.read(f"/v1/projects/{project['id']}")
    assert (after["state"], after["need_ids"], after["offer_ids"]) == ("running", [], [])
    steps = [item["step"] for item in (await quarter.read(f"/v1/projects/{project['id']}/history"))["items"]]
    assert steps == ["open", "attach", "detach"]
    assert (await quarter.read(f"/v1/needs/{need['id']}"))["state"] == "open"


async def test_what_is_agreed_on_and_called_off_later_opens_the_need_again(quarter: Quarter) -> None:
    await quarter.offer(await quarter.partner())
    need = await quarter.need()
    project = await quarter.agreed(await accepted(quarter, need))
    hold = await hold_of(quarter, need)
    path = f"/v1/offer-holds/{hold['id']}/release"
    await quarter.made(path, {"reason": "场地维修"}, by=quarter.staff_of("school"), version=hold["version"])
    await quarter.pipe.rest()
    assert (await quarter.read(f"/v1/needs/{need['id']}"))["state"] == "open"
    assert (await quarter.read(f"/v1/projects/{project['id']}"))["state"] == "cancelled"


async def test_a_project_is_not_done_before_its_givers_agree(quarter: Quarter) -> None:
    offer = await quarter.offer(await quarter.partner())
    project = await accepted(quarter, await quarter.need())
    done = f"/v1/projects/{project['id']}/complete"
    early = await quarter.post(done, {"proof": "照片"}, version=project["version"])
    assert (early.status_code, early.json()["code"]) == (409, "givers_silent")
    assert early.json()["offer_ids"] == [offer["id"]]
    agreed = await quarter.agreed(project)
    await quarter.made(done, {"proof": "照片"}, version=agreed["version"])


async def test_rooms_are_had_for_a_time_and_nobody_else_gets_it(quarter: Quarter) -> None:
    house = await House.built(quarter)
    needs = [await quarter.need(category="venue", summary="社区需要活动场地") for _ in range(2)]
    matches = [(await proposals(quarter, need))["matches"][0] for need in needs]
    paths = [f"/v1/matches/{match['id']}/accept" for match in matches]
    versions = [match["version"] for match in matches]
    bare = await quarter.post(paths[0], {}, version=versions[0])
    assert (bare.status_code, bare.json()["code"]) == (422, "room_missing")
    body = {"resource_id": house.rooms["hall"], "starts_at": at(2, 9), "ends_at": at(2, 11)}
    await quarter.made(paths[0], body, version=versions[0])
    taken = await quarter.post(paths[1], body | {"resource_id": house.rooms["left"]}, version=versions[1])
    assert (taken.status_code, taken.json()["code"]) == (409, "slot_taken")
    hold = await hold_of(quarter, needs[0])
    assert (hold["what"], hold["resource_id"]) == ("slot", house.rooms["hall"])
    assert (await quarter.read(f"/v1/needs/{needs[1]['id']}"))["state"] == "open"


async def test_money_that_its_fund_does_not_take_is_given_back_and_everybody_is_told(
    quarter: Quarter, databases: dict[str, Database]
) -> None:
    fund_id = new_id()
    money: dict[str, Any] = {"kind": "money", "amount_fen": 50_000, "fund_id": str(fund_id), "self_confirming": True}
    offer = await quarter.offer(await quarter.partner(), **money)
    need = await quarter.need()
    project = await accepted(quarter, need)
    hold = await hold_of(quarter, need)
    assert hold["state"] == "committed"
    told = PledgeRefused(
        hold_id=UUID(hold["id"]),
        offer_id=UUID(offer["id"]),
        unit_id=quarter.units["school"],
        fund_id=fund_id,
        code="giver_not_allowed",
    )
    for _ in range(2):
        await quarter.pipe.publish("ledger", quarter.caller.tenant, f"pledge/{hold['id']}", told)
        await quarter.pipe.rest()
    after = await quarter.read(f"/v1/offer-holds/{hold['id']}")
    assert (after["state"], after["reason"]) == ("released", "pledge_refused: giver_not_allowed")
    assert (await quarter.read(f"/v1/offers/{offer['id']}"))["free"] == 1
    assert (await quarter.read(f"/v1/needs/{need['id']}"))["state"] == "open"
    assert (await quarter.read(f"/v1/projects/{project['id']}"))["state"] == "cancelled"
    events = await outbox(databases, quarter.caller.tenant, f"hold/{hold['id']}")
    (notice,) = [item["data"] for item in events if item["type"] == "linli.notice.wanted.v1"]
    assert (notice["kind"], notice["units"]) == ("pledge_refused", [str(quarter.units["school"])])
    assert (len(notice["people"]), notice["staff_of"]) == (1, ["d"])


@pytest.fixture
async def bundle(quarter: Quarter) -> dict[str, Any]:
    """A need of a room and people at once, with offers for both that more than one need would like."""
    partner = await quarter.partner()
    offers = {kind: await quarter.offer(partner, kind=kind) for kind in ("people", "venue")}
    return {"need": await parted(quarter), "offers": offers, "partner": partner}


async def parted(quarter: Quarter) -> dict[str, Any]:
    need = await quarter.need()
    await quarter.patch(f"/v1/needs/{need['id']}/slots", {"parts": ["people", "venue"]}, version=need["version"])
    return need


async def whole(quarter: Quarter, need: dict[str, Any]) -> dict[str, Any]:
    """Return the body that accepts the best offer for each part of a need."""
    found = await proposals(quarter, need)
    return {"parts": [{"match_id": part["match_ids"][0]} for part in found["parts"]]}


async def version_of(quarter: Quarter, need: dict[str, Any]) -> int:
    return int((await quarter.read(f"/v1/needs/{need['id']}"))["version"])


async def test_one_need_sees_its_parts_and_takes_them_together(quarter: Quarter, bundle: dict[str, Any]) -> None:
    need, offers = bundle["need"], bundle["offers"]
    found = await proposals(quarter, need)
    assert [part["kind"] for part in found["parts"]] == ["venue", "people"]
    by_offer = {match["offer_id"]: match["id"] for match in found["matches"]}
    assert found["parts"] == [
        {"kind": kind, "match_ids": [by_offer[offers[kind]["id"]]]} for kind in ("venue", "people")
    ]
    alone = await quarter.post(f"/v1/matches/{found['matches'][0]['id']}/accept", {}, version=1)
    assert (alone.status_code, alone.json()["code"], alone.json()["parts"]) == (
        409,
        "parts_missing",
        ["venue", "people"],
    )
    body, version = await whole(quarter, need), await version_of(quarter, need)
    path = f"/v1/needs/{need['id']}/accept"
    half = await quarter.post(path, {"parts": body["parts"][:1]}, version=version)
    assert (half.status_code, half.json()["code"], half.json()["parts"]) == (409, "parts_missing", ["people"])
    twice = await quarter.post(path, {"parts": body["parts"][:1] * 2}, version=version)
    assert (twice.status_code, twice.json()["code"]) == (409, "part_not_wanted")
    assert (await quarter.post(path, body)).status_code == 428
    stranger = await quarter.post(path, {"parts": [{"match_id": str(new_id())}]}, version=version)
    assert (stranger.status_code, stranger.json()["code"]) == (422, "unknown_match")
    assert (await quarter.post(path, body, by=quarter.resident, version=version)).status_code == 403
    project = await quarter.made(path, body, version=version)
    assert (
        sorted(project["offer_ids"])
        == sorted(project["waiting_offer_ids"])
        == sorted(offer["id"] for offer in offers.values())
    )
    states = {match["state"] for match in (await quarter.read(f"/v1/needs/{need['id']}/matches"))["matches"]}
    assert states == {"accepted"}
    assert (await quarter.agreed(project))["waiting_offer_ids"] == []
    assert {(await quarter.read(f"/v1/offers/{offer['id']}"))["committed"] for offer in offers.values()} == {1}


async def test_a_need_with_a_part_that_nobody_offers_says_so(quarter: Quarter) -> None:
    await quarter.offer(await quarter.partner(), kind="people")
    need = await parted(quarter)
    await proposals(quarter, need)
    assert (await quarter.read(f"/v1/needs/{need['id']}"))["no_match_reason"] == "part_without_resource"


async def test_when_one_part_cannot_be_had_nothing_is_held(quarter: Quarter, bundle: dict[str, Any]) -> None:
    need, offers = bundle["need"], bundle["offers"]
    body, version = await whole(quarter, need), await version_of(quarter, need)
    away = {"quantity": 1, "resource_id": None}
    await quarter.made(f"/v1/offers/{offers['venue']['id']}/holds", away, by=quarter.resident)
    refused = await quarter.post(f"/v1/needs/{need['id']}/accept", body, version=version)
    assert (refused.status_code, refused.json()["code"]) == (409, "offer_exhausted")
    people = await quarter.read(f"/v1/offers/{offers['people']['id']}")
    assert (people["held"], people["committed"]) == (0, 0)
    assert (await quarter.read("/v1/projects"))["items"] == []


async def test_when_one_giver_says_no_the_other_part_is_given_back(quarter: Quarter, bundle: dict[str, Any]) -> None:
    need, offers = bundle["need"], bundle["offers"]
    body = await whole(quarter, need)
    await quarter.made(f"/v1/needs/{need['id']}/accept", body, version=await version_of(quarter, need))
    holds = [match["hold_id"] for match in (await quarter.read(f"/v1/needs/{need['id']}/matches"))["matches"]]
    first, second = [f"/v1/offer-holds/{hold}" for hold in holds]
    await quarter.made(f"{first}/confirm", {"side": "giver"}, version=(await quarter.read(first))["version"])
    await quarter.made(f"{second}/void", {}, version=(await quarter.read(second))["version"])
    await quarter.pipe.rest()
    assert (await quarter.read(first))["state"] == "released"
    for offer in offers.values():
        assert (await quarter.read(f"/v1/offers/{offer['id']}"))["free"] == 1
    assert (await quarter.read(f"/v1/needs/{need['id']}"))["state"] == "open"


async def test_of_two_officers_who_accept_overlapping_bundles_one_wins_whole(
    quarter: Quarter, bundle: dict[str, Any]
) -> None:
    needs = [bundle["need"], *[await parted(quarter) for _ in range(5)]]
    bodies = [await whole(quarter, need) for need in needs]
    # Half of them name the parts the other way round: whoever locks first, nobody waits for ever.
    for body in bodies[::2]:
        body["parts"].reverse()
    versions = [await version_of(quarter, need) for need in needs]
    answers = await asyncio.gather(
        *(
            quarter.post(f"/v1/needs/{need['id']}/accept", body, version=version)
            for need, body, version in zip(needs, bodies, versions, strict=True)
        )
    )
    assert Counter(answer.status_code for answer in answers) == {200: 1, 409: 5}
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"offer_exhausted"}
    held = [(await quarter.read(f"/v1/offers/{offer['id']}"))["held"] for offer in bundle["offers"].values()]
    assert held == [1, 1]
    states = Counter(item["state"] for item in (await quarter.read("/v1/needs"))["items"])
    assert states == {"open": 5, "matched": 1}


def test_parts_are_one_of_each_kind() -> None:
    check_parts((), ("goods",))
    check_parts(("venue", "people"), ("people", "venue"))
    for wanted, kinds, refusal in (
        (("venue", "people"), ("venue",), PartsMissing),
        (("venue", "people"), ("venue", "venue"), PartTwice),
        (("venue", "people"), ("venue", "people", "goods"), PartTwice),
        ((), ("venue", "people"), PartTwice),
    ):
        with pytest.raises(refusal):
            check_parts(wanted, kinds)
