"""Verdicts: answers that are configuration, neighbours who confirm k of n, opening again, and who may judge."""

import secrets
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from services.intake.cases.service import OutsideStep, record_outside_steps
from services.intake.escalation.jobs import climb_ladders
from shared.auth import Role
from shared.clock import utc_now
from shared.db import Database
from shared.ids import new_id
from tests.intake.conftest import GRID, HARD, SIMPLE, Headers, Json, MovedClock, Street
from tests.intake.phones import operation, push
from tests.intake.test_anonymous import filed_anonymously, with_token
from tests.intake.test_notifications import kinds

OWN_ANSWERS = [
    {"code": "good", "name_zh": "满意", "name_en": "good", "outcome": "satisfied", "reopens": False},
    {
        "code": "so_so",
        "name_zh": "基本满意",
        "name_en": "so so",
        "outcome": "partly_satisfied",
        "reopens": False,
        "comment_required": True,
    },
    {
        "code": "bad",
        "name_zh": "不满意",
        "name_en": "bad",
        "outcome": "not_satisfied",
        "reopens": True,
        "comment_required": True,
    },
]


async def asked(street: Street, joiners: int = 0) -> tuple[dict[str, Any], list[Headers]]:
    """Bring a small case with neighbours to where its requester is asked."""
    case = await street.triaged(SIMPLE, category="parking")
    people = await street.joined(case, joiners)
    return await street.step(await street.read(case), "resolve", {"note": "x"}, by=street.grid_worker), people


async def confirm(street: Street, case: dict[str, Any], answer: str, by: Headers) -> dict[str, Any]:
    response = await street.post(f"/v1/cases/{case['id']}/confirm", {"answer": answer}, by=by)
    assert response.status_code == 200, response.text
    return await street.read(case)


async def mended_again(street: Street, case: dict[str, Any]) -> dict[str, Any]:
    """Judge a case that was opened again, and mend it once more."""
    case = await street.step(case, "triage", SIMPLE, by=street.grid_worker)
    if case["level"] != "grid":
        case = await street.given_to(case, street.works, by=(clerk := street.works_clerk))
        return await street.step(case, "resolve", {"note": "x"}, by=clerk)
    return await street.step(case, "resolve", {"note": "x"}, by=street.grid_worker)


def state(case: dict[str, Any]) -> tuple[Json, Json]:
    return case["state"], case["outcome"]


async def test_the_answers_are_the_tenants_own(street: Street, elsewhere: Street) -> None:
    await street.handle(answers=OWN_ANSWERS)
    case, _ = await asked(street)
    told = (await street.get(f"/v1/cases/{case['id']}/verdicts")).json()
    assert [answer["code"] for answer in told["answers"]] == ["good", "so_so", "bad"]
    assert (told["run"], told["joiners"], told["confirmations_wanted"]) == (1, 0, 0)
    unknown = await street.act(case, "feedback", {"answer": "solved"}, by=street.owner)
    assert (unknown.status_code, unknown.json()["code"]) == (422, "unknown_answer")
    assert unknown.json()["errors"][0]["pointer"] == "/answer"
    for answer in ("so_so", "bad"):
        silent = await street.act(case, "feedback", {"answer": answer}, by=street.owner)
        assert (silent.status_code, silent.json()["code"]) == (422, "comment_required")
    for comment in ("", "   "):
        blank = await street.act(case, "feedback", {"answer": "bad", "comment": comment}, by=street.owner)
        assert blank.status_code == 422
    again = await street.step(case, "feedback", {"answer": "bad", "comment": "又停满了"}, by=street.owner)
    assert state(again) == ("reopened", "not_satisfied")
    # Another tenant has what comes with the house.
    case, _ = await asked(elsewhere)
    assert (await elsewhere.act(case, "feedback", {"answer": "good"}, by=elsewhere.owner)).status_code == 422
    assert state(await elsewhere.step(case, "feedback", {"answer": "solved"}, by=elsewhere.owner))[0] == "closed"


async def test_partly_solved_closes_the_case(street: Street) -> None:
    case, _ = await asked(street)
    case = await street.step(case, "feedback", {"answer": "partly", "comment": "还有味道"}, by=street.owner)
    assert state(case) == ("closed", "partly_satisfied")


async def test_a_case_says_how_it_was_solved_until_it_is_opened_again(street: Street) -> None:
    claimed = await street.claimed()
    assert claimed["resolution"] is None
    case = await street.mended(claimed, by=street.works_clerk, public_note="井盖已更换")
    told = case["resolution"]
    assert (told["step"], told["note"], told["public_note"]) == ("resolve", "已修复", "井盖已更换")
    assert len(told["attachment_ids"]) == 1
    seen = (await street.get(f"/v1/cases/{case['id']}", by=street.owner)).json()
    assert seen["resolution"] == told
    again = await street.step(case, "feedback", {"answer": "not_solved"}, by=street.owner)
    assert (again["state"], again["resolution"]) == ("reopened", None)
    case = await street.step(again, "triage", HARD, by=street.grid_worker)
    case = await street.given_to(case, street.works, by=(clerk := street.works_clerk))
    case = await street.mended(case, by=clerk, note="第二次修复")
    closed = await street.step(case, "feedback", {"answer": "solved"}, by=street.owner)
    assert (closed["state"], closed["resolution"]["note"]) == ("closed", "第二次修复")
    assert closed["resolution"]["public_note"] is None


async def test_a_case_that_was_declined_says_why(street: Street) -> None:
    case = await street.filed()
    declined = await street.step(case, "decline", {"reason": "不属于本辖区"}, by=street.grid_worker)
    told = declined["resolution"]
    assert (told["step"], told["note"], told["attachment_ids"]) == ("decline", "不属于本辖区", [])


async def test_two_of_three_neighbours_confirm(street: Street) -> None:
    await street.handle(confirmations=2)
    case, (one, two, three) = await asked(street, 3)
    case = await street.step(case, "feedback", {"answer": "solved"}, by=street.owner)
    assert case["state"] == "resolved"
    assert (await street.history(case))[-1]["data"]["waits_for"] == "2"
    case = await confirm(street, case, "solved", one)
    # Saying it twice counts once.
    case = await confirm(street, case, "solved", one)
    told = (await street.get(f"/v1/cases/{case['id']}/verdicts", by=one)).json()
    assert (told["solved"], told["unsolved"], told["confirmations_wanted"], case["state"]) == (1, 0, 2, "resolved")
    case = await confirm(street, case, "not_solved", two)
    assert case["state"] == "resolved"
    case = await confirm(street, case, "partly", three)
    assert state(case) == ("closed", "satisfied")
    late = await street.post(f"/v1/cases/{case['id']}/confirm", {"answer": "solved"}, by=two)
    assert (late.status_code, late.json()["code"]) == (409, "wrong_state")
    assert (await street.history(case))[-1]["step"] == "confirmed"


async def test_who_is_asked_to_confirm_hears_so_and_not_that_it_is_open_again(street: Street) -> None:
    await street.handle(confirmations=1)
    case, (one,) = await asked(street, 1)
    case = await street.step(case, "feedback", {"answer": "solved"}, by=street.owner)
    assert (await kinds(street, one))[-2:] == ["case_resolved", "confirmations_wanted"]
    await confirm(street, case, "solved", one)
    assert (await kinds(street, one))[-1] == "case_closed"
    # The unit hears what its work is worth so far.
    case = await street.claimed()
    await street.joined(case, 1)
    case = await street.mended(await street.read(case), by=street.works_clerk)
    await street.step(case, "feedback", {"answer": "partly"}, by=street.owner)
    assert (await kinds(street, street.works_clerk))[-1] == "confirmations_wanted"


async def test_neighbours_first_and_the_requester_last(street: Street) -> None:
    await street.handle(confirmations=2)
    case, people = await asked(street, 3)
    for by in people[:2]:
        case = await confirm(street, case, "solved", by)
    assert case["state"] == "resolved", "the requester has the last word"
    case = await street.step(case, "feedback", {"answer": "partly"}, by=street.owner)
    assert state(case) == ("closed", "partly_satisfied")


async def test_of_fewer_than_k_all_are_asked(street: Street) -> None:
    await street.handle(confirmations=5)
    case, (one,) = await asked(street, 1)
    case = await street.step(case, "feedback", {"answer": "solved"}, by=street.owner)
    assert case["state"] == "resolved"
    assert state(await confirm(street, case, "solved", one)) == ("closed", "satisfied")
    alone, _ = await asked(street)
    assert state(await street.step(alone, "feedback", {"answer": "solved"}, by=street.owner))[0] == "closed"


async def test_enough_neighbours_object_and_it_is_opened_again(street: Street) -> None:
    await street.handle(confirmations=2)
    case, (one, two, three) = await asked(street, 3)
    case = await street.step(case, "feedback", {"answer": "solved"}, by=street.owner)
    case = await confirm(street, case, "not_solved", one)
    assert case["state"] == "resolved"
    case = await confirm(street, case, "not_solved", two)
    assert state(case) == ("reopened", "not_satisfied")
    step = (await street.history(case))[-1]
    assert (step["step"], step["actor"], step["data"]["unsolved"]) == ("objected", "system", "2")
    # Another solution is judged anew: what was said of the first one does not count.
    case = await mended_again(street, case)
    told = (await street.get(f"/v1/cases/{case['id']}/verdicts", by=three)).json()
    assert (told["run"], told["solved"], told["unsolved"]) == (2, 0, 0)
    assert (await street.clocks(case))["recounted"] == "equal"


async def test_who_has_not_joined_confirms_nothing(street: Street) -> None:
    case, _ = await asked(street, 1)
    path = f"/v1/cases/{case['id']}/confirm"
    for by in (street.owner, street.grid_worker):
        refused = await street.post(path, {"answer": "solved"}, by=by)
        assert (refused.status_code, refused.json()["rule"]) == (403, "joiners_only")
    assert (await street.post(path, {"answer": "solved"}, by=street.neighbour)).status_code == 404


async def test_neighbours_stay_unnamed_in_what_the_unit_reads(street: Street) -> None:
    case = await street.claimed()
    clerk = street.caller("intake", (Role.UNIT_STAFF, "county", street.works))
    (joiner,) = await street.joined(case, 1)
    case = await street.mended(await street.read(case), by=clerk)
    await confirm(street, case, "solved", joiner)
    steps = await street.history(case, by=clerk)
    assert [step["actor"] for step in steps if step["step"] in {"join", "confirm"}] == ["neighbour", "neighbour"]
    assert steps[0]["actor"] == "requester"


async def test_the_answer_of_the_requester_holds_when_neighbours_keep_silent(
    street: Street, databases: dict[str, Database], moved: MovedClock
) -> None:
    await street.handle(confirmations=2)
    case, _ = await asked(street, 3)
    case = await street.step(case, "feedback", {"answer": "partly"}, by=street.owner)
    moved.forward(timedelta(days=8))
    for _ in range(3):
        await climb_ladders(databases["intake"], street.caller.tenant, utc_now())
    assert state(await street.read(case)) == ("closed", "partly_satisfied")


async def test_not_solved_a_second_time_raises_the_level_and_triage_does_not_lower_it(street: Street) -> None:
    case, _ = await asked(street)
    levels = []
    for _ in range(3):
        case = await street.step(case, "feedback", {"answer": "not_solved"}, by=street.owner)
        levels.append(case["level"])
        if case["level"] == "joint":
            break
        case = await mended_again(street, case)
        assert case["level"] == levels[-1]
    assert levels == ["grid", "council", "joint"]
    raised = [step["data"] for step in await street.history(case) if step["step"] == "feedback"]
    assert [data.get("level") for data in raised] == [None, "council", "joint"]
    # The score is told as it is, and an officer may judge otherwise, with a reason.
    case = await street.step(case, "triage", SIMPLE, by=street.grid_worker)
    assert (case["level"], case["triage"]["scored_level"]) == ("joint", "grid")
    body = {**SIMPLE, "override": {"level": "grid", "reason": "现场核实"}}
    case = await street.step(case, "triage", body, by=street.officer)
    assert case["level"] == "grid"
    assert (await street.clocks(case))["recounted"] == "equal"


async def test_a_case_is_opened_again_within_thirty_days_of_its_closing(
    street: Street, databases: dict[str, Database], moved: MovedClock
) -> None:
    first, _ = await asked(street)
    second, _ = await asked(street)
    first, second = [
        await street.step(case, "feedback", {"answer": "solved"}, by=street.owner) for case in (first, second)
    ]
    moved.forward(timedelta(days=30) - timedelta(minutes=5))
    # What is written into the history later does not lengthen the time.
    async with databases["intake"].write(street.caller.tenant) as session:
        told = [OutsideStep(UUID(case["id"]), "milestone_reached", "system", {}) for case in (first, second)]
        await record_outside_steps(session, told)
    now = await street.read(first)
    assert datetime.fromisoformat(now["updated_at"]) > datetime.fromisoformat(now["closed_at"]) + timedelta(days=29)
    assert now["closed_at"] == first["closed_at"]
    assert (await street.act(now, "reopen", {}, by=street.owner)).status_code == 422
    refused = await street.act(now, "reopen", {"reason": "x"}, by=street.grid_worker)
    assert (refused.status_code, refused.json()["rule"]) == (403, "requester_only")
    opened = await street.step(now, "reopen", {"reason": "又堵了"}, by=street.owner)
    # What came of it before is no longer what came of it.
    assert (state(opened), opened["closed_at"], opened["reopened"]) == (("reopened", None), None, 1)
    moved.forward(timedelta(minutes=10))
    refused = await street.act(await street.read(second), "reopen", {"reason": "x"}, by=street.owner)
    assert (refused.status_code, refused.json()["rule"]) == (403, "reopening_is_over")
    # Closed again, the time counts from the new closing.
    case = await mended_again(street, opened)
    case = await street.step(case, "feedback", {"answer": "solved"}, by=street.owner)
    moved.forward(timedelta(days=29))
    assert state(await street.step(case, "reopen", {"reason": "x"}, by=street.owner))[0] == "reopened"


async def test_what_was_withdrawn_or_declined_is_not_opened_again(street: Street) -> None:
    for action, body, by in (("withdraw", {}, street.owner), ("decline", {"reason": "x"}, street.grid_worker)):
        case = await street.step(await street.filed(), action, body, by=by)
        refused = await street.act(case, "reopen", {"reason": "x"}, by=street.owner)
        assert (refused.status_code, refused.json()["rule"]) == (403, "reopening_is_over")


async def test_five_make_a_case_a_collective_one_and_its_representatives_judge(street: Street) -> None:
    case = await street.triaged(HARD)
    people = [(new_id(), case) for _ in range(6)]
    headers = [street.holding(Role.RESIDENT, GRID, person=person) for person, _ in people]
    collective = []
    for by in headers:
        joined = await street.post(f"/v1/cases/{case['id']}/join", by=by)
        collective.append(joined.json()["collective"])
    assert collective == [False, False, False, True, True, True]
    case = await street.read(case)
    ids = [str(person) for person, _ in people]
    path = f"/v1/cases/{case['id']}/representatives"

    async def named(people: list[str], by: Headers | None = None) -> Any:
        version = (await street.read(case))["version"]
        return await street.call("PUT", path, {"person_ids": people}, by=by, version=version)

    many = await named(ids)
    assert (many.status_code, many.json()["code"], many.json()["most"]) == (422, "too_many_representatives", 5)
    stranger = await named([ids[0], str(new_id())])
    assert (stranger.status_code, stranger.json()["errors"][0]["pointer"]) == (422, "/person_ids/1")
    assert (await named(ids[:2], headers[0])).json()["rule"] == "requester_only"
    assert (await named(ids[:2])).status_code == 200
    case = await street.given_to(await street.read(case), street.works, by=(clerk := street.works_clerk))
    case = await street.mended(case, by=clerk)
    refused = await street.act(case, "feedback", {"answer": "solved"}, by=headers[2])
    assert (refused.status_code, refused.json()["rule"]) == (403, "requester_only")
    case = await street.step(case, "feedback", {"answer": "solved"}, by=headers[1])
    assert state(case) == ("closed", "satisfied")
    case = await street.step(case, "reopen", {"reason": "又堵了"}, by=headers[0])
    assert case["state"] == "reopened"
    # Who leaves represents nobody.
    assert (await street.post(f"/v1/cases/{case['id']}/leave", by=headers[0])).status_code == 200
    case = await street.read(case)
    assert (case["joiners"], case["collective"]) == (5, True)
    assert (await street.get(f"/v1/cases/{case['id']}", by=headers[0])).status_code == 404


@pytest.mark.parametrize("then", ["feedback", "confirm"])
async def test_a_representative_is_a_neighbour_too(street: Street, then: str) -> None:
    await street.handle(confirmations=2)
    case = await street.triaged(SIMPLE, category="parking")
    person = new_id()
    speaker = street.holding(Role.RESIDENT, GRID, person=person)
    await street.post(f"/v1/cases/{case['id']}/join", by=speaker)
    (other,) = await street.joined(case, 1)
    body = {"person_ids": [str(person)]}
    version = (await street.read(case))["version"]
    path = f"/v1/cases/{case['id']}/representatives"
    assert (await street.call("PUT", path, body, version=version)).status_code == 200
    case = await street.step(await street.read(case), "resolve", {"note": "x"}, by=street.grid_worker)
    case = await street.step(case, "feedback", {"answer": "solved"}, by=speaker)
    if then == "confirm":
        case = await confirm(street, case, "solved", speaker)
    assert case["state"] == "resolved"
    assert state(await confirm(street, case, "solved", other)) == ("closed", "satisfied")


@pytest.mark.parametrize("door", ["app", "phone", "token"])
async def test_by_whichever_door_it_is_opened_again_nothing_has_come_of_it(street: Street, door: str) -> None:
    token = secrets.token_urlsafe(32)
    case, _ = await asked(street) if door != "token" else (await anonymously_asked(street, token), [])
    at, by = f"/v1/anonymous-cases/{street.caller.tenant}/{case['id']}", with_token(street, token)
    if door == "token":
        case = (await street.post(f"{at}/feedback", {"answer": "solved"}, by=by)).json()
    else:
        case = await street.step(case, "feedback", {"answer": "solved"}, by=street.owner)
    assert state(case) == ("closed", "satisfied")
    reason = {"reason": "又停满了"}
    if door == "app":
        case = await street.step(case, "reopen", reason, by=street.owner)
    elif door == "phone":
        (done,) = await push(street, street.owner, [operation("reopen", case["id"], reason, base=case["version"])])
        assert done["status"] == "done"
        case = await street.read(case)
    else:
        case = (await street.post(f"{at}/reopen", reason, by=by)).json()
    assert state(case) == ("reopened", None)


async def anonymously_asked(street: Street, token: str) -> dict[str, Any]:
    """Bring an anonymous case to where its requester is asked."""
    case = await filed_anonymously(street, token=token)
    case = await street.step(case, "accept", {}, by=street.grid_worker)
    case = await street.step(case, "triage", SIMPLE, by=street.grid_worker)
    return await street.step(case, "resolve", {"note": "x"}, by=street.grid_worker)
