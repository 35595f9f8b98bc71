"""Appeals: against a level or a decline, answered by somebody else, and what upholding does."""

import asyncio
import secrets
from datetime import datetime, timedelta
from typing import Any

from services.intake.appeals.jobs import climb_appeals
from services.intake.calendar.rules import DEFAULT_HOURS, WorkCalendar
from shared.auth import Role
from shared.clock import utc_now
from shared.db import Database
from shared.testing import TestServers
from tests.intake.conftest import HARD, NORTH, SIMPLE, Headers, MovedClock, Street
from tests.intake.test_anonymous import filed_anonymously, with_token
from tests.intake.test_notifications import kinds

REASON = {"reason": "这不是小事"}
PLAIN = WorkCalendar(DEFAULT_HOURS, {})


def other_officer(street: Street) -> Headers:
    return street.holding(Role.OFFICER, NORTH)


async def appealed(street: Street, case: dict[str, Any]) -> dict[str, Any]:
    answer = await street.act(case, "appeals", REASON, by=street.owner)
    assert answer.status_code == 201, answer.text
    assert answer.headers["etag"] == f'"{case["version"] + 1}"'
    return await street.read(case)


async def answered(street: Street, case: dict[str, Any], decision: str, by: Headers) -> dict[str, Any]:
    body = {"decision": decision, "answer": "经复核"}
    answer = await street.act(case, "appeals/answer", body, by=by)
    assert answer.status_code == 200, answer.text
    assert answer.json()["state"] == decision
    return await street.read(case)


async def test_a_level_that_is_appealed_against_is_judged_anew(street: Street) -> None:
    worker = street.grid_worker
    case = await street.step(await street.filed(category="parking"), "accept", {}, by=worker)
    case = await street.step(case, "triage", SIMPLE, by=worker)
    case = await street.given_to(case, street.works, by=street.works_clerk)
    case = await appealed(street, case)
    assert (case["state"], case["appeal_open"]) == ("claimed", True), "meanwhile the case goes on"
    (told,) = (await street.get(f"/v1/cases/{case['id']}/appeals")).json()
    assert (told["against"], told["state"], told["reason"], told["answer"]) == (
        "triage",
        "open",
        REASON["reason"],
        None,
    )
    second = await street.act(case, "appeals", REASON, by=street.owner)
    assert (second.status_code, second.json()["rule"]) == (403, "appeal_is_open")
    case = await answered(street, case, "upheld", other_officer(street))
    assert (case["state"], case["level"], case["triage"], case["unit_id"], case["appeal_open"]) == (
        "accepted",
        None,
        None,
        None,
        False,
    )
    (claim,) = (await street.get(f"/v1/cases/{case['id']}/claims")).json()["claims"]
    assert claim["state"] == "taken_away"
    (told,) = (await street.get(f"/v1/cases/{case['id']}/appeals")).json()
    assert (told["state"], told["answer"]) == ("upheld", "经复核")
    case = await street.step(case, "triage", HARD, by=worker)
    assert case["level"] == "joint"
    assert (await street.clocks(case))["recounted"] == "equal"


async def test_a_rejected_appeal_changes_nothing_and_another_may_follow(street: Street) -> None:
    before = await street.triaged(SIMPLE)
    case = await answered(street, await appealed(street, before), "rejected", other_officer(street))
    for member in ("state", "level", "triage", "unit_id", "clocks"):
        if member != "clocks":
            assert case[member] == before[member]
    due = [[clock["due_at"] for clock in one["clocks"]] for one in (before, case)]
    assert due[0] == due[1]
    case = await appealed(street, case)
    assert [one["state"] for one in (await street.get(f"/v1/cases/{case['id']}/appeals")).json()] == [
        "rejected",
        "open",
    ]


async def test_a_declined_case_comes_back_when_the_appeal_is_upheld(street: Street) -> None:
    case = await street.step(await street.filed(), "decline", {"reason": "不属受理范围"}, by=street.grid_worker)
    assert (case["state"], case["outcome"]) == ("closed", "declined")
    case = await appealed(street, case)
    assert (await street.get(f"/v1/cases/{case['id']}/appeals")).json()[0]["against"] == "decline"
    case = await answered(street, case, "upheld", street.officer)
    assert (case["state"], case["outcome"], case["closed_at"]) == ("accepted", None, None)
    resolve = next(clock for clock in case["clocks"] if clock["clock"] == "resolve")
    assert (resolve["state"], resolve["run"]) == ("running", 1)
    assert (await street.clocks(case))["recounted"] == "equal"


async def test_whoever_decided_does_not_answer(street: Street) -> None:
    officer = street.officer
    case = await street.step(await street.filed(), "accept", {}, by=officer)
    case = await street.step(case, "triage", SIMPLE, by=officer)
    case = await appealed(street, case)
    body = {"decision": "rejected", "answer": "维持"}
    refused = await street.act(case, "appeals/answer", body, by=officer)
    assert (refused.status_code, refused.json()["rule"]) == (403, "whoever_decided_does_not_answer")
    for by in (street.grid_worker, street.owner, street.works_clerk):
        assert (await street.act(case, "appeals/answer", body, by=by)).status_code in {403, 404}
    for wrong in ({"decision": "perhaps"}, {"answer": " "}, {"answer": None}):
        assert (await street.act(case, "appeals/answer", {**body, **wrong}, by=officer)).status_code == 422
    both = await asyncio.gather(*(street.act(case, "appeals/answer", body, by=other_officer(street)) for _ in range(4)))
    assert min(answer.status_code for answer in both) == 200
    assert {answer.status_code for answer in both[0:]} <= {200, 403, 412}
    assert [answer.status_code for answer in both].count(200) == 1


async def test_only_the_requester_appeals_and_only_against_a_decision(street: Street) -> None:
    case = await street.filed()
    (joiner,) = await street.joined(case, 1)
    case = await street.read(case)
    early = await street.act(case, "appeals", REASON, by=street.owner)
    assert (early.status_code, early.json()["code"]) == (409, "wrong_state")
    case = await street.step(case, "accept", {}, by=street.grid_worker)
    case = await street.step(case, "triage", SIMPLE, by=street.grid_worker)
    refused = await street.act(case, "appeals", REASON, by=joiner)
    assert (refused.status_code, refused.json()["rule"]) == (403, "requester_only")
    assert (await street.act(case, "appeals", {}, by=street.owner)).status_code == 422
    none = await street.act(case, "appeals/answer", {"decision": "upheld", "answer": "x"}, by=street.officer)
    assert (none.status_code, none.json()["rule"]) == (403, "no_appeal_is_open")
    # Those who need not know who raised the case do not read what the requester wrote.
    assert (await street.get(f"/v1/cases/{case['id']}/appeals", by=joiner)).status_code == 404
    assert (await street.get(f"/v1/cases/{case['id']}/appeals", by=street.works_clerk)).status_code == 404
    closed = await street.step(await street.resolved(), "feedback", {"answer": "solved"}, by=street.owner)
    late = await street.act(closed, "appeals", REASON, by=street.owner)
    assert (late.status_code, late.json()["rule"]) == (403, "nothing_to_appeal")


async def test_an_appeal_that_is_upheld_wakes_nothing_that_has_ended_otherwise(street: Street) -> None:
    withdrawn = await appealed(street, await street.triaged(SIMPLE))
    withdrawn = await street.step(withdrawn, "withdraw", {}, by=street.owner)
    merged, into = await appealed(street, await street.triaged(SIMPLE)), await street.filed()
    body = {"into_case_id": into["id"], "reason": "同一处"}
    await street.step(merged, "merge", body, by=street.officer)
    for ended, outcome in ((withdrawn, "withdrawn"), (await street.read(merged), "merged")):
        case = await answered(street, ended, "upheld", other_officer(street))
        assert (case["state"], case["outcome"], case["appeal_open"]) == ("closed", outcome, False)
    # So the merge can still be taken back, and made again.
    undone = await street.post(f"/v1/cases/{merged['id']}/unmerge", {"reason": "不同"}, by=street.officer)
    assert undone.status_code == 200, undone.text
    await street.step(await street.read(merged), "merge", body, by=street.officer)


async def test_an_anonymous_requester_appeals_by_the_token(street: Street) -> None:
    token = secrets.token_urlsafe(32)
    case = await filed_anonymously(street, token=token)
    at, by = f"/v1/anonymous-cases/{street.caller.tenant}/{case['id']}", with_token(street, token)
    early = await street.post(f"{at}/appeals", REASON, by=by)
    assert (early.status_code, early.json()["code"]) == (409, "wrong_state")
    case = await street.step(case, "decline", {"reason": "不属受理范围"}, by=street.grid_worker)
    seen = (await street.get(at, by=by)).json()
    assert {action["action"] for action in seen["next_actions"] if action["allowed"]} >= {"appeal"}
    made = await street.post(f"{at}/appeals", REASON, by=by)
    assert (made.status_code, made.json()["against"], made.json()["state"]) == (201, "decline", "open")
    again = await street.post(f"{at}/appeals", REASON, by=by)
    assert (again.status_code, again.json()["rule"]) == (403, "appeal_is_open")
    for stranger in (with_token(street, secrets.token_urlsafe(32)), street.caller.anonymous("intake")):
        assert (await street.post(f"{at}/appeals", REASON, by=stranger)).status_code in {404, 422}
        assert (await street.get(f"{at}/appeals", by=stranger)).status_code in {404, 422}
    case = await street.read(case, by=street.officer)
    await street.step(case, "appeals/answer", {"decision": "upheld", "answer": "经复核"}, by=street.officer)
    (told,) = (await street.get(f"{at}/appeals", by=by)).json()
    assert (told["state"], told["answer"]) == ("upheld", "经复核")
    assert (await street.get(at, by=by)).json()["state"] == "accepted"


async def test_an_appeal_that_nobody_answers_climbs_each_rung_once(
    street: Street, servers: TestServers, moved: MovedClock
) -> None:
    rung = {"after_minutes": 0, "roles": ["officer"], "up": 1, "supervise": True}
    await street.handle(
        appeal_minutes=100, appeal_rungs=[rung, {**rung, "after_minutes": 50, "up": 2, "supervise": False}]
    )
    late = [await appealed(street, await street.triaged(SIMPLE)) for _ in range(5)]
    answered_one = await answered(
        street, await appealed(street, await street.triaged(SIMPLE)), "rejected", street.officer
    )
    (told,) = (await street.get(f"/v1/cases/{late[0]['id']}/appeals")).json()
    due = PLAIN.add(datetime.fromisoformat(told["made_at"]), timedelta(minutes=100))
    assert datetime.fromisoformat(told["due_at"]) == due
    above_it, county = street.holding(Role.OFFICER, "county.north.c1"), street.holding(Role.OFFICER, "county")
    workers = [Database(servers.role_url("intake"), schema="intake", pool_size=2) for _ in range(4)]

    async def swept_at(moment: datetime) -> list[int]:
        moved.forward(max(timedelta(0), moment - utc_now()) + timedelta(seconds=5))
        for _ in range(2):
            await asyncio.gather(*(climb_appeals(one, street.caller.tenant, utc_now()) for one in workers))
        return [(await kinds(street, by)).count("appeal_due") for by in (above_it, county)]

    try:
        assert await swept_at(due - timedelta(minutes=5)) == [0, 0]
        assert await swept_at(due) == [5, 5]
        # The second rung tells two levels up, whose officers hear of the first one too.
        assert await swept_at(PLAIN.add(due, timedelta(minutes=50))) == [5, 10]
        assert await swept_at(PLAIN.add(due, timedelta(minutes=5_000))) == [5, 10]
    finally:
        for worker in workers:
            await worker.close()
    for case in late:
        steps = [step for step in await street.history(case) if step["step"] in {"appeal_late", "supervise"}]
        assert [(step["step"], step["data"].get("rung")) for step in steps] == [
            ("appeal_late", 1),
            ("supervise", None),
            ("appeal_late", 2),
        ]
        assert (await street.clocks(case))["recounted"] == "equal"
    assert "appeal_late" not in {step["step"] for step in await street.history(answered_one)}
    assert (await kinds(street, street.owner)).count("appeal_passed_up") == 10
    done = await answered(street, await street.read(late[0]), "rejected", other_officer(street))
    assert not done["appeal_open"]


async def test_the_rungs_of_appeals_rise(street: Street) -> None:
    rung = {"after_minutes": 10, "roles": ["officer"], "up": 1}
    now = (await street.get("/v1/handling", by=street.administrator)).json()
    for wrong in ({"appeal_rungs": [rung, rung]}, {"appeal_minutes": 0}, {"appeal_rungs": [{**rung, "roles": []}]}):
        body = {**now["rules"], **wrong}
        refused = await street.call("PUT", "/v1/handling", body, by=street.administrator, version=now["version"])
        assert refused.status_code == 422
