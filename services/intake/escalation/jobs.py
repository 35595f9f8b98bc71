"""The sweeps: rungs that are due, and clocks that an older calendar has counted."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Final

import structlog

from services.intake.clocks import repository
from services.intake.clocks.models import ClockInterval
from services.intake.escalation import service
from services.intake.handling.repository import newest_versions
from shared.clock import utc_now
from shared.db import Database, WriteSession
from shared.messaging import TenantSchedule

__all__ = ["climb_ladders", "follow_calendar", "schedules"]

log = structlog.get_logger()
_AT_ONCE: Final = 200


async def climb_ladders(database: Database, tenant: str, _: datetime) -> None:
    """Climb every rung that is due and end every pause that is over, the longest overdue first.

    Each in a transaction of its own.

    Any number of workers may do this at once. What fails is put off, and each is tried once in a sweep, so that the
    head of the queue blocks nobody.
    """
    after = None
    while True:
        async with database.read(tenant) as session:
            due = await repository.due_intervals(session, utc_now(), after=after, limit=_AT_ONCE)
        for interval in due:
            if not await _alone(database, tenant, interval, service.climb):
                await _alone(database, tenant, interval, service.put_off)
        if len(due) < _AT_ONCE or due[-1].next_at is None:
            return
        after = (due[-1].next_at, due[-1].case_id, due[-1].clock)


async def _alone(
    database: Database,
    tenant: str,
    interval: ClockInterval,
    act: Callable[[WriteSession, ClockInterval], Awaitable[object]],
) -> bool:
    """Do something about one clock; returns False when it failed, which is told and stops nobody else's."""
    try:
        async with database.write(tenant) as session:
            await act(session, interval)
    except Exception as error:  # noqa: BLE001 - the other cases have nothing to do with it
        log.error(
            "clock_not_served", tenant=tenant, case_id=str(interval.case_id), act=act.__name__, error=repr(error)[:300]
        )
        return False
    return True


async def follow_calendar(database: Database, tenant: str, _: datetime) -> None:
    """Count running clocks again that a calendar older than the newest has counted."""
    after = None
    while True:
        async with database.read(tenant) as session:
            _rules, version = await newest_versions(session)
            if not version:
                return
            outdated = await repository.outdated_intervals(session, version, after=after, limit=_AT_ONCE)
        for interval in outdated:
            await _alone(database, tenant, interval, service.recount_clock)
        if len(outdated) < _AT_ONCE:
            return
        after = (outdated[-1].case_id, outdated[-1].clock)


schedules: Final = (
    TenantSchedule("climb_ladders", 5, "case_number_blocks", climb_ladders),
    TenantSchedule("follow_calendar", 15, "calendar_versions", follow_calendar),
)
