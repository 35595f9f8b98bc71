"""Timed work: each occurrence once, however many workers there are, and one that fails stops nobody."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.db import Database
from shared.ids import new_id
from shared.messaging import Schedule
from shared.messaging.schedules import run_schedules


def schedule(name: str, ran: list[datetime], *, fails: bool = False) -> Schedule:
    async def run(_: Database, occurrence: datetime) -> None:
        ran.append(occurrence)
        if fails:
            message = "not today"
            raise RuntimeError(message)

    return Schedule(name, 60, run)


async def run_until(
    relay_pool: Any,
    database: Database,
    schedules: list[Schedule],
    is_so: Callable[[], Awaitable[bool]],
    *,
    workers: int = 1,
) -> None:
    """Let workers run schedules until something is so."""
    tasks = [asyncio.create_task(run_schedules(relay_pool, "intake", database, schedules)) for _ in range(workers)]
    async with asyncio.timeout(20):
        while not await is_so():
            await asyncio.sleep(0.01)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_an_occurrence_runs_once_however_many_workers_there_are(
    relay_pool: Any, databases: dict[str, Database], owner: Any
) -> None:
    ran: list[datetime] = []
    ends: list[datetime] = []
    # Every worker comes to the second schedule after it has looked at the first.
    one, last = schedule(f"once-{new_id()}", ran), schedule(f"last-{new_id()}", ends)

    async def is_finished() -> bool:
        query = "SELECT count(*) FROM intake.schedule_runs WHERE name = $1 AND finished_at IS NOT NULL"
        return bool(await owner.fetchval(query, last.name))

    await run_until(relay_pool, databases["intake"], [one, last], is_finished, workers=5)
    await run_until(relay_pool, databases["intake"], [one, last], is_finished)
    rows = await owner.fetch("SELECT occurrence, finished_at FROM intake.schedule_runs WHERE name = $1", one.name)
    # The minute may have turned meanwhile.
    assert sorted(ran) == sorted(row["occurrence"] for row in rows)
    assert 1 <= len(ran) <= 2
    assert all(row["finished_at"] is not None for row in rows)


async def test_one_that_fails_stops_no_other_and_is_not_run_again(
    relay_pool: Any, databases: dict[str, Database], owner: Any
) -> None:
    failed: list[datetime] = []
    ran: list[datetime] = []
    bad, good = schedule(f"bad-{new_id()}", failed, fails=True), schedule(f"good-{new_id()}", ran)

    async def has_run() -> bool:
        return bool(ran)

    await run_until(relay_pool, databases["intake"], [bad, good], has_run, workers=2)
    assert 1 <= len(failed) <= 2
    assert 1 <= len(ran) <= 2
    unfinished = await owner.fetchval(
        "SELECT count(*) FROM intake.schedule_runs WHERE name = $1 AND finished_at IS NULL", bad.name
    )
    assert unfinished == len(failed)


@pytest.mark.parametrize("seconds", [0, 1, 59])
def test_an_occurrence_is_the_same_on_every_machine(seconds: int) -> None:
    begin = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
    assert schedule("any", []).occurrence(begin + timedelta(seconds=seconds)) == begin


async def test_the_locks_of_long_ago_are_cleared(relay_pool: Any, databases: dict[str, Database], owner: Any) -> None:
    one = schedule(f"old-{new_id()}", [])
    await owner.execute(
        "INSERT INTO intake.schedule_runs (tenant_id, name, occurrence) VALUES ('_', $1, now() - interval '3 days')",
        one.name,
    )

    async def is_cleared() -> bool:
        rows = await owner.fetch("SELECT occurrence FROM intake.schedule_runs WHERE name = $1", one.name)
        return bool(rows) and all(row["occurrence"] > datetime.now(UTC) - timedelta(days=1) for row in rows)

    await run_until(relay_pool, databases["intake"], [one], is_cleared)
