"""Appeals: against a level or a decline, answered by somebody else, and what upholding does."""

import asyncio
from typing import Any

from shared.auth import Role
from tests.intake.conftest import HARD, NORTH, SIMPLE, Headers, Street

REASON = {"reason": "这不是小事"}


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
