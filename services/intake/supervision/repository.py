"""SQL of supervision orders."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, false, or_, select, tuple_

from services.intake.supervision.models import SupervisionOrder, SupervisionStep
from services.intake.supervision.schemas import OrderQuery
from shared.auth import Principal, Role
from shared.db import Session, WriteSession

__all__ = ["find_order", "list_orders", "lock_order", "overdue_orders", "steps_of"]

_SEES_BELOW = (Role.GRID_WORKER, Role.OFFICER, Role.SECRETARY, Role.CONVENOR, Role.ADMINISTRATOR, Role.AUDITOR)


def _visible_to(caller: Principal) -> ColumnElement[bool]:
    conditions: list[ColumnElement[bool]] = [
        SupervisionOrder.area_path.within(path) for path in caller.paths(*_SEES_BELOW)
    ]
    units = caller.units(Role.UNIT_STAFF)
    if units:
        conditions.append(SupervisionOrder.unit_id.in_(units))
    return or_(*conditions) if conditions else false()


async def find_order(session: Session, caller: Principal, order_id: UUID) -> SupervisionOrder | None:
    """Return an order that the caller may see."""
    mine = SupervisionOrder.tenant_id == session.tenant
    return await session.scalar(
        select(SupervisionOrder).where(mine, SupervisionOrder.id == order_id, _visible_to(caller))
    )


async def lock_order(session: WriteSession, caller: Principal | None, order_id: UUID) -> SupervisionOrder | None:
    """Return an order that the caller may see (any, for a job) and keep others from changing it meanwhile."""
    statement = select(SupervisionOrder).where(
        SupervisionOrder.tenant_id == session.tenant, SupervisionOrder.id == order_id
    )
    if caller is not None:
        statement = statement.where(_visible_to(caller))
    return await session.scalar(statement.with_for_update())


async def list_orders(
    session: Session, caller: Principal, wanted: OrderQuery, *, after: tuple[Any, ...] | None, limit: int
) -> Sequence[SupervisionOrder]:
    """Return visible orders, the newest first."""
    statement = select(SupervisionOrder).where(SupervisionOrder.tenant_id == session.tenant, _visible_to(caller))
    for column, value in (
        (SupervisionOrder.state, wanted.state),
        (SupervisionOrder.unit_id, wanted.unit_id),
        (SupervisionOrder.case_id, wanted.case_id),
    ):
        if value is not None:
            statement = statement.where(column == value)
    if wanted.overdue is not None:
        is_late = SupervisionOrder.overdue_at.is_not(None)
        statement = statement.where(is_late if wanted.overdue else ~is_late)
    if after is not None:
        statement = statement.where(tuple_(SupervisionOrder.issued_at, SupervisionOrder.id) < tuple_(*after))
    newest = statement.order_by(SupervisionOrder.issued_at.desc(), SupervisionOrder.id.desc())
    return (await session.scalars(newest.limit(limit))).all()


async def steps_of(session: Session, order_id: UUID) -> Sequence[SupervisionStep]:
    """Return the history of an order."""
    statement = select(SupervisionStep).where(
        SupervisionStep.tenant_id == session.tenant, SupervisionStep.order_id == order_id
    )
    return (await session.scalars(statement.order_by(SupervisionStep.position))).all()


async def overdue_orders(
    session: Session, now: datetime, *, after: tuple[datetime, UUID] | None, limit: int
) -> Sequence[SupervisionOrder]:
    """Return orders that nobody has answered in time and that are not marked yet, the longest overdue first."""
    statement = select(SupervisionOrder).where(
        SupervisionOrder.tenant_id == session.tenant,
        SupervisionOrder.state == "issued",
        SupervisionOrder.overdue_at.is_(None),
        SupervisionOrder.due_at <= now,
    )
    if after is not None:
        statement = statement.where(tuple_(SupervisionOrder.due_at, SupervisionOrder.id) > tuple_(*after))
    ordered = statement.order_by(SupervisionOrder.due_at, SupervisionOrder.id)
    return (await session.scalars(ordered.limit(limit))).all()
