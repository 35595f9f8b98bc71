"""The turn in which facts are counted: batch by batch, each a transaction of its own, until all is done or time is up.

Any number of workers may take turns at once: the progress of a tenant is locked by one of them at a time, and what one
has done the next one finds done.
"""

import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, Final

import asyncpg
from sqlalchemy.exc import DBAPIError

from services.intake.facts import checking, service
from services.intake.facts.models import FactProgress
from services.intake.facts.repository import lock_progress
from services.intake.sync.repository import freeze
from shared.db import Database, WriteSession
from shared.messaging import TenantSchedule

__all__ = ["count_facts", "schedules"]

# The other schedules of the service wait meanwhile.
_TURN_S: Final = 5.0
_EVERY_S: Final = 15
_OVERTAKEN: Final = "40001"
_BUSY: Final = "busy"

# Takes where to go on, or nothing at first; returns where to go on, or something false when it is done.
Batch = Callable[[WriteSession, FactProgress, Any], Awaitable[Any]]
_WORK: Final[tuple[Batch, ...]] = (
    service.fill,
    service.read_steps,
    service.follow_calendar,
    service.close_days,
    checking.go_on,
)


async def count_facts(database: Database, tenant: str, _: datetime) -> None:
    """Count what has come since the last turn, close the days that are over, and go on with a check if one is asked."""
    ends = time.monotonic() + _TURN_S
    async with database.write(tenant) as session:
        await service.begin(session)
    for work in _WORK:
        place: Any = None
        while True:
            place = await _one(database, tenant, work, place)
            if place == _BUSY or (place and time.monotonic() > ends):
                return
            if not place:
                break


async def _one(database: Database, tenant: str, work: Batch, place: Any) -> Any:  # noqa: ANN401 - the work's own place
    """Do one batch; returns `_BUSY` when another worker is at it, or was between our snapshot and our lock."""
    try:
        async with database.write(tenant) as session:
            await freeze(session)
            progress = await lock_progress(session)
            if progress is None:
                return _BUSY
            return await work(session, progress, None if place is True else place)
    except (DBAPIError, asyncpg.PostgresError) as error:
        told = error.orig if isinstance(error, DBAPIError) else error
        if getattr(told, "sqlstate", None) != _OVERTAKEN:
            raise
        return _BUSY


schedules: Final = (TenantSchedule("count_facts", _EVERY_S, "case_number_blocks", count_facts),)
