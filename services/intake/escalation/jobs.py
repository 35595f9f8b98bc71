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
    """Climb every rung that is due, the longest overdue first, each in a transaction of its own.

    Any number of workers may do this at once. What fails is put off, so that the head of the queue blocks nobody.
    """
    while True:
        async with database.read(tenant) as session:
            due = await repository.due_intervals(session, utc_now(), limit=_AT_ONCE)
        climbed = [await _alone(database, tenant, interval, service.climb) for interval in due]
        # After one rung the next may be due as well; what others are at comes with the next sweep.
        if not any(climbed):
            return


async def _alone(
    database: Database,
    tenant: str,
    interval: ClockInterval,
    act: Callable[[WriteSession, ClockInterval], Awaitable[bool]],
) -> bool:
    try:
        async with database.write(tenant) as session:
            return await act(session, interval)
    except Exception as error:  # noqa: BLE001 - the other cases have nothing to do with it
        log.error("rung_not_climbed", tenant=tenant, case_id=str(interval.case_id), error=repr(error)[:300])
    async with database.write(tenant) as session:
        await service.put_off(session, interval)
    return True


async def follow_calendar(database: Database, tenant: str, _: datetime) -> None:
    """Count running clocks again that a calendar older than the newest has counted."""
    while True:
        async with database.read(tenant) as session:
            _rules, version = await newest_versions(session)
            outdated = await repository.outdated_intervals(session, version, limit=_AT_ONCE) if version else []
        for interval in outdated:
            async with database.write(tenant) as session:
                await service.recount_clock(session, interval)
        if len(outdated) < _AT_ONCE:
            return


schedules: Final = (
    TenantSchedule("climb_ladders", 5, "case_number_blocks", climb_ladders),
    TenantSchedule("follow_calendar", 15, "calendar_versions", follow_calendar),
)
