"""Holds over HTTP: times, days and stock are taken once, agreed on by both sides, and given back."""

import asyncio
from collections import Counter
from datetime import timedelta
from typing import Any

import orjson
import pytest
from sqlalchemy import text

from services.matching.holds.service import expire_due
from shared.auth import Role
from shared.clock import utc_now
from shared.contracts.ledger import ContributionReceived
from shared.db import Database
from shared.ids import new_id
from tests.conftest import MovedClock
from tests.matching.bookings import House, at, settled
from tests.matching.conftest import Json, Quarter, timed


def _mine(quarter: Quarter) -> dict[str, str]:
    return {"tenant": quarter.caller.tenant}


async def test_a_time_is_held_confirmed_by_both_sides_and_then_promised(quarter: Quarter) -> None:
    house = await House.built(quarter)
    taker = quarter.resident
    hold = (await house.book("left", at(1, 9), at(1, 11), by=taker)).json()
    assert (hold["what"], hold["state"], hold["version"]) == ("slot", "held", 1)
    assert {one["action"] for one in hold["next_actions"] if one["allowed"]} == {"confirm_as_taker", "void"}
    path = f"/v1/offer-holds/{hold['id']}"
    denied = await quarter.post(f"{path}/confirm", {"side": "giver"}, by=taker, version=1)
    assert (denied.status_code, denied.json()["rule"]) == (403, "giver_confirms")
    one = await quarter.made(f"{path}/confirm", {"side": "taker"}, by=taker, version=1)
    assert (one["state"], one["giver_confirmed_at"]) == ("held", None)
    both = await quarter.made(f"{path}/confirm", {"side": "giver"}, by=quarter.staff_of("school"), version=2)
    assert (both["state"], both["resolved_at"] is not None) == ("committed", True)
    late = await quarter.post(f"{path}/void", {}, by=taker, version=both["version"])
    assert (late.status_code, late.json()["code"]) == (409, "wrong_state")
    steps = await quarter.get(f"{path}/steps", by=taker)
    assert [step["step"] for step in steps.json()] == ["hold", "confirm_as_taker", "confirm_as_giver", "commit"]
    freed = await quarter.made(f"{path}/release", {"reason": "下雨改期"}, by=taker, version=both["version"])
    assert (freed["state"], freed["reason"]) == ("released", "下雨改期")
    assert (await house.book("left", at(1, 9), at(1, 11))).status_code == 201


async def test_a_hall_is_its_halves(quarter: Quarter) -> None:
    house = await House.built(quarter)
    left = await house.booked("left", at(1, 9), at(1, 11))
    assert (await house.book("right", at(1, 9), at(1, 11))).status_code == 201
    refused = await house.book("hall", at(1, 10), at(1, 12))
    problem = refused.json()
    assert (refused.status_code, problem["code"], problem["free_units"]) == (409, "slot_taken", 0)
    conflict = {"resource_id": house.rooms["left"], "starts_at": at(1, 9), "ends_at": at(1, 11)}
    assert conflict in problem["conflicts"]
    assert left["id"] not in refused.text
    assert (await house.book("hall", at(1, 11), at(1, 12))).status_code == 201
    assert (await house.book("left", at(1, 11.5), at(1, 13))).json()["code"] == "slot_taken"
    assert await house.windows("left", at(1, 8), at(1, 13)) == [
        (at(1, 8).replace("+00:00", "Z"), at(1, 9).replace("+00:00", "Z")),
        (at(1, 12).replace("+00:00", "Z"), at(1, 13).replace("+00:00", "Z")),
    ]


async def test_buffers_keep_bookings_apart(quarter: Quarter) -> None:
    house = await House.built(quarter, buffer_before_min=15, buffer_after_min=30)
    await house.booked("left", at(1, 9), at(1, 10))
    assert (await house.book("left", at(1, 10.5), at(1, 11))).json()["code"] == "slot_taken"
    # Thirty minutes to tidy up after the first and fifteen to prepare the second.
    assert (await house.book("left", at(1, 10.75), at(1, 11))).status_code == 201


async def test_what_is_not_a_time_of_the_room_is_refused(quarter: Quarter) -> None:
    hours = {"openings": [{"rrule": "FREQ=DAILY", "starts_on": "2026-01-01", "opens": "08:00", "closes": "21:00"}]}
    closed = {"kind": "closed", "starts_at": at(2, 0), "ends_at": at(3, 0), "reason": "清洁"}
    house = await House.built(quarter, hours={**hours, "exceptions": [closed]}, slot_min=60)
    for start, end, status, code, reason in (
        (at(1, 7), at(1, 9), 409, "not_open_then", None),
        (at(1, 20), at(1, 22), 409, "not_open_then", None),
        (at(2, 9), at(2, 10), 409, "not_open_then", None),
        (at(1, 9.5), at(1, 10.5), 422, "bad_span", "not_a_slot"),
        (at(1, 9), at(1, 9.5), 422, "bad_span", "not_a_slot"),
        (at(1, 10), at(1, 9), 422, "bad_span", "ends_before_it_starts"),
        (at(-1, 9), at(-1, 10), 422, "bad_span", "in_the_past"),
        (at(600, 9), at(600, 10), 422, "bad_span", "too_far_ahead"),
    ):
        response = await house.book("left", start, end)
        assert (response.status_code, response.json()["code"]) == (status, code), (start, end)
        assert response.json().get("reason") == reason
    assert (await house.book("left", at(1, 8), at(1, 21))).status_code == 201
    stranger = {"resource_id": str(new_id()), "starts_at": at(1, 9), "ends_at": at(1, 10)}
    path = f"/v1/offers/{house.venue['id']}/holds"
    assert (await quarter.post(path, stranger)).json()["code"] == "unknown_resource"
    assert (await quarter.post(path, {"day": at(1, 9)[:10]})).json()["reason"] == "no_daily_capacity"
    assert (await quarter.post(path, {"starts_at": at(1, 9)})).json()["reason"] == "time_without_a_room"


async def test_a_team_sends_as_many_as_it_has(quarter: Quarter) -> None:
    team = await quarter.offer(await quarter.partner(), kind="people", title="乐修匠", quantity=97)
    path = f"/v1/offers/{team['id']}"
    group = await quarter.made(f"{path}/resources", {"name": "水电组", "units": 3, "skills": ["electrician"]})

    async def ask(count: int, start: float, end: float) -> tuple[int, str | None]:
        body = {"resource_id": group["id"], "starts_at": at(1, start), "ends_at": at(1, end), "quantity": count}
        response = await quarter.post(f"{path}/holds", body, by=quarter.resident)
        return response.status_code, response.json().get("code")

    assert await ask(2, 9, 12) == (201, None)
    assert await ask(2, 10, 11) == (409, "slot_taken")
    assert await ask(1, 10, 11) == (201, None)
    assert await ask(1, 10.5, 13) == (409, "slot_taken")
    assert await ask(4, 14, 15) == (409, "offer_exhausted")
    found = await quarter.read(f"{path}/windows", **{"from": at(1, 9), "until": at(1, 12)})
    assert sum(one["units"] for one in found["windows"] if one["starts_at"] == at(1, 9).replace("+00:00", "Z")) == 1


async def test_a_day_is_full_when_its_capacity_is_promised(quarter: Quarter) -> None:
    hours = {"openings": [{"rrule": "FREQ=DAILY", "starts_on": "2026-01-01", "opens": "09:00", "closes": "18:00"}]}
    shop = await quarter.offer(await quarter.partner(), kind="discount", capacity_per_day=2, hours=hours)
    path = f"/v1/offers/{shop['id']}/holds"
    day = (utc_now() + timedelta(days=3)).date().isoformat()
    first = await quarter.made(path, {"day": day})
    full = (await quarter.post(path, {"day": day, "quantity": 2})).json()
    assert (full["code"], full["day"], full["left"]) == ("day_full", day, 1)
    await quarter.made(path, {"day": day})
    assert (await quarter.post(path, {"day": day})).json()["left"] == 0
    await quarter.made(f"/v1/offer-holds/{first['id']}/void", {}, version=first["version"])
    assert (await quarter.post(path, {"day": day})).status_code == 201


async def test_goods_are_claimed_then_moving_then_there(quarter: Quarter) -> None:
    goods = await quarter.offer(await quarter.partner(), kind="goods", title="灭火器", quantity=10)
    path, taker, giver = f"/v1/offers/{goods['id']}", quarter.resident, quarter.staff_of("school")
    hold = await quarter.made(f"{path}/holds", {"quantity": 6}, by=taker)

    async def numbers() -> tuple[int, ...]:
        offer = await quarter.read(path)
        assert offer["quantity"] == offer["free"] + offer["held"] + offer["claimed"]
        names = ("free", "held", "committed", "moving", "received", "claimed", "arrived")
        return tuple(offer[name] for name in names)

    assert await numbers() == (4, 6, 0, 0, 0, 0, 0)
    hold = await settled(quarter, hold)
    assert await numbers() == (4, 0, 6, 0, 0, 6, 0)
    sending = f"/v1/offer-holds/{hold['id']}/transfers"
    proof = {"id": str(new_id()), "quantity": 4, "proof": "装车照片"}
    assert (await quarter.post(sending, proof, by=taker, version=hold["version"])).status_code == 403
    first = await quarter.made(sending, proof, by=giver, version=hold["version"])
    again = await quarter.post(sending, proof, by=giver, version=hold["version"])
    assert (again.status_code, again.json()["id"]) == (200, first["id"])
    assert await numbers() == (4, 0, 2, 4, 0, 6, 0)
    version = hold["version"] + 1
    more = await quarter.post(sending, {"quantity": 3, "proof": "x"}, by=giver, version=version)
    assert (more.status_code, more.json()["code"], more.json()["left"]) == (409, "more_than_claimed", 2)
    second = await quarter.made(sending, {"quantity": 2, "proof": "第二车"}, by=giver, version=version)
    end = {"outcome": "receive", "proof": "签收单"}
    assert (await quarter.post(f"/v1/transfers/{first['id']}/end", end, by=giver, version=1)).status_code == 403
    got = await quarter.made(f"/v1/transfers/{first['id']}/end", end, by=taker, version=1)
    assert (got["state"], got["end_proof"]) == ("received", "签收单")
    assert await numbers() == (4, 0, 0, 2, 4, 6, 4)
    twice = await quarter.post(f"/v1/transfers/{first['id']}/end", end, by=taker, version=2)
    assert (twice.status_code, twice.json()["code"]) == (409, "wrong_state")
    freeing = f"/v1/offer-holds/{hold['id']}/release"
    version = (await quarter.read(f"/v1/offer-holds/{hold['id']}", by=taker))["version"]
    assert (await quarter.post(freeing, {}, by=taker, version=version)).json()["code"] == "still_moving"
    back = {"outcome": "turn_back", "proof": "无人签收"}
    await quarter.made(f"/v1/transfers/{second['id']}/end", back, by=giver, version=1)
    assert await numbers() == (4, 0, 2, 0, 4, 6, 4)
    await quarter.made(freeing, {}, by=taker, version=version + 1)
    assert await numbers() == (6, 0, 0, 0, 4, 4, 4)


async def test_what_nobody_agrees_on_in_time_can_be_had_by_others(
    quarter: Quarter, databases: dict[str, Database], moved: MovedClock
) -> None:
    house = await House.built(quarter)
    soon = (utc_now() + timedelta(hours=1)).isoformat()
    first = await house.booked("left", at(5, 9), at(5, 10), expires_at=soon)
    second = await house.booked("right", at(5, 9), at(5, 10), expires_at=soon)
    moved.forward(timedelta(hours=2))
    path = f"/v1/offer-holds/{first['id']}/confirm"
    late = await quarter.post(path, {"side": "giver"}, version=1)
    assert (late.status_code, late.json()["code"]) == (409, "hold_expired")
    # Whoever asks next gets it, though no schedule has run.
    assert (await house.book("left", at(5, 9), at(5, 10))).status_code == 201
    assert (await quarter.read(f"/v1/offer-holds/{second['id']}"))["state"] == "expired"
    third = await house.booked("right", at(5, 9), at(5, 10))
    moved.forward(timedelta(days=3))
    schedule = timed("expire_offer_holds")
    await schedule.run(databases["matching"], quarter.caller.tenant, utc_now())
    assert (await quarter.read(f"/v1/offer-holds/{third['id']}"))["state"] == "expired"
    async with databases["matching"].write(quarter.caller.tenant) as session:
        assert await expire_due(session, utc_now()) == 0


@pytest.mark.parametrize("days", [0, 31])
async def test_a_hold_expires_soon_and_not_before_it_begins(quarter: Quarter, days: int) -> None:
    house = await House.built(quarter)
    until = (utc_now() + timedelta(days=days)).isoformat()
    response = await house.book("left", at(40, 9), at(40, 10), expires_at=until)
    assert (response.status_code, response.json()["code"]) == (422, "bad_span")


async def test_nobody_holds_what_is_withdrawn_or_not_trusted(quarter: Quarter) -> None:
    partner = await quarter.partner()
    offer = await quarter.offer(partner, kind="goods", quantity=5)
    path = f"/v1/offers/{offer['id']}"
    await quarter.patch(path, {"active": False}, version=1)
    assert (await quarter.post(f"{path}/holds", {})).json()["reason"] == "withdrawn"
    await quarter.patch(path, {"active": True}, version=2)
    vet = {"decision": "suspend", "reason": "投诉"}
    await quarter.made(f"/v1/partners/{partner['id']}/vet", vet, version=partner["version"])
    assert (await quarter.post(f"{path}/holds", {})).json()["reason"] == "partner_not_vetted"
    assert (await quarter.read(f"{path}/windows"))["windows"] == []


async def test_asking_twice_holds_once(quarter: Quarter) -> None:
    house = await House.built(quarter)
    who, body = quarter.resident, {"id": str(new_id())}
    responses = await asyncio.gather(*(house.book("left", at(1, 9), at(1, 10), by=who, **body) for _ in range(5)))
    assert sorted(response.status_code for response in responses) == [200, 200, 200, 200, 201]
    other = await house.book("left", at(1, 9), at(1, 11), by=who, **body)
    assert (other.status_code, other.json()["code"]) == (409, "id_taken")


async def test_a_room_that_is_booked_keeps_its_shape(quarter: Quarter) -> None:
    house = await House.built(quarter)
    path = f"/v1/offers/{house.venue['id']}/resources"
    hold = await house.booked("hall", at(1, 9), at(1, 10))
    third = await quarter.post(path, {"name": "third", "parent_id": house.rooms["hall"]})
    assert (third.status_code, third.json()["code"]) == (409, "resource_in_use")
    change = f"{path}/{house.rooms['hall']}"
    assert (await quarter.patch(change, {"buffer_after_min": 5}, version=1)).json()["code"] == "resource_in_use"
    assert (await quarter.patch(change, {"name": "大厅"}, version=1)).json()["name"] == "大厅"
    await quarter.made(f"/v1/offer-holds/{hold['id']}/void", {}, version=1)
    assert (await quarter.post(path, {"name": "third", "parent_id": house.rooms["hall"]})).status_code == 201
    assert (await quarter.patch(change, {"buffer_after_min": 5}, version=2)).status_code == 200
    assert (await quarter.patch(change, {"slot_min": 7}, version=3)).json()["code"] == "bad_slot_length"
    assert (await quarter.post(path, {"name": "x", "units": 2})).json()["code"] == "not_for_this_kind"


async def test_only_the_two_sides_see_a_hold(quarter: Quarter, elsewhere: Quarter) -> None:
    house = await House.built(quarter)
    taker = quarter.resident
    hold = (await house.book("left", at(1, 9), at(1, 10), by=taker)).json()
    path, register = f"/v1/offer-holds/{hold['id']}", f"/v1/offers/{house.venue['id']}/holds"
    assert (await quarter.get(path, by=quarter.resident)).status_code == 403
    assert (await quarter.get(f"{path}/steps", by=quarter.resident)).status_code == 403
    assert (await quarter.get(path, by=quarter.staff_of("school"))).status_code == 200
    assert (await elsewhere.get(path)).status_code == 404
    assert (await elsewhere.post(f"{path}/void", {}, version=1)).status_code == 404
    assert [one["id"] for one in (await quarter.read(register, by=taker))["items"]] == [hold["id"]]
    assert (await quarter.read(register, by=quarter.resident))["items"] == []
    assert len((await quarter.read(register, by=quarter.staff_of("school")))["items"]) == 1
    assert (await quarter.post(f"{path}/void", {}, by=quarter.resident, version=1)).status_code == 403
    unit = await house.book("left", at(2, 9), at(2, 10), unit_id=str(quarter.units["club"]))
    assert (unit.status_code, unit.json()["rule"]) == (403, "own_unit")


async def published(quarter: Quarter, databases: dict[str, Database], kind: str) -> list[dict[str, Any]]:
    async with databases["matching"].read(quarter.caller.tenant) as session:
        bodies = await session.scalars(
            text("SELECT body FROM matching.outbox WHERE tenant_id = :tenant"), _mine(quarter)
        )
        return [body["data"] for body in map(orjson.loads, bodies) if body["type"] == kind]


async def test_pledged_money_is_told_to_the_ledger_once(quarter: Quarter, databases: dict[str, Database]) -> None:
    fund = str(new_id())
    pledge = await quarter.offer(await quarter.partner(), kind="money", amount_fen=500_00, fund_id=fund)
    hold = await quarter.made(f"/v1/offers/{pledge['id']}/holds", {})
    await settled(quarter, hold)
    assert (await quarter.post(f"/v1/offers/{pledge['id']}/holds", {})).json()["code"] == "offer_exhausted"
    told = await published(quarter, databases, "linli.money.pledged.v1")
    assert [(one["amount_fen"], one["fund_id"]) for one in told] == [(500_00, fund)]


async def pledged(quarter: Quarter) -> tuple[dict[str, Any], dict[str, Any]]:
    """Let a partner pledge money, and somebody take it up; returns the offer and the hold."""
    members: Json = {"kind": "money", "amount_fen": 500_00, "fund_id": str(new_id())}
    offer = await quarter.offer(await quarter.partner(), **members)
    hold = await quarter.made(f"/v1/offers/{offer['id']}/holds", {})
    return offer, await settled(quarter, hold)


async def test_a_pledge_that_is_called_off_is_told_to_the_ledger_and_can_be_had_again(
    quarter: Quarter, databases: dict[str, Database]
) -> None:
    offer, hold = await pledged(quarter)
    await quarter.made(f"/v1/offer-holds/{hold['id']}/release", {"reason": "项目取消"}, version=hold["version"])
    (told,) = await published(quarter, databases, "linli.money.pledge_released.v1")
    assert (told["hold_id"], told["fund_id"]) == (hold["id"], offer["fund_id"])
    seen = await quarter.read(f"/v1/offers/{offer['id']}")
    assert (seen["committed"], seen["received"], seen["held"]) == (0, 0, 0)
    things = await quarter.offer(await quarter.partner("club"), kind="goods")
    lent = await settled(quarter, await quarter.made(f"/v1/offers/{things['id']}/holds", {}))
    await quarter.made(f"/v1/offer-holds/{lent['id']}/release", {}, version=lent["version"])
    assert len(await published(quarter, databases, "linli.money.pledge_released.v1")) == 1


async def test_pledged_money_that_has_arrived_cannot_be_had_again(quarter: Quarter) -> None:
    offer, hold = await pledged(quarter)
    for contribution_id in (hold["id"], hold["id"], str(new_id())):
        arrived = ContributionReceived(
            contribution_id=contribution_id, fund_id=offer["fund_id"], amount_fen=500_00, received_at=utc_now()
        )
        await quarter.pipe.publish("ledger", quarter.caller.tenant, f"fund/{offer['fund_id']}", arrived)
    await quarter.pipe.rest()
    hold = await quarter.read(f"/v1/offer-holds/{hold['id']}")
    assert (hold["state"], hold["received"]) == ("committed", 1)
    await quarter.made(f"/v1/offer-holds/{hold['id']}/release", {}, version=hold["version"])
    seen = await quarter.read(f"/v1/offers/{offer['id']}")
    assert (seen["committed"], seen["received"]) == (0, 1)
    again = await quarter.post(f"/v1/offers/{offer['id']}/holds", {})
    assert (again.status_code, again.json()["code"]) == (409, "offer_exhausted")


async def test_five_hundred_bookers_of_one_time_have_one_holder(quarter: Quarter) -> None:
    house = await House.built(quarter)
    # As many as a process takes at a time; the others wait at its door.
    door = asyncio.Semaphore(100)

    async def knock(room: str) -> tuple[int, Json]:
        async with door:
            response = await house.book(room, at(1, 9), at(1, 10), by=quarter.holding(Role.RESIDENT, "d.z.c1"))
            return response.status_code, response.json()

    answers = await asyncio.gather(*(knock("hall") for _ in range(500)))
    counted = Counter(status for status, _ in answers)
    print("\n500 bookers of one hall:", dict(counted))
    assert counted == {201: 1, 409: 499}
    refusals: list[dict[str, Any]] = [body for status, body in answers if status == 409]
    assert {body["code"] for body in refusals} == {"slot_taken"}
    told = {(one["starts_at"], one["ends_at"]) for body in refusals for one in body["conflicts"]}
    assert told == {(at(1, 9), at(1, 10))}
