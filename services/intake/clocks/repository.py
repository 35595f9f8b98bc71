"""SQL of clocks."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, tuple_
from sqlalchemy.dialects.postgresql import insert

from services.intake.clocks.models import ClockInterval, Escalation
from services.intake.clocks.rules import ClockKind
from shared.db import Session, WriteSession

__all__ = [
    "add_escalation",
    "due_intervals",
    "escalations_of",
    "intervals_of",
    "intervals_of_many",
    "outdated_intervals",
]


async def intervals_of(
    session: Session, case_id: UUID, kinds: Collection[ClockKind] | None = None
) -> dict[tuple[ClockKind, int], list[ClockInterval]]:
    """Return the intervals of a case's clocks by clock and run, in their order."""
    statement = select(ClockInterval).where(ClockInterval.tenant_id == session.tenant, ClockInterval.case_id == case_id)
    if kinds is not None:
        statement = statement.where(ClockInterval.clock.in_([kind.value for kind in kinds]))
    found: dict[tuple[ClockKind, int], list[ClockInterval]] = defaultdict(list)
    ordered = statement.order_by(ClockInterval.clock, ClockInterval.run, ClockInterval.position)
    for row in await session.scalars(ordered):
        found[ClockKind(row.clock), row.run].append(row)
    return dict(found)


async def intervals_of_many(
    session: Session, case_ids: Collection[UUID]
) -> dict[UUID, dict[tuple[ClockKind, int], list[ClockInterval]]]:
    """Return the intervals of many cases, each case's as `intervals_of` returns them."""
    statement = select(ClockInterval).where(
        ClockInterval.tenant_id == session.tenant, ClockInterval.case_id.in_(case_ids)
    )
    found: dict[UUID, dict[tuple[ClockKind, int], list[ClockInterval]]] = defaultdict(lambda: defaultdict(list))
    ordered = statement.order_by(ClockInterval.clock, ClockInterval.run, ClockInterval.position)
    for row in await session.scalars(ordered):
        found[row.case_id][ClockKind(row.clock), row.run].append(row)
    return found


async def due_intervals(
    session: Session, now: datetime, *, after: tuple[datetime, UUID, str] | None, limit: int
) -> Sequence[ClockInterval]:
    """Return intervals of which something is to be told by now, the longest overdue first; one lasts of each clock."""
    order = (ClockInterval.next_at, ClockInterval.case_id, ClockInterval.clock)
    statement = select(ClockInterval).where(ClockInterval.tenant_id == session.tenant, ClockInterval.next_at <= now)
    if after is not None:
        statement = statement.where(tuple_(*order) > tuple_(*after))
    return (await session.scalars(statement.order_by(*order).limit(limit))).all()


async def outdated_intervals(
    session: Session, calendar_version: int, *, after: tuple[UUID, str] | None, limit: int
) -> Sequence[ClockInterval]:
    """Return running intervals whose due time was counted by an older calendar."""
    order = (ClockInterval.case_id, ClockInterval.clock)
    statement = select(ClockInterval).where(
        ClockInterval.tenant_id == session.tenant,
        ClockInterval.next_at.is_not(None),
        ClockInterval.running,
        ClockInterval.clock != ClockKind.VERDICT.value,
        ClockInterval.calendar_version < calendar_version,
    )
    if after is not None:
        statement = statement.where(tuple_(*order) > tuple_(*after))
    return (await session.scalars(statement.order_by(*order).limit(limit))).all()


async def add_escalation(session: WriteSession, row: Escalation) -> bool:
    """Note that a rung is climbed; returns False when it was before."""
    values = {column.key: getattr(row, column.key) for column in Escalation.__table__.columns}
    statement = insert(Escalation).values(values).on_conflict_do_nothing().returning(Escalation.rung)
    return await session.scalar(statement) is not None


async def escalations_of(session: Session, case_id: UUID) -> Sequence[Escalation]:
    """Return the rungs that a case has climbed, the first one first."""
    statement = select(Escalation).where(Escalation.tenant_id == session.tenant, Escalation.case_id == case_id)
    return (await session.scalars(statement.order_by(Escalation.fired_at, Escalation.rung))).all()
