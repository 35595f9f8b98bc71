"""A case's life over HTTP: each step, who may take it, and what comes of it."""

import asyncio
import random
from itertools import pairwise
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from shared.auth import Role
from shared.db import Database
from shared.ids import new_id
from tests.intake.conftest import GRID, HARD, MEDIUM, NORTH, SIMPLE, Headers, Json, Street, due_in, picture


async def test_from_the_first_word_to_the_verdict(street: Street) -> None:
    case = await street.resolved()
    assert (case["state"], case["outcome"], case["level"]) == ("resolved", None, "joint")
    closed = await street.step(case, "feedback", {"answer": "solved", "comment": "通了"}, by=street.owner)
    assert (closed["state"], closed["outcome"], closed["version"]) == ("closed", "satisfied", 7)
    assert [item["action"] for item in closed["next_actions"] if item["allowed"]] == ["reopen"]
    steps = await street.history(case)
    assert [(item["position"], item["step"], item["from_state"], item["to_state"]) for item in steps] == [
        (1, "file", None, "filed"),
        (2, "accept", "filed", "accepted"),
        (3, "triage", "accepted", "triaged"),
        (4, "assign", "triaged", "assigned"),
        (5, "claim", "assigned", "claimed"),
        (6, "resolve", "claimed", "resolved"),
        (7, "feedback", "resolved", "closed"),
    ]
    assert steps[6]["note"] == "通了"
    assert steps[0]["actor"] == f"person/{street.owner_id}"
    assert [item["at"] for item in steps] == sorted(item["at"] for item in steps)


async def test_the_score_is_told_with_its_reasons(street: Street) -> None:
    case = await street.triaged()
    triage = case["triage"]
    assert (case["level"], triage["scored_level"], triage["override_reason"]) == ("joint", "joint", None)
    assert triage["points"] == sum(reason["points"] for reason in triage["reasons"]) == 16
    assert [reason["code"] for reason in triage["reasons"]] == [
        "owner_unclear",
        "crosses_boundary",
        "many_households",
        "costly",
        "several_departments",
    ]
    assert all(reason["detail_zh"] and reason["detail_en"] for reason in triage["reasons"])


async def test_an_officer_may_judge_otherwise_with_a_reason(street: Street) -> None:
    case = await street.step(await street.filed(), "accept", {"note": "已查看"}, by=street.grid_worker)
    wanted = {**SIMPLE, "override": {"level": "council", "reason": "连续三次投诉"}}
    refused = await street.act(case, "triage", wanted, by=street.grid_worker)
    assert (refused.status_code, refused.json()["rule"]) == (403, "officers_override_triage")
    judged = await street.step(case, "triage", wanted, by=street.officer)
    assert (judged["level"], judged["triage"]["scored_level"]) == ("council", "grid")
    assert judged["triage"]["override_reason"] == "连续三次投诉"
    for wrong in (
        {**SIMPLE, "override": {"level": "council"}},
        {**SIMPLE, "households": True},
        {**SIMPLE, "cost_fen": 5.0},
        {**SIMPLE, "cost_fen": -1},
        {**SIMPLE, "departments": "2"},
        {},
    ):
        assert (await street.act(judged, "triage", wrong, by=street.officer)).status_code == 422


async def test_a_small_case_is_mended_in_the_grid(street: Street) -> None:
    case = await street.triaged(SIMPLE, category="parking")
    assert case["level"] == "grid"
    case = await street.step(case, "progress", {"note": "联系物业"}, by=street.grid_worker)
    assert case["state"] == "triaged"
    case = await street.step(case, "resolve", {"note": "已劝离"}, by=street.grid_worker)
    assert case["state"] == "resolved"


async def test_a_case_that_is_not_solved_is_opened_again(street: Street) -> None:
    case = await street.resolved()
    case = await street.step(case, "feedback", {"answer": "not_solved", "comment": "又堵了"}, by=street.owner)
    assert (case["state"], case["outcome"]) == ("reopened", "not_satisfied")
    assert (case["unit_id"], case["due_at"]) == (None, None)
    case = await street.step(case, "triage", HARD, by=street.grid_worker)
    case = await street.given_to(case, street.water, by=street.water_clerk)
    clerk = street.water_clerk
    proof = (await street.upload(picture(), by=clerk)).json()["id"]
    case = await street.step(case, "resolve", {"note": "换管", "attachment_ids": [proof]}, by=clerk)
    case = await street.step(case, "feedback", {"answer": "solved"}, by=street.owner)
    assert (case["state"], case["outcome"]) == ("closed", "satisfied")


async def test_a_case_is_assigned_claimed_and_taken_away_again(street: Street) -> None:
    case = await street.triaged()
    refused = await street.act(case, "assign", {"unit_id": str(street.works)}, by=street.grid_worker)
    assert (refused.status_code, refused.json()["rule"]) == (403, "officers_assign")
    unknown = await street.act(case, "assign", {"unit_id": str(new_id())}, by=street.officer)
    assert (unknown.status_code, unknown.json()["code"]) == (422, "unknown_unit")
    convenor = street.holding(Role.CONVENOR, NORTH)
    case = await street.step(case, "assign", {"unit_id": str(street.works), "note": "联席会议"}, by=convenor)
    assert (case["state"], case["unit_id"]) == ("assigned", str(street.works))
    # Once it is another unit's it is no longer shown to those who might have claimed it.
    claim = {"unit_id": str(street.water), "due_at": due_in(3)}
    assert (await street.act(case, "claim", claim, by=street.water_clerk)).status_code == 404
    both = street.caller("intake", (Role.UNIT_STAFF, "county", street.water), (Role.UNIT_STAFF, "county", street.works))
    refused = await street.act(case, "claim", claim, by=both)
    assert (refused.status_code, refused.json()["rule"]) == (403, "assigned_to_another_unit")
    mine = {"unit_id": str(street.works), "due_at": due_in(3)}
    case = await street.step(case, "claim", mine, by=street.works_clerk)
    assert case["state"] == "claimed"
    case = await street.step(case, "assign", {"unit_id": str(street.water)}, by=street.officer)
    assert (case["state"], case["unit_id"], case["due_at"]) == ("assigned", str(street.water), None)
    assert (await street.get(f"/v1/cases/{case['id']}", by=street.works_clerk)).status_code == 404


async def test_a_claim_is_for_ones_own_unit_and_for_later(street: Street) -> None:
    case = await street.triaged(MEDIUM)
    foreign = {"unit_id": str(street.water), "due_at": due_in(1)}
    refused = await street.act(case, "claim", foreign, by=street.works_clerk)
    assert (refused.status_code, refused.json()["rule"]) == (403, "claims_for_own_unit")
    late = {"unit_id": str(street.works), "due_at": due_in(-1)}
    assert (await street.act(case, "claim", late, by=street.works_clerk)).json()["code"] == "due_in_the_past"
    for wrong in ("2026-01-01T00:00:00", "soon", 5, None):
        body = {"unit_id": str(street.works), "due_at": wrong}
        assert (await street.act(case, "claim", body, by=street.works_clerk)).status_code == 422


async def test_of_many_who_claim_at_once_one_gets_it(street: Street) -> None:
    case = await street.triaged(MEDIUM)
    clerks = [(street.works_clerk, street.works), (street.water_clerk, street.water)] * 4
    answers = await asyncio.gather(
        *(street.act(case, "claim", {"unit_id": str(unit), "due_at": due_in(2)}, by=by) for by, unit in clerks)
    )
    assert len([answer for answer in answers if answer.status_code == 200]) == 1
    assert {answer.status_code for answer in answers} <= {200, 404, 409, 412}


async def test_proof_is_shown_where_the_category_asks_for_it(street: Street) -> None:
    case = await street.claimed()
    refused = await street.act(case, "resolve", {"note": "修好了"}, by=street.works_clerk)
    assert (refused.status_code, refused.json()["code"]) == (422, "proof_required")
    foreign = (await street.upload(picture())).json()["id"]
    body = {"note": "修好了", "attachment_ids": [foreign]}
    refused = await street.act(case, "resolve", body, by=street.works_clerk)
    assert (refused.status_code, refused.json()["code"]) == (422, "unknown_attachment")
    assert (await street.get(f"/v1/cases/{case['id']}")).json()["state"] == "claimed"


async def test_only_the_requester_gives_the_verdict(street: Street) -> None:
    case = await street.resolved()
    for by in (street.grid_worker, street.works_clerk):
        refused = await street.act(case, "feedback", {"answer": "solved"}, by=by)
        assert (refused.status_code, refused.json()["rule"]) == (403, "requester_only")
    assert (await street.act(case, "feedback", {"answer": "perhaps"}, by=street.owner)).status_code == 422


async def test_a_need_is_stated_by_staff(street: Street) -> None:
    case = await street.triaged()
    body = {"category": "labour", "summary": "需要疏通设备一套", "quantity": 1, "urgent": True}
    response = await street.act(case, "needs", body, by=street.officer)
    assert response.status_code == 201
    assert response.headers["location"] == f"/v1/needs/{response.json()['need_id']}"
    assert response.headers["etag"] == f'"{case["version"] + 1}"'
    assert response.json()["case_id"] == case["id"]
    assert (await street.act(case, "needs", body, by=street.owner)).status_code == 403
    now = (await street.get(f"/v1/cases/{case['id']}")).json()
    for wrong in ({"quantity": 0}, {"summary": ""}, {"summary": "x" * 201}, {"urgent": "very"}):
        assert (await street.act(now, "needs", {**body, **wrong}, by=street.officer)).status_code == 422


async def test_a_need_tells_where_it_is_to_some_hundred_metres(street: Street, databases: dict[str, Database]) -> None:
    for location, expected in (
        ({"latitude": 37.509876, "longitude": 122.123456}, (37.51, 122.123)),
        (None, (None, None)),
    ):
        case = await street.triaged(location=location)
        body = {"category": "labour", "summary": "需要疏通设备一套"}
        assert (await street.act(case, "needs", body, by=street.officer)).status_code == 201
        told = text("SELECT body::jsonb FROM intake.outbox WHERE tenant_id = :t AND subject = :s AND body LIKE :k")
        values = {"t": street.caller.tenant, "s": f"case/{case['id']}", "k": "%need_raised%"}
        async with databases["intake"].read(street.caller.tenant) as session:
            raised = (await session.scalars(told, values)).all()
        assert {(one["data"]["latitude"], one["data"]["longitude"]) for one in raised} == {expected}


async def test_neighbours_join_once(street: Street) -> None:
    case = await street.filed()
    path = f"/v1/cases/{case['id']}"
    joiner = street.neighbour
    assert (await street.get(path, by=joiner)).status_code == 404
    joined = await street.post(f"{path}/join", by=joiner)
    assert (joined.status_code, joined.json()["number"]) == (200, case["number"])
    seen = (await street.get(path, by=joiner)).json()
    assert (seen["joiners"], seen["requester_id"]) == (1, None)
    again = await street.post(f"{path}/join", by=joiner)
    assert (again.status_code, again.json()["rule"]) == (403, "already_concerned")
    assert (await street.post(f"{path}/join")).json()["rule"] == "already_concerned"
    assert (await street.post(f"{path}/join", by=street.grid_worker)).json()["rule"] == "role_required"
    stranger = street.holding(Role.RESIDENT, "county.south")
    assert (await street.post(f"{path}/join", by=stranger)).status_code == 404
    more = await asyncio.gather(*(street.post(f"{path}/join", by=street.neighbour) for _ in range(5)))
    assert [answer.status_code for answer in more] == [200] * 5
    assert (await street.get(path)).json()["joiners"] == 6


async def test_a_closed_case_is_not_joined(street: Street) -> None:
    case = await street.step(await street.resolved(), "feedback", {"answer": "solved"}, by=street.owner)
    refused = await street.post(f"/v1/cases/{case['id']}/join", by=street.neighbour)
    assert (refused.status_code, refused.json()["code"]) == (409, "wrong_state")


ACTIONS: dict[str, dict[str, Any]] = {
    "accept": {},
    "triage": HARD,
    "assign": {"unit_id": str(new_id())},
    "claim": {"unit_id": str(new_id()), "due_at": due_in(1)},
    "progress": {"note": "x"},
    "resolve": {"note": "x"},
    "feedback": {"answer": "solved"},
    "needs": {"category": "labour", "summary": "x"},
}


def everything(street: Street, *, person: object = None) -> Headers:
    """Return somebody who holds every role of these steps."""
    roles = (Role.OFFICER, Role.UNIT_STAFF, Role.RESIDENT)
    held = [(role, "county", street.works) for role in roles]
    return street.caller("intake", *held, person=person or street.owner_id)  # type: ignore[arg-type]


@pytest.mark.parametrize("action", ACTIONS)
async def test_every_step_names_the_version_it_has_seen(street: Street, action: str) -> None:
    case = await street.filed()
    path, body, by = f"/v1/cases/{case['id']}/{action}", ACTIONS[action], everything(street)
    missing = await street.post(path, body, by=by)
    assert (missing.status_code, missing.json()["code"]) == (428, "if_match_required")
    for malformed in ("1", "*", '"x"', 'W/"1"', '"0"'):
        assert (await street.http.post(path, json=body, headers={**by, "If-Match": malformed})).status_code == 400
    absent = await street.post(f"/v1/cases/{new_id()}/{action}", body, by=by, version=1)
    assert absent.status_code == 404
    assert (await street.post(path, body, by=street.caller.anonymous("intake"), version=1)).status_code == 401
    assert (await street.get(f"/v1/cases/{case['id']}")).json() == case


async def test_a_stale_version_is_answered_with_the_current_case(street: Street) -> None:
    case = await street.step(await street.filed(), "accept", {}, by=street.grid_worker)
    stale = await street.post(f"/v1/cases/{case['id']}/triage", HARD, by=street.grid_worker, version=1)
    assert (stale.status_code, stale.json()["code"]) == (412, "stale_version")
    assert stale.headers["etag"] == '"2"'
    assert (stale.json()["current"]["state"], stale.json()["current"]["version"]) == ("accepted", 2)


async def test_a_step_out_of_order_tells_what_is_possible(street: Street) -> None:
    case = await street.filed()
    refused = await street.act(case, "triage", HARD, by=street.grid_worker)
    problem = refused.json()
    assert (refused.status_code, problem["code"], problem["state"]) == (409, "wrong_state", "filed")
    assert [item["action"] for item in problem["next_actions"] if item["allowed"]] == [
        "accept",
        "decline",
        "reply",
        "comment",
        "answers",
        "merge",
    ]
    assert {item["code"] for item in problem["next_actions"] if item["action"] == "feedback"} == {"requester_only"}


async def test_the_same_key_takes_a_step_once(street: Street) -> None:
    case = await street.filed()
    path, by = f"/v1/cases/{case['id']}/accept", street.grid_worker
    answers = [await street.post(path, {}, by=by, version=1, key="accept-once") for _ in range(2)]
    assert [answer.json()["version"] for answer in answers] == [2, 2]
    assert len(await street.history(case)) == 2


def _attempts(street: Street) -> dict[str, tuple[str, Json]]:
    works = str(street.works)
    return {
        **{
            name: (name, body)
            for name, body in ACTIONS.items()
            if name not in {"assign", "claim", "resolve", "feedback", "triage"}
        },
        # Not so hard that a joint meeting has to choose.
        "triage": ("triage", MEDIUM),
        "assign": ("assign", {"unit_id": works}),
        "claim": ("claim", {"unit_id": works, "due_at": due_in(1)}),
        "resolve": ("resolve", {"note": "x"}),
        "feedback": ("feedback", {"answer": "not_solved"}),
    }


async def _try(
    street: Street, case_id: str, by: Headers, action: str, body: Json
) -> tuple[Json, httpx.Response] | None:
    seen = await street.get(f"/v1/cases/{case_id}", by=by)
    if seen.status_code == 404:
        return None
    case = seen.json()
    told = next(item for item in case["next_actions"] if item["action"] == action)
    return told, await street.act(case, action, body, by=by)


async def test_wherever_chance_leads_what_was_told_comes_true(street: Street) -> None:
    chance = random.Random(20260101)
    case = await street.filed(category="parking")
    people = [
        street.owner,
        street.grid_worker,
        street.officer,
        street.works_clerk,
        street.holding(Role.AUDITOR, "county"),
    ]
    attempts = _attempts(street)
    reached = set()
    for _ in range(250):
        action, body = attempts[chance.choice(list(attempts))]
        tried = await _try(street, case["id"], chance.choice(people), action, body)
        if tried is None:
            continue
        told, answer = tried
        if told["allowed"]:
            assert answer.status_code in (200, 201), (action, answer.text)
            reached.add(answer.json().get("state"))
        elif told["code"] == "wrong_state":
            assert (answer.status_code, answer.json()["code"]) == (409, "wrong_state"), action
        else:
            assert answer.status_code == 403, (action, answer.text)
            assert answer.json()["rule"] in {told["code"], "role_required"}
    assert reached >= {"accepted", "triaged", "assigned", "claimed", "resolved", "reopened"}
    steps = (await street.get(f"/v1/cases/{case['id']}/history", page_size=200)).json()["items"]
    assert [item["position"] for item in steps] == list(range(1, len(steps) + 1))
    assert all(after["from_state"] == before["to_state"] for before, after in pairwise(steps))
    assert case["area_path"] == GRID
