"""Clocks over HTTP: what starts and stops them, what moves a deadline and what does not, and that the history proves
them.
"""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest

from services.intake.calendar.rules import DEFAULT_HOURS, WorkCalendar
from services.intake.escalation.jobs import climb_ladders, follow_calendar
from services.intake.handling.schemas import DEFAULT_HANDLING
from shared.auth import Role
from shared.clock import CHINA, utc_now
from shared.db import Database
from shared.ids import new_id
from tests.intake.conftest import HARD, MEDIUM, SIMPLE, Headers, Json, MovedClock, Street, picture

PLAIN = WorkCalendar(DEFAULT_HOURS, {})
MINUTE = timedelta(minutes=1)


def running(case: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the clocks of a case by their names."""
    return {clock["clock"]: clock for clock in case["clocks"]}


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def due_after(start: str, minutes: int) -> datetime:
    return PLAIN.add(instant(start), minutes * MINUTE)


async def test_filing_starts_two_clocks_and_accepting_the_third(street: Street) -> None:
    case = await street.filed()
    clocks = running(case)
    assert {name: (clock["state"], clock["budget_s"], clock["left_s"]) for name, clock in clocks.items()} == {
        "accept": ("running", 7_200, 7_200),
        "first_reply": ("running", 25_200, 25_200),
    }
    assert instant(clocks["accept"]["due_at"]) == due_after(case["filed_at"], 120)
    assert instant(clocks["first_reply"]["due_at"]) == due_after(case["filed_at"], 420)
    case = await street.step(case, "accept", {}, by=street.grid_worker)
    clocks = running(case)
    assert {name: clock["state"] for name, clock in clocks.items()} == {
        "accept": "stopped",
        "first_reply": "running",
        "resolve": "running",
    }
    assert clocks["resolve"]["budget_s"] == 2_100 * 60
    assert instant(clocks["resolve"]["due_at"]) == due_after(case["updated_at"], 2_100)
    case = await street.step(case, "reply", {"note": "已安排"}, by=street.grid_worker)
    assert running(case)["first_reply"]["state"] == "stopped"
    told = await street.clocks(case)
    assert told["recounted"] == "equal"
    assert [(one["clock"], one["run"], one["position"]) for one in told["intervals"]] == [
        ("accept", 1, 1),
        ("first_reply", 1, 1),
        ("resolve", 1, 1),
    ]


async def test_a_case_that_is_closed_has_no_clock_left(street: Street) -> None:
    case = await street.resolved()
    clocks = running(case)
    assert {name: clock["state"] for name, clock in clocks.items()} == {
        "accept": "stopped",
        "first_reply": "stopped",
        "resolve": "stopped",
        "verdict": "running",
    }
    assert instant(clocks["verdict"]["due_at"]) == instant(case["updated_at"]) + timedelta(days=7)
    case = await street.step(case, "feedback", {"answer": "solved"}, by=street.owner)
    assert {clock["state"] for clock in case["clocks"]} == {"stopped"}
    case = await street.step(case, "reopen", {"reason": "又堵了"}, by=street.owner)
    resolve = running(case)["resolve"]
    assert (resolve["run"], resolve["state"], resolve["left_s"]) == (2, "running", resolve["budget_s"])
    assert (await street.clocks(case))["recounted"] == "equal"


async def test_a_comment_moves_no_deadline(street: Street, moved: MovedClock) -> None:
    case = await street.filed()
    joiner = street.neighbour
    await street.post(f"/v1/cases/{case['id']}/join", by=joiner)
    writers = [street.owner, joiner, street.grid_worker, street.officer]

    async def said(case: dict[str, Any], writers: list[Headers]) -> dict[str, Any]:
        before = await street.clocks(case)
        for by in writers:
            moved.forward(timedelta(hours=5))
            answer = await street.post(f"/v1/cases/{case['id']}/comment", {"note": "请尽快"}, by=by)
            assert answer.status_code == 200, answer.text
        after = await street.clocks(case)
        assert after["intervals"] == before["intervals"]
        assert after["recounted"] == "equal"
        return await street.read(case)

    case = await said(case, writers)
    case = await said(await street.step(case, "accept", {}, by=street.grid_worker), writers)
    case = await said(await street.step(case, "triage", MEDIUM, by=street.grid_worker), writers)
    case = await street.given_to(case, street.works, by=street.works_clerk)
    case = await said(case, [*writers, street.works_clerk])
    paused = await street.step(case, "pause", {"reason": "weather"}, by=street.works_clerk)
    case = await said(paused, [*writers, street.works_clerk])
    assert running(case)["resolve"]["state"] == "paused"


async def test_triage_and_a_change_of_level_set_the_limit(street: Street) -> None:
    case = await street.step(await street.filed(), "accept", {}, by=street.grid_worker)
    started = running(case)["resolve"]["due_at"]
    same = await street.step(case, "triage", SIMPLE, by=street.grid_worker)
    assert running(same)["resolve"]["due_at"] == started
    limits = []
    for facts in (MEDIUM, HARD, SIMPLE):
        case = await street.step(await street.read(case), "triage", facts, by=street.grid_worker)
        resolve = running(case)["resolve"]
        limits.append(resolve["budget_s"] // 60)
        first = next(one for one in (await street.clocks(case))["intervals"] if one["clock"] == "resolve")
        # What has been spent is spent: the new limit counts from the beginning.
        assert resolve["left_s"] <= resolve["budget_s"]
        whole = PLAIN.add(instant(first["started_at"]), timedelta(seconds=resolve["budget_s"]))
        assert abs(instant(resolve["due_at"]) - whole) <= timedelta(seconds=2)
    assert limits == [6_300, 12_600, 2_100]
    body = {"level": "council", "reason": "多户受影响"}
    case = await street.step(case, "level", body, by=street.officer)
    assert running(case)["resolve"]["budget_s"] == 6_300 * 60
    assert (await street.clocks(case))["recounted"] == "equal"


async def test_the_most_exact_limit_wins(street: Street) -> None:
    rules = DEFAULT_HANDLING.model_dump(mode="json")
    limits = [
        *rules["limits"],
        {"clock": "resolve", "category": "drainage", "minutes": 700},
        {"clock": "resolve", "category": "drainage", "level": "joint", "minutes": 800},
    ]
    await street.handle(limits=limits)
    found = []
    for category, facts in (("drainage", SIMPLE), ("drainage", MEDIUM), ("drainage", HARD), ("parking", MEDIUM)):
        case = await street.triaged(facts, category=category)
        found.append(running(case)["resolve"]["budget_s"] // 60)
    # The category before the level.
    assert found == [700, 700, 800, 6_300]


async def test_a_pause_stops_the_time_for_a_reason_and_as_often_as_the_quota_allows(
    street: Street, moved: MovedClock
) -> None:
    case = await street.claimed()
    clerk = street.works_clerk
    unknown = await street.act(case, "pause", {"reason": "holiday_mood"}, by=clerk)
    assert (unknown.status_code, unknown.json()["code"]) == (422, "unknown_pause_reason")
    for wrong in ({}, {"reason": ""}, {"reason": "Weather"}, {"reason": None}):
        assert (await street.act(case, "pause", wrong, by=clerk)).status_code == 422
    refused = await street.act(case, "resume", {}, by=clerk)
    assert (refused.status_code, refused.json()["rule"]) == (403, "not_paused")
    for reason in ("weather", "waiting_for_parts"):
        before = running(case)["resolve"]["left_s"]
        case = await street.step(case, "pause", {"reason": reason, "note": "x"}, by=clerk)
        clock = running(case)["resolve"]
        assert (clock["state"], clock["due_at"], clock["reason"]) == ("paused", None, reason)
        assert case["paused_reason"] == reason
        again = await street.act(case, "pause", {"reason": reason}, by=clerk)
        assert (again.status_code, again.json()["rule"]) == (403, "already_paused")
        moved.forward(timedelta(days=1))
        case = await street.step(case, "resume", {}, by=clerk)
        assert abs(running(case)["resolve"]["left_s"] - before) <= 2
        assert case["paused_reason"] is None
    refused = await street.act(case, "pause", {"reason": "weather"}, by=clerk)
    assert (refused.status_code, refused.json()["code"], refused.json()["times"]) == (409, "pause_quota_used", 2)
    assert (await street.clocks(case))["recounted"] == "equal"


async def test_a_pause_is_limited_in_minutes_too_and_any_move_ends_it(street: Street, moved: MovedClock) -> None:
    await street.handle(pauses_max=20, pause_minutes_max=420)
    case = await street.claimed()
    case = await street.step(case, "pause", {"reason": "weather"}, by=street.works_clerk)
    moved.forward(timedelta(days=5))
    case = await street.step(case, "assign", {"unit_id": str(street.water)}, by=street.officer)
    assert (case["paused_reason"], running(case)["resolve"]["state"]) == (None, "running")
    refused = await street.act(case, "pause", {"reason": "weather"}, by=street.water_clerk)
    assert (refused.status_code, refused.json()["code"]) == (409, "pause_quota_used")
    assert refused.json()["minutes"] >= 420


async def test_what_is_overdue_is_not_paused(street: Street, moved: MovedClock) -> None:
    case = await street.triaged(SIMPLE, category="parking")
    moved.forward(instant(running(case)["resolve"]["due_at"]) - utc_now() + MINUTE)
    refused = await street.act(case, "pause", {"reason": "weather"}, by=street.grid_worker)
    assert (refused.status_code, refused.json()["code"]) == (409, "pause_too_late")
    assert running(await street.read(case))["resolve"]["left_s"] <= 0
    late = await street.get("/v1/cases", overdue=True)
    assert [item["id"] for item in late.json()["items"]] == [case["id"]]


def workdays(count: int) -> list[str]:
    """Return the next working days, after today."""
    found: list[str] = []
    day = utc_now().astimezone(CHINA).date()
    while len(found) < count:
        day += timedelta(days=1)
        if PLAIN.parts(day):
            found.append(day.isoformat())
    return found


async def free(street: Street, day: str) -> None:
    body = {"kind": "holiday", "name": "区庆"}
    answer = await street.call("PUT", f"/v1/calendar/days/{day}", body, by=street.administrator)
    assert answer.status_code == 200, answer.text


async def test_a_change_of_the_calendar_moves_what_runs_and_nothing_else(
    street: Street, databases: dict[str, Database]
) -> None:
    tenant = street.caller.tenant
    closed = await street.step(await street.filed(), "withdraw", {}, by=street.owner)
    running_case = await street.triaged(SIMPLE, category="parking")
    paused = await street.triaged(SIMPLE, category="parking")
    paused = await street.step(paused, "pause", {"reason": "weather"}, by=street.grid_worker)
    asked = await street.resolved()
    before = {case["id"]: await street.clocks(case) for case in (closed, running_case, paused, asked)}
    first, second = workdays(2)
    await free(street, first)
    await free(street, second)
    await follow_calendar(databases["intake"], tenant, utc_now())
    after = {case_id: await street.clocks({"id": case_id}) for case_id in before}
    assert [told["recounted"] for told in after.values()] == ["equal"] * 4
    for case in (closed, paused, asked):
        still = [
            [one for one in told[case["id"]]["intervals"] if one["clock"] == "resolve" or case is not paused]
            for told in (before, after)
        ]
        assert still[0] == still[1]
    calendar = WorkCalendar(DEFAULT_HOURS, {}, 2)
    counted = {one["clock"]: one for one in after[running_case["id"]]["intervals"]}
    for one in before[running_case["id"]]["intervals"]:
        now = counted[one["clock"]]
        if one["ended_at"] is not None:
            assert now == one
            continue
        due = calendar.add(instant(one["started_at"]), timedelta(seconds=one["budget_s"]))
        spans_them = due.astimezone(CHINA).date().isoformat() >= first
        assert (instant(now["due_at"]) > instant(one["due_at"])) is spans_them
        assert now["calendar_version"] == 2
    # A clock that stood still is counted by the new calendar once it runs again.
    paused = await street.step(await street.read(paused), "resume", {}, by=street.grid_worker)
    moved_due, plain_due = running(paused)["resolve"]["due_at"], counted["resolve"]["due_at"]
    assert abs(instant(moved_due) - instant(plain_due)) < timedelta(minutes=5)
    assert (await street.clocks(paused))["recounted"] == "equal"


async def test_a_clock_without_a_ladder_follows_the_calendar_too(
    street: Street, databases: dict[str, Database], moved: MovedClock
) -> None:
    await street.handle(ladders=[])
    case = await street.triaged(SIMPLE, category="parking")
    resolve = running(case)["resolve"]
    # It has been warned of, and nothing is to be told any more.
    moved.forward(PLAIN.add(utc_now(), timedelta(seconds=resolve["budget_s"] * 0.85)) - utc_now())
    await climb_ladders(databases["intake"], street.caller.tenant, utc_now())
    assert [(rung["clock"], rung["rung"]) for rung in (await street.clocks(case))["rungs"]][-1] == ("resolve", 0)
    # It is the last day, and it turns out to be free.
    await free(street, utc_now().astimezone(CHINA).date().isoformat())
    await follow_calendar(databases["intake"], street.caller.tenant, utc_now())
    assert instant(running(await street.read(case))["resolve"]["due_at"]) > instant(resolve["due_at"])
    assert (await street.clocks(case))["recounted"] == "equal"


async def change_rules_elsewhere(street: Street, owner: Any, version: int, minutes: int) -> None:
    """Set the rules as another process does, so that this one knows only the old ones."""
    limits = [limit.model_copy(update={"minutes": minutes}) for limit in DEFAULT_HANDLING.limits[:3]]
    body = DEFAULT_HANDLING.model_copy(update={"limits": limits}).model_dump_json()
    await owner.execute(
        "INSERT INTO intake.handling_versions (tenant_id, version, body, set_by, set_at)"
        " VALUES ($1, $2, $3::jsonb, 'person/x', now())",
        street.caller.tenant,
        version,
        body,
    )


@pytest.mark.parametrize("way", ["plain", "id", "key", "picture"])
async def test_filing_right_after_the_rules_changed_elsewhere_files_once_by_the_new_ones(
    street: Street, owner: Any, way: str
) -> None:
    await street.filed()
    await change_rules_elsewhere(street, owner, 2, 30)
    members: dict[str, Json] = {"id": str(new_id())} if way == "id" else {}
    if way == "picture":
        members["attachment_ids"] = [(await street.upload(picture())).json()["id"]]
    answer = await street.post("/v1/cases", street.words(**members), key="k" if way == "key" else None)
    assert answer.status_code == 201, answer.text
    assert {clock["budget_s"] for clock in answer.json()["clocks"]} == {1_800}
    assert (await street.clocks(answer.json()))["recounted"] == "equal"
    assert len((await street.get("/v1/cases", mine=True)).json()["items"]) == 2


async def test_many_file_at_once_right_after_the_rules_changed_elsewhere(street: Street, owner: Any) -> None:
    await street.filed()
    for version in (2, 3):
        await change_rules_elsewhere(street, owner, version, 10 * version)
        answers = await asyncio.gather(*(street.post("/v1/cases", street.words()) for _ in range(20)))
        assert [answer.status_code for answer in answers] == [201] * 20, answers[0].text
        told = {clock["budget_s"] for answer in answers for clock in answer.json()["clocks"]}
        assert told == {600 * version}
    assert len((await street.get("/v1/cases", mine=True)).json()["items"]) == 41


async def test_many_change_one_case_at_once_and_its_clocks_still_add_up(
    street: Street, databases: dict[str, Database], moved: MovedClock
) -> None:
    tenant, clerk = street.caller.tenant, street.works_clerk
    case = await street.claimed()
    moved.forward(timedelta(days=45))
    for _ in range(4):
        case = await street.read(case)
        path = f"/v1/cases/{case['id']}"
        answers = await asyncio.gather(
            *(street.post(f"{path}/comment", {"note": "x"}) for _ in range(4)),
            *(street.post(f"{path}/reply", {"note": "x"}, by=clerk) for _ in range(4)),
            *(street.act(case, "progress", {"note": "x"}, by=clerk) for _ in range(4)),
            *(street.act(case, "assign", {"unit_id": str(street.works)}, by=street.officer) for _ in range(2)),
            *(street.act(case, "triage", SIMPLE, by=street.officer) for _ in range(2)),
            *(climb_ladders(databases["intake"], tenant, utc_now()) for _ in range(2)),
        )
        codes = [answer.status_code for answer in answers if answer is not None]
        assert codes[:4] == [200] * 4
        assert set(codes) <= {200, 403, 404, 409, 412}
    history = await street.history(case)
    assert [step["position"] for step in history] == list(range(1, len(history) + 1))
    assert [step["at"] for step in history] == sorted(step["at"] for step in history)
    assert (await street.clocks(case))["recounted"] == "equal"


async def test_a_history_that_was_tampered_with_does_not_prove_the_clocks(street: Street, owner: Any) -> None:
    case = await street.triaged()
    await owner.execute(
        "UPDATE intake.clock_intervals SET due_at = due_at + interval '1 hour' WHERE case_id = $1 AND clock = 'resolve'"
        " AND ended_at IS NULL",
        case["id"],
    )
    assert (await street.clocks(case))["recounted"] == "different"


async def test_clocks_are_shown_to_whoever_sees_the_case(street: Street, elsewhere: Street) -> None:
    case = await street.filed()
    path = f"/v1/cases/{case['id']}/clocks"
    assert (await street.get(path, by=street.grid_worker)).status_code == 200
    for by in (street.neighbour, street.holding(Role.OFFICER, "county.south"), elsewhere.officer):
        assert (await street.get(path, by=by)).status_code == 404
    assert (await street.get(path, by=street.caller.anonymous("intake"))).status_code == 401
