"""Timed work: whoever inserts the row of an occurrence runs it, so it runs at most once however many workers there
are.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import asyncpg
import structlog

from shared.clock import utc_now
from shared.db import Database

__all__ = ["Schedule", "TenantSchedule", "run_schedules"]

log = structlog.get_logger()

# The lock rows belong to no tenant.
_NO_TENANT: Final = "_"
_KEPT_DAYS: Final = 2


@dataclass(frozen=True, slots=True)
class Schedule:
    """Something to do every so often.

    Args:
        name: unique within the service; the key of its lock.
        every_s: the interval; occurrences are its multiples since the epoch, the same on every machine.
        run: the work, given the service's database and the occurrence.
        has_work: asked before an occurrence is claimed, which costs more than to ask; without it there always is some.
    """

    name: str
    every_s: int
    run: Callable[[Database, datetime], Awaitable[None]]
    has_work: Callable[[], Awaitable[bool]] | None = None

    def occurrence(self, now: datetime) -> datetime:
        """Return the start of the interval that `now` is in."""
        return datetime.fromtimestamp(now.timestamp() // self.every_s * self.every_s, UTC)


@dataclass(frozen=True, slots=True)
class TenantSchedule:
    """Something to do every so often for each tenant that has rows in a table.

    Args:
        name: unique within the service; the key of its lock.
        every_s: the interval.
        table: of the service's schema; the relay's role may read its `tenant_id`.
        run: the work, given the service's database, the tenant and the occurrence. One that fails for one tenant does
            not keep it from the others.
    """

    name: str
    every_s: int
    table: str
    run: Callable[[Database, str, datetime], Awaitable[None]]

    def for_all(self, pool: "asyncpg.Pool[asyncpg.Record]", schema: str) -> Schedule:
        """Return the schedule that does it for all tenants, one after the other."""

        async def has_work() -> bool:
            return await pool.fetchval(f"SELECT EXISTS (SELECT FROM {schema}.{self.table})") is True

        async def run(database: Database, occurrence: datetime) -> None:
            rows = await pool.fetch(f"SELECT DISTINCT tenant_id FROM {schema}.{self.table} ORDER BY tenant_id")
            for row in rows:
                try:
                    await self.run(database, row["tenant_id"], occurrence)
                except Exception as error:  # noqa: BLE001 - the other tenants have nothing to do with it
                    log.error("schedule_failed", schedule=self.name, tenant=row["tenant_id"], error=repr(error)[:300])

        return Schedule(self.name, self.every_s, run, has_work)


async def run_schedules(
    pool: "asyncpg.Pool[asyncpg.Record]",
    schema: str,
    database: Database,
    schedules: Sequence[Schedule | TenantSchedule],
) -> None:
    """Run the schedules of one service until cancelled.

    Args:
        pool: connections of the relay's role, which may see the lock rows.
        schema: the service's schema.
        database: what the schedules work on.
        schedules: what to run.
    """
    done: dict[str, datetime] = {}
    plain = [item.for_all(pool, schema) if isinstance(item, TenantSchedule) else item for item in schedules]
    while True:
        now = utc_now()
        for schedule in plain:
            occurrence = schedule.occurrence(now)
            if done.get(schedule.name) != occurrence:
                await _run_once(pool, schema, database, schedule, occurrence)
                done[schedule.name] = occurrence
        await asyncio.sleep(min((schedule.every_s for schedule in schedules), default=60) / 4)


async def _run_once(
    pool: "asyncpg.Pool[asyncpg.Record]", schema: str, database: Database, schedule: Schedule, occurrence: datetime
) -> None:
    key = (_NO_TENANT, schedule.name, occurrence)
    try:
        if schedule.has_work is not None and not await schedule.has_work():
            return
        won = await pool.fetchval(
            f"INSERT INTO {schema}.schedule_runs (tenant_id, name, occurrence) VALUES ($1, $2, $3) "
            "ON CONFLICT DO NOTHING RETURNING 1",
            *key,
        )
        if won is None:
            return
        await schedule.run(database, occurrence)
        await pool.execute(
            f"WITH old AS (DELETE FROM {schema}.schedule_runs WHERE tenant_id = $1 AND name = $2 "
            f"AND occurrence < $3::timestamptz - interval '{_KEPT_DAYS} days') "
            f"UPDATE {schema}.schedule_runs SET finished_at = clock_timestamp() "
            "WHERE tenant_id = $1 AND name = $2 AND occurrence = $3",
            *key,
        )
    except Exception as error:  # noqa: BLE001 - one failing schedule must not stop the others
        log.error("schedule_failed", schedule=schedule.name, service=schema, error=repr(error)[:300])
