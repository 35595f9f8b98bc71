"""Claims: offers at a joint meeting, one holder however many ask, a lease that progress renews, and hand-overs."""

import asyncio
from collections import Counter
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from services.intake.claims.jobs import return_lapsed_claims
from shared.auth import Role
from shared.clock import utc_now
from shared.db import Database
from shared.ids import new_id
from shared.testing import Places, TestServers
from tests.intake.conftest import HARD, MEDIUM, NORTH, SIMPLE, Headers, Json, MovedClock, Street, due_in


async def claims(street: Street, case: dict[str, Any], *, by: Headers | None = None) -> dict[str, Any]:
    answer = await street.get(f"/v1/cases/{case['id']}/claims", by=by)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def states(told: dict[str, Any]) -> tuple[list[str], list[str]]:
    """Return the states of offers and of claims, the first ones first."""
    return [one["state"] for one in told["offers"]], [one["state"] for one in told["claims"]]


async def offer(street: Street, case: dict[str, Any], unit: UUID, by: Headers, **members: Json) -> dict[str, Any]:
    body = {"unit_id": str(unit), "due_at": due_in(10), **members}
    answer = await street.post(f"/v1/cases/{case['id']}/offers", body, by=by)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def clerk_of(street: Street, unit: UUID) -> Headers:
    return street.caller("intake", (Role.UNIT_STAFF, NORTH, unit))


async def test_units_offer_at_a_joint_meeting_one_leads_one_helps_and_one_is_passed_over(
    street: Street, places: Places
) -> None:
    gas = await places.unit(NORTH, name="gas")
    case = await street.triaged(HARD)
    direct = {"unit_id": str(street.works), "due_at": due_in(3)}
    refused = await street.act(case, "claim", direct, by=street.works_clerk)
    assert (refused.status_code, refused.json()["rule"]) == (403, "joint_meeting_chooses")
    works = await offer(street, case, street.works, street.works_clerk, cost_fen=1_200_000, note="更换管道")
    water = await offer(street, case, street.water, street.water_clerk, cost_fen=900_000)
    third = await offer(street, case, gas, clerk_of(street, gas))
    assert (works["cost_fen"], works["unit_name"], works["state"], third["cost_fen"]) == (
        1_200_000,
        "works",
        "open",
        None,
    )
    told = await claims(street, case)
    assert [one["id"] for one in told["offers"]] == [works["id"], water["id"], third["id"]]
    case = await street.read(case)
    assert case["state"] == "triaged"
    body = {
        "offer_id": water["id"],
        "helpers": [{"unit_id": str(street.works), "task": "开挖路面"}],
        "note": "联席会议议定",
    }
    for by in (street.grid_worker, street.works_clerk, street.holding(Role.CONVENOR, "county.south")):
        assert (await street.act(case, "choose", body, by=by)).status_code in {403, 404}
    convenor = street.holding(Role.CONVENOR, NORTH)
    case = await street.step(case, "choose", body, by=convenor)
    assert (case["state"], case["unit_id"], case["due_at"]) == ("claimed", str(street.water), water["due_at"])
    told = await claims(street, case)
    assert states(told) == (["helps", "chosen", "passed_over"], ["active"])
    (claim,) = told["claims"]
    assert (claim["unit_id"], claim["cost_fen"], claim["renewals"]) == (str(street.water), 900_000, 0)
    assert claim["helpers"] == [{"unit_id": str(street.works), "unit_name": "works", "task": "开挖路面"}]
    # Who helps sees the case and works under the lead of another; who was passed over sees it no more.
    path = f"/v1/cases/{case['id']}"
    assert (await street.get(path, by=street.works_clerk)).status_code == 200
    assert (await street.get(path, by=clerk_of(street, gas))).status_code == 404
    refused = await street.act(case, "resolve", {"note": "x"}, by=street.works_clerk)
    assert (refused.status_code, refused.json()["rule"]) == (403, "handler_only")
    assert (await street.clocks(case))["recounted"] == "equal"


async def test_what_is_wrong_with_an_offer_is_told(street: Street, elsewhere: Street) -> None:
    case = await street.triaged(HARD)
    path = f"/v1/cases/{case['id']}/offers"
    good = {"unit_id": str(street.works), "due_at": due_in(3)}
    clerk = street.works_clerk
    for wrong in ({"cost_fen": -1}, {"cost_fen": 1.5}, {"cost_fen": "1"}, {"due_at": "soon"}, {"colour": "red"}):
        assert (await street.post(path, {**good, **wrong}, by=clerk)).status_code == 422
    late = await street.post(path, {**good, "due_at": due_in(-1)}, by=clerk)
    assert (late.status_code, late.json()["code"]) == (422, "due_in_the_past")
    foreign = await street.post(path, {**good, "unit_id": str(street.water)}, by=clerk)
    assert (foreign.status_code, foreign.json()["rule"]) == (403, "claims_for_own_unit")
    unknown = new_id()
    nobody = await street.post(path, {**good, "unit_id": str(unknown)}, by=clerk_of(street, unknown))
    assert (nobody.status_code, nobody.json()["code"]) == (422, "unknown_unit")
    assert (await street.post(path, good, by=street.officer)).status_code == 403
    assert (await street.post(path, good, by=elsewhere.works_clerk)).status_code == 404
    both = await asyncio.gather(*(street.post(path, good, by=clerk) for _ in range(5)))
    assert sorted(answer.status_code for answer in both) == [201, 409, 409, 409, 409]
    assert {answer.json().get("code") for answer in both} == {None, "already_offered"}


async def test_an_offer_is_withdrawn_and_made_anew(street: Street) -> None:
    case = await street.triaged(HARD)
    first = await offer(street, case, street.works, street.works_clerk)
    path = f"/v1/cases/{case['id']}/offers/{first['id']}/withdraw"
    foreign = await street.post(path, by=street.water_clerk)
    assert (foreign.status_code, foreign.json()["rule"]) == (403, "claims_for_own_unit")
    withdrawn = await street.post(path, by=street.works_clerk)
    assert (withdrawn.status_code, withdrawn.json()["state"]) == (200, "withdrawn")
    again = await street.post(path, by=street.works_clerk)
    assert (again.status_code, again.json()["code"]) == (422, "unknown_offer")
    second = await offer(street, case, street.works, street.works_clerk)
    case = await street.read(case)
    gone = await street.act(case, "choose", {"offer_id": first["id"]}, by=street.officer)
    assert (gone.status_code, gone.json()["code"]) == (422, "unknown_offer")
    unknown = {"offer_id": second["id"], "helpers": [{"unit_id": str(new_id())}]}
    refused = await street.act(case, "choose", unknown, by=street.officer)
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/helpers/0/unit_id")
    assert states(await claims(street, case)) == (["withdrawn", "open"], [])
    case = await street.step(case, "choose", {"offer_id": second["id"]}, by=street.officer)
    late = await street.post(f"/v1/cases/{case['id']}/offers/{second['id']}/withdraw", by=street.works_clerk)
    assert late.status_code in {403, 409}
    assert states(await claims(street, case)) == (["withdrawn", "chosen"], ["active"])


async def test_offers_are_passed_over_when_it_is_decided_without_them(street: Street) -> None:
    case = await street.triaged(HARD)
    await offer(street, case, street.works, street.works_clerk)
    case = await street.step(await street.read(case), "assign", {"unit_id": str(street.water)}, by=street.officer)
    assert states(await claims(street, case)) == (["passed_over"], [])


async def test_of_five_hundred_who_claim_at_once_one_holds_it(street: Street, places: Places, owner: Any) -> None:
    units = [await places.unit(NORTH, name=f"unit {number}") for number in range(10)]
    case = await street.triaged(MEDIUM)
    askers = [(unit, clerk_of(street, unit)) for number in range(500) for unit in [units[number % 10]]]
    turned_away = 0

    async def insist(unit: UUID, by: Headers) -> httpx.Response:
        """Come again when told to, until somebody has time."""
        nonlocal turned_away
        body = {"unit_id": str(unit), "due_at": due_in(2)}
        while (answer := await street.act(case, "claim", body, by=by)).status_code == 503:
            turned_away += 1
            await asyncio.sleep(float(answer.headers["Retry-After"]))
        return answer

    answers = await asyncio.gather(*(insist(unit, by) for unit, by in askers))
    codes = Counter(answer.status_code for answer in answers)
    print(f"{len(askers)} claims at once: {dict(sorted(codes.items()))}, {turned_away} times told to come again")
    assert codes[200] == 1, codes
    assert set(codes) <= {200, 403, 404, 409, 412}
    (winner,) = [unit for (unit, _), answer in zip(askers, answers, strict=True) if answer.status_code == 200]
    held = await owner.fetch("SELECT unit_id, state FROM intake.claims WHERE case_id = $1", case["id"])
    assert [(row["unit_id"], row["state"]) for row in held] == [(winner, "active")]
    assert [step["step"] for step in await street.history(case)].count("claim") == 1
    assert (await street.read(case))["unit_id"] == str(winner)


async def lapse(database: Database, street: Street) -> None:
    await return_lapsed_claims(database, street.caller.tenant, utc_now())


async def test_progress_renews_the_lease(street: Street, databases: dict[str, Database], moved: MovedClock) -> None:
    intake, clerk = databases["intake"], street.works_clerk
    case = await street.given_to(await street.triaged(MEDIUM), street.works, by=clerk)
    until: list[datetime] = []
    for renewals in range(4):
        (claim,) = (await claims(street, case))["claims"]
        until.append(datetime.fromisoformat(claim["lease_until"]))
        assert (claim["state"], claim["renewals"]) == ("active", renewals)
        moved.forward(until[-1] - utc_now() - timedelta(minutes=5))
        await lapse(intake, street)
        # A comment is no progress.
        await street.post(f"/v1/cases/{case['id']}/comment", {"note": "在办"}, by=clerk)
        case = await street.step(await street.read(case), "progress", {"note": "开挖"}, by=clerk)
    assert until == sorted(set(until))
    assert case["state"] == "claimed"
    (claim,) = (await claims(street, case))["claims"]
    moved.forward(datetime.fromisoformat(claim["lease_until"]) - utc_now() + timedelta(seconds=1))
    await lapse(intake, street)
    assert states(await claims(street, case)) == ([], ["lapsed"])


async def test_what_a_crashed_holder_left_returns_once(
    street: Street, servers: TestServers, owner: Any, moved: MovedClock
) -> None:
    tenant = street.caller.tenant
    held = [await street.given_to(await street.triaged(MEDIUM), street.works, by=street.works_clerk) for _ in range(12)]
    moved.forward(timedelta(days=14))
    workers = [Database(servers.role_url("intake"), schema="intake", pool_size=2) for _ in range(4)]
    try:
        for _ in range(2):
            await asyncio.gather(*(lapse(worker, street) for worker in workers))
    finally:
        for worker in workers:
            await worker.close()
    for case in held:
        now = await street.read(case)
        assert (now["state"], now["unit_id"], now["due_at"], now["level"]) == ("triaged", None, None, "council")
        steps = [step["step"] for step in await street.history(case)]
        assert (steps.count("lapse"), steps.count("supervise")) == (1, 1)
        assert states(await claims(street, case)) == ([], ["lapsed"])
        assert (await street.clocks(case))["recounted"] == "equal"
    written = await owner.fetch(
        "SELECT case_id, unit_id, cause, state FROM intake.supervision_orders WHERE tenant_id = $1", tenant
    )
    assert Counter(str(row["case_id"]) for row in written) == {case["id"]: 1 for case in held}
    assert {(row["unit_id"], row["cause"], row["state"]) for row in written} == {
        (street.works, "claim_lapsed", "issued")
    }
    print(f"{len(held)} claims of a crashed holder, 4 workers twice: {len(written)} returned, each once")
    # Somebody else takes it up.
    case = await street.read(held[0])
    body = {"unit_id": str(street.water), "due_at": due_in(3)}
    case = await street.step(case, "claim", body, by=street.water_clerk)
    assert states(await claims(street, case)) == ([], ["lapsed", "active"])


async def test_progress_and_the_end_of_the_lease_at_the_same_moment_agree(
    street: Street, databases: dict[str, Database], moved: MovedClock
) -> None:
    held = [await street.given_to(await street.triaged(MEDIUM), street.works, by=street.works_clerk) for _ in range(6)]
    moved.forward(timedelta(days=14))
    answers = await asyncio.gather(
        *(street.act(case, "progress", {"note": "在办"}, by=street.works_clerk) for case in held),
        *(lapse(databases["intake"], street) for _ in range(2)),
    )
    await lapse(databases["intake"], street)
    for case, answer in zip(held, answers, strict=False):
        assert answer is not None
        assert answer.status_code in {200, 403, 404, 409, 412}
        told = await claims(street, case)
        kept = answer.status_code == 200
        assert states(told) == ([], ["active" if kept else "lapsed"])
        assert (await street.read(case))["state"] == ("claimed" if kept else "triaged")


@pytest.mark.parametrize(
    ("action", "state"),
    [
        ("resolve", "done"),
        ("hand-on", "handed_on"),
        ("assign", "taken_away"),
        ("level", "taken_away"),
        ("withdraw", "taken_away"),
    ],
)
async def test_whatever_moves_a_case_ends_its_claim(
    street: Street, databases: dict[str, Database], moved: MovedClock, action: str, state: str
) -> None:
    clerk = street.works_clerk
    case = await street.triaged(MEDIUM, category="parking")
    case = await street.given_to(case, street.works, by=clerk)
    bodies: dict[str, tuple[Json, Headers]] = {
        "resolve": ({"note": "x"}, clerk),
        "hand-on": ({"reason": "非本单位职责"}, clerk),
        "assign": ({"unit_id": str(street.water)}, street.officer),
        "level": ({"level": "grid", "reason": "x"}, street.officer),
        "withdraw": ({}, street.owner),
    }
    body, by = bodies[action]
    case = await street.step(case, action, body, by=by)
    (claim,) = (await claims(street, case))["claims"]
    assert claim["state"] == state
    assert datetime.fromisoformat(claim["ended_at"]) == datetime.fromisoformat(case["updated_at"])
    version = case["version"]
    moved.forward(timedelta(days=30))
    await lapse(databases["intake"], street)
    assert (await street.read(case))["version"] == version


async def test_a_hand_over_says_why_and_the_second_forces_the_joint_meeting(street: Street) -> None:
    clerk, other = street.works_clerk, street.water_clerk
    case = await street.given_to(await street.triaged(SIMPLE), street.works, by=clerk)
    for wrong in ({}, {"reason": "  "}, {"reason": None}, {"unit_id": str(street.water)}):
        assert (await street.act(case, "hand-on", wrong, by=clerk)).status_code == 422
    unknown = await street.act(case, "hand-on", {"reason": "x", "unit_id": str(new_id())}, by=clerk)
    assert (unknown.status_code, unknown.json()["code"]) == (422, "unknown_unit")
    refused = await street.act(case, "hand-on", {"reason": "x"}, by=street.officer)
    assert (refused.status_code, refused.json()["rule"]) == (403, "role_required")
    body = {"reason": "供水管线", "unit_id": str(street.water)}
    # Whoever hands it on sees it no more.
    seen = await street.act(case, "hand-on", body, by=clerk)
    assert seen.status_code == 200, seen.text
    case = await street.read(case)
    assert (case["state"], case["unit_id"], case["hand_overs"], case["level"]) == (
        "assigned",
        str(street.water),
        1,
        "grid",
    )
    answer = await street.act(case, "hand-on", {"reason": "非本单位", "unit_id": str(street.works)}, by=other)
    assert answer.status_code == 200, answer.text
    case = await street.read(case)
    assert (case["state"], case["unit_id"], case["hand_overs"], case["level"]) == ("triaged", None, 2, "joint")
    steps = (await street.history(case))[-2:]
    assert [(step["step"], step["actor"] == "system") for step in steps] == [("hand_on", False), ("forced_joint", True)]
    assert steps[0]["data"]["wanted_unit"] == str(street.works)
    assert steps[0]["note"] == "非本单位"
    resolve = next(one for one in case["clocks"] if one["clock"] == "resolve")
    assert resolve["budget_s"] == 12_600 * 60
    direct = await street.act(case, "claim", {"unit_id": str(street.works), "due_at": due_in(2)}, by=clerk)
    assert (direct.status_code, direct.json()["rule"]) == (403, "joint_meeting_chooses")
    assert (await street.clocks(case))["recounted"] == "equal"
    made = await offer(street, case, street.works, clerk)
    case = await street.step(await street.read(case), "choose", {"offer_id": made["id"]}, by=street.officer)
    assert states(await claims(street, case)) == (["chosen"], ["handed_on", "active"])


async def test_a_unit_does_not_hand_a_case_to_itself(street: Street) -> None:
    clerk = street.works_clerk
    case = await street.given_to(await street.triaged(SIMPLE), street.works, by=clerk)
    refused = await street.act(case, "hand-on", {"reason": "x", "unit_id": str(street.works)}, by=clerk)
    assert (refused.status_code, refused.json()["code"]) == (422, "same_unit")
    assert (await street.read(case))["hand_overs"] == 0


async def test_claims_are_shown_to_whoever_sees_the_case(street: Street, elsewhere: Street) -> None:
    case = await street.triaged(HARD)
    path = f"/v1/cases/{case['id']}/claims"
    for by in (street.neighbour, elsewhere.officer):
        assert (await street.get(path, by=by)).status_code == 404
    assert (await claims(street, case, by=street.works_clerk)) == {"offers": [], "claims": []}
