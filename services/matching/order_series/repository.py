"""SQL of recurring orders."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, false, or_, select, tuple_

from services.matching.locking import locked
from services.matching.order_series.models import Occurrence, Series
from services.matching.order_series.rules import OccurrenceState, SeriesState
from services.matching.order_series.schemas import SeriesQuery
from services.matching.orders.repository import SEES_BELOW
from shared.auth import Principal
from shared.db import Session, WriteSession

__all__ = [
    "find_occurrence",
    "find_series",
    "list_occurrences",
    "list_series",
    "lock_any_series",
    "lock_series",
    "ordered_from",
    "to_plan",
]


def _visible_to(caller: Principal) -> ColumnElement[bool]:
    conditions: list[ColumnElement[bool]] = [Series.area_path.within(path) for path in caller.paths(*SEES_BELOW)]
    if caller.subject_id is not None:
        conditions.append(Series.requester_id == caller.subject_id)
    return or_(*conditions) if conditions else false()


async def find_series(session: Session, caller: Principal, series_id: UUID) -> Series | None:
    """Return a recurring order that the caller may see."""
    mine = Series.tenant_id == session.tenant
    return await session.scalar(select(Series).where(mine, Series.id == series_id, _visible_to(caller)))


async def lock_series(session: WriteSession, caller: Principal, series_id: UUID) -> Series | None:
    """Return a recurring order that the caller may see and keep others from changing it meanwhile."""
    mine = Series.tenant_id == session.tenant
    return await session.scalar(locked(select(Series).where(mine, Series.id == series_id, _visible_to(caller))))


async def lock_any_series(session: WriteSession, series_id: UUID) -> Series | None:
    """Return a recurring order for a job, and keep others from changing it meanwhile."""
    statement = select(Series).where(Series.tenant_id == session.tenant, Series.id == series_id)
    return await session.scalar(locked(statement))


async def list_series(
    session: Session, caller: Principal, wanted: SeriesQuery, *, after: tuple[Any, ...] | None, limit: int
) -> Sequence[Series]:
    """Return visible recurring orders, the newest first."""
    statement = select(Series).where(Series.tenant_id == session.tenant, _visible_to(caller))
    for column, value in (
        (Series.state, wanted.state),
        (Series.offer_id, wanted.offer_id),
        (Series.requester_id, caller.subject_id if wanted.mine else None),
    ):
        if value is not None:
            statement = statement.where(column == value)
    if after is not None:
        statement = statement.where(tuple_(Series.made_at, Series.id) < tuple_(*after))
    return (await session.scalars(statement.order_by(Series.made_at.desc(), Series.id.desc()).limit(limit))).all()


async def list_occurrences(
    session: Session, series_id: UUID, *, after: date | None, limit: int
) -> Sequence[Occurrence]:
    """Return the days of a recurring order that were dealt with, in their order."""
    statement = select(Occurrence).where(Occurrence.tenant_id == session.tenant, Occurrence.series_id == series_id)
    if after is not None:
        statement = statement.where(Occurrence.day > after)
    return (await session.scalars(statement.order_by(Occurrence.day).limit(limit))).all()


async def find_occurrence(session: Session, series_id: UUID, day: date) -> Occurrence | None:
    """Return what became of a day."""
    statement = select(Occurrence).where(
        Occurrence.tenant_id == session.tenant, Occurrence.series_id == series_id, Occurrence.day == day
    )
    return await session.scalar(statement)


async def ordered_from(session: Session, series_id: UUID, day: date) -> Sequence[Occurrence]:
    """Return the days from one on for which there is an order."""
    statement = select(Occurrence).where(
        Occurrence.tenant_id == session.tenant,
        Occurrence.series_id == series_id,
        Occurrence.day >= day,
        Occurrence.state == OccurrenceState.ORDERED.value,
    )
    return (await session.scalars(statement.order_by(Occurrence.day))).all()


async def to_plan(session: Session, through: date, *, limit: int) -> Sequence[UUID]:
    """Return running recurring orders that are not planned through a day yet."""
    statement = select(Series.id).where(
        Series.tenant_id == session.tenant,
        Series.state == SeriesState.RUNNING.value,
        Series.planned_through < through,
    )
    return (await session.scalars(statement.order_by(Series.planned_through, Series.id).limit(limit))).all()
