"""Pauses end by themselves: when the quota is used up or the reason's own time is over, once, whoever sweeps."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest

from services.intake.calendar.rules import DEFAULT_HOURS, WorkCalendar
from services.intake.escalation.jobs import climb_ladders
from shared.clock import utc_now
from shared.db import Database
from shared.testing import TestServers
from tests.intake.conftest import SIMPLE, MovedClock, Street
from tests.intake.test_notifications import kinds

PLAIN = WorkCalendar(DEFAULT_HOURS, {})
MINUTE = timedelta(minutes=1)
REASONS: list[dict[str, Any]] = [
    {"code": "weather", "name_zh": "天气原因", "name_en": "weather", "minutes_max": 60},
    {"code": "legal_procedure", "name_zh": "法定程序", "name_en": "procedure"},
]


@pytest.fixture
def intake(databases: dict[str, Database]) -> Database:
    return databases["intake"]


def resolving(case: dict[str, Any]) -> dict[str, Any]:
    return next(clock for clock in case["clocks"] if clock["clock"] == "resolve")


def until(case: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(resolving(case)["paused_until"])


def to(moved: MovedClock, moment: datetime) -> None:
    moved.forward(max(timedelta(0), moment - utc_now()) + timedelta(seconds=1))


async def sweep(database: Database, street: Street) -> None:
    await climb_ladders(database, street.caller.tenant, utc_now())


async def paused(street: Street, case: dict[str, Any], reason: str = "legal_procedure") -> dict[str, Any]:
    return await street.step(case, "pause", {"reason": reason}, by=street.works_clerk)


async def test_a_pause_ends_by_itself_once_whoever_sweeps(
    street: Street, servers: TestServers, moved: MovedClock
) -> None:
    await street.handle(pause_minutes_max=100, lease_minutes=100_000)
    held = [await paused(street, await street.claimed()) for _ in range(6)]
    began = datetime.fromisoformat(held[0]["updated_at"])
    assert abs(until(held[0]) - PLAIN.add(began, 100 * MINUTE)) <= timedelta(seconds=1)
    workers = [Database(servers.role_url("intake"), schema="intake", pool_size=2) for _ in range(4)]
    try:
        for moment, state in ((until(held[0]) - MINUTE, "paused"), (until(held[-1]), "running")):
            to(moved, moment)
            for _ in range(2):
                await asyncio.gather(*(sweep(worker, street) for worker in workers))
            assert {resolving(await street.read(case))["state"] for case in held} == {state}
    finally:
        for worker in workers:
            await worker.close()
    for case in held:
        now = await street.read(case)
        assert (now["paused_reason"], resolving(now)["paused_until"]) == (None, None)
        assert resolving(now)["due_at"] is not None
        (resumed,) = [step for step in await street.history(case) if step["step"] == "resume"]
        assert (resumed["actor"], resumed["data"]) == ("system", {"reason": "legal_procedure"})
        assert (await street.clocks(case))["recounted"] == "equal"
    assert (await kinds(street, street.owner)).count("pause_is_over") == len(held)
    assert (await kinds(street, street.works_clerk)).count("pause_is_over") == len(held)
    refused = await street.act(await street.read(held[0]), "pause", {"reason": "weather"}, by=street.works_clerk)
    assert (refused.status_code, refused.json()["code"]) == (409, "pause_quota_used")


async def test_what_stood_still_goes_on_up_its_ladder(street: Street, intake: Database, moved: MovedClock) -> None:
    case = await street.triaged(SIMPLE, category="parking")
    case = await street.step(case, "pause", {"reason": "weather"}, by=street.grid_worker)
    moved.forward(timedelta(days=120))
    await sweep(intake, street)
    assert resolving(await street.read(case))["state"] == "running"
    # Nobody has it: whoever assigns hears of it.
    assert "pause_is_over" in await kinds(street, street.officer)
    to(moved, datetime.fromisoformat(resolving(await street.read(case))["due_at"]))
    for _ in range(3):
        await sweep(intake, street)
    climbed = [(one["clock"], one["rung"]) for one in (await street.clocks(case))["rungs"]]
    assert ("resolve", 1) in climbed


async def test_a_reason_ends_by_its_own_time_and_earlier_pauses_count(
    street: Street, intake: Database, moved: MovedClock
) -> None:
    await street.handle(pause_reasons=REASONS, pauses_max=5, pause_minutes_max=100, lease_minutes=100_000)
    case = await paused(street, await street.claimed(), "weather")
    assert abs(until(case) - PLAIN.add(datetime.fromisoformat(case["updated_at"]), 60 * MINUTE)) <= 2 * MINUTE / 60
    to(moved, until(case))
    await sweep(intake, street)
    case = await street.read(case)
    assert resolving(case)["state"] == "running"
    case = await paused(street, case, "weather")
    left = PLAIN.between(datetime.fromisoformat(case["updated_at"]), until(case))
    assert timedelta(minutes=39) <= left <= timedelta(minutes=40), "sixty of a hundred are spent"
    for wrong in (0, -1, 1.5, "60"):
        reasons = [{**REASONS[0], "minutes_max": wrong}]
        now = (await street.get("/v1/handling", by=street.administrator)).json()
        body = {**now["rules"], "pause_reasons": reasons}
        refused = await street.call("PUT", "/v1/handling", body, by=street.administrator, version=now["version"])
        assert refused.status_code == 422


async def test_rules_that_allow_more_meanwhile_let_it_stand_longer(
    street: Street, intake: Database, moved: MovedClock
) -> None:
    await street.handle(pause_minutes_max=60, lease_minutes=100_000)
    case = await paused(street, await street.claimed())
    await street.handle(pause_minutes_max=200)
    to(moved, until(case))
    await sweep(intake, street)
    case = await street.read(case)
    assert resolving(case)["state"] == "paused"
    to(moved, until(case))
    await sweep(intake, street)
    assert resolving(await street.read(case))["state"] == "running"


async def test_a_pause_from_before_pauses_had_an_end_gets_one(
    street: Street, intake: Database, owner: Any, moved: MovedClock
) -> None:
    await street.handle(lease_minutes=100_000)
    case = await paused(street, await street.claimed())
    ends = until(case)
    # As the migration leaves it.
    await owner.execute(
        "UPDATE intake.clock_intervals SET next_at = $2 WHERE case_id = $1 AND NOT running", case["id"], utc_now()
    )
    moved.forward(MINUTE)
    await sweep(intake, street)
    assert until(await street.read(case)) == ends
