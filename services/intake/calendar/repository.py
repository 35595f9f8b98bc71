"""SQL of the calendar."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime, time
from typing import Any

from sqlalchemy import func, insert, select
from sqlalchemy.dialects.postgresql import distinct_on

from services.intake.calendar.models import CalendarDay, CalendarHours, CalendarVersion
from shared.db import Session, WriteSession

__all__ = ["add_day", "add_days", "add_hours", "add_version", "days_of", "hours_of", "newest_version"]


async def newest_version(session: Session) -> int:
    """Return the newest version of a tenant's calendar; 0 when it has said nothing."""
    statement = select(func.max(CalendarVersion.version)).where(CalendarVersion.tenant_id == session.tenant)
    return await session.scalar(statement) or 0


async def days_of(
    session: Session, version: int, first_on: date | None = None, last_on: date | None = None
) -> Sequence[CalendarDay]:
    """Return what a tenant said of single days, as of a version."""
    statement = select(CalendarDay).where(CalendarDay.tenant_id == session.tenant, CalendarDay.version <= version)
    if first_on is not None:
        statement = statement.where(CalendarDay.day >= first_on)
    if last_on is not None:
        statement = statement.where(CalendarDay.day <= last_on)
    newest_first = statement.ext(distinct_on(CalendarDay.day)).order_by(CalendarDay.day, CalendarDay.version.desc())
    return [row for row in await session.scalars(newest_first) if row.kind != "public"]


async def hours_of(session: Session, version: int) -> dict[int, list[tuple[time, time]]]:
    """Return a tenant's hours by weekday, as of a version; nothing when it has set none."""
    mine = (CalendarHours.tenant_id == session.tenant, CalendarHours.version <= version)
    set_last = select(func.max(CalendarHours.version)).where(*mine).scalar_subquery()
    statement = select(CalendarHours).where(
        CalendarHours.tenant_id == session.tenant, CalendarHours.version == set_last
    )
    found: dict[int, list[tuple[time, time]]] = defaultdict(list)
    for row in await session.scalars(statement.order_by(CalendarHours.weekday, CalendarHours.opens)):
        found[row.weekday].append((row.opens, row.closes))
    return dict(found)


async def add_version(session: WriteSession, actor: str, now: datetime) -> int:
    """Begin a version, after whoever is changing the calendar at the same time."""
    key = func.hashtextextended(f"calendar/{session.tenant}", 0)
    await session.execute(select(func.pg_advisory_xact_lock(key)))
    version = await newest_version(session) + 1
    row = {"tenant_id": session.tenant, "version": version, "set_by": actor, "set_at": now}
    await session.execute(insert(CalendarVersion).values(row))
    return version


async def add_day(session: WriteSession, version: int, day: date, kind: str, name: str) -> None:
    """Say what a day is from a version on."""
    row = {"tenant_id": session.tenant, "day": day, "version": version, "kind": kind, "name": name}
    await session.execute(insert(CalendarDay).values(row))


async def add_days(session: WriteSession, version: int, rows: Sequence[dict[str, Any]]) -> None:
    """Say what many days are from a version on."""
    await session.execute(
        insert(CalendarDay), [{"tenant_id": session.tenant, "version": version, **row} for row in rows]
    )


async def add_hours(session: WriteSession, version: int, rows: Sequence[dict[str, Any]]) -> None:
    """Set all hours of a tenant from a version on."""
    await session.execute(
        insert(CalendarHours), [{"tenant_id": session.tenant, "version": version, **row} for row in rows]
    )
