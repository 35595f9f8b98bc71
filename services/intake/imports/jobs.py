"""The worker's part: imports are worked off a turn at a time, and old files are forgotten."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import structlog

from services.intake.cases.numbers import CaseNumbers
from services.intake.imports import service
from services.intake.imports.models import Import
from services.intake.imports.rules import KEPT_DAYS, LAYOUT, ImportState
from services.intake.imports.running import CHUNK_ROWS, Progress, lookup_of, numbered, weigh
from shared.clock import utc_now
from shared.db import Database
from shared.messaging import TenantSchedule
from shared.tables import BrokenTable, FileFormat, Row, read_table

__all__ = ["forget_old_files", "run_imports", "schedules"]

log = structlog.get_logger()

# The other schedules of the service wait meanwhile.
_TURN_S: Final = 10.0

BetweenChunks = Callable[[], Awaitable[None]]


async def run_imports(database: Database, tenant: str, _: datetime) -> None:
    """Work imports off, the oldest first, until none is left or the turn is over."""
    ends = time.monotonic() + _TURN_S
    while time.monotonic() < ends and await run_one(database, tenant, ends):
        pass


async def run_one(database: Database, tenant: str, ends: float, *, between: BetweenChunks | None = None) -> bool:
    """Work at one import until it is done or the turn is over; returns False when there was none.

    Args:
        database: the intake's.
        tenant: whose import.
        ends: the end of the turn, by the monotonic clock.
        between: called after each chunk.
    """
    async with database.write(tenant) as session:
        taken = await service.take_turn(session)
    if taken is None:
        return False
    if taken.state == ImportState.FAILED or taken.lease_id is None or taken.content is None:
        return True
    held = (taken.id, taken.lease_id)
    # What is told on the way is told in the name of whoever sent the file.
    with structlog.contextvars.bound_contextvars(tenant=tenant, actor=taken.actor, import_id=str(taken.id)):
        try:
            await _work(database, taken, held, ends, between)
        except BrokenTable as why:
            async with database.write(tenant) as session:
                await service.fail_import(session, *held, why)
    return True


async def _work(
    database: Database, taken: Import, held: tuple[UUID, UUID], ends: float, between: BetweenChunks | None
) -> None:
    tenant = taken.tenant_id
    table = await asyncio.to_thread(read_table, bytes(taken.content or b""), FileFormat(taken.format), LAYOUT)
    async with database.write(tenant) as session:
        if not await service.finish_reading(session, *held, table):
            return
        progress = Progress(await lookup_of(session, taken.reach, utc_now()))
    await _skip_done(table.rows[: taken.next_row], progress)
    numbers = CaseNumbers(database)
    start = taken.next_row
    while time.monotonic() < ends:
        weighed = await asyncio.to_thread(weigh, table.rows[start : start + CHUNK_ROWS], progress)
        taken_numbers = {} if taken.dry_run else await numbered(numbers, tenant, weighed)
        async with database.write(tenant) as session:
            goes_on = await service.write_chunk(session, held, start, weighed, taken_numbers)
        if not goes_on:
            return
        start += len(weighed)
        if between is not None:
            await between()
    async with database.write(tenant) as session:
        await service.pause(session, *held)


async def _skip_done(rows: list[Row], progress: Progress) -> None:
    """Look once more at rows that have their fate: later ones may repeat them."""
    if rows:
        await asyncio.to_thread(weigh, rows, progress)


async def forget_old_files(database: Database, tenant: str, _: datetime) -> None:
    """Remove the bytes of files a month after they were worked off."""
    async with database.write(tenant) as session:
        await service.forget_files(session, utc_now() - timedelta(days=KEPT_DAYS))


schedules: Final = (
    TenantSchedule("run_imports", 2, "imports", run_imports),
    TenantSchedule("forget_import_files", 3_600, "imports", forget_old_files),
)
