"""SQL of the calendar."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, time
from typing import Any

from sqlalchemy import delete, insert, select
from sqlalchemy.dialects.postgresql import insert as upsert

from services.intake.calendar.models import CalendarDay, CalendarHours
from shared.db import Session, WriteSession

__all__ = ["days_of", "hours_of", "put_day", "put_hours", "remove_day"]


async def days_of(session: Session, first_on: date | None = None, last_on: date | None = None) -> Sequence[CalendarDay]:
    """Return what a tenant has said of single days."""
    statement = select(CalendarDay).where(CalendarDay.tenant_id == session.tenant)
    if first_on is not None:
        statement = statement.where(CalendarDay.day >= first_on)
    if last_on is not None:
        statement = statement.where(CalendarDay.day <= last_on)
    return (await session.scalars(statement.order_by(CalendarDay.day))).all()


async def hours_of(session: Session) -> dict[int, list[tuple[time, time]]]:
    """Return a tenant's hours by weekday; nothing when it has set none."""
    statement = select(CalendarHours).where(CalendarHours.tenant_id == session.tenant)
    found: dict[int, list[tuple[time, time]]] = defaultdict(list)
    for row in await session.scalars(statement.order_by(CalendarHours.weekday, CalendarHours.opens)):
        found[row.weekday].append((row.opens, row.closes))
    return dict(found)


async def put_day(session: WriteSession, row: dict[str, Any]) -> None:
    """Say what a day is."""
    statement = upsert(CalendarDay).values(tenant_id=session.tenant, **row)
    changed = {name: statement.excluded[name] for name in ("kind", "name", "set_by", "set_at")}
    await session.execute(statement.on_conflict_do_update(index_elements=["tenant_id", "day"], set_=changed))


async def remove_day(session: WriteSession, day: date) -> None:
    """Let a day be again what the public calendar says."""
    await session.execute(delete(CalendarDay).where(CalendarDay.tenant_id == session.tenant, CalendarDay.day == day))


async def put_hours(session: WriteSession, rows: Sequence[dict[str, Any]]) -> None:
    """Set all hours of a tenant."""
    await session.execute(delete(CalendarHours).where(CalendarHours.tenant_id == session.tenant))
    if rows:
        await session.execute(insert(CalendarHours), [{"tenant_id": session.tenant, **row} for row in rows])
