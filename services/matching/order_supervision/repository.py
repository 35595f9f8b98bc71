"""SQL of demands about orders."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, false, or_, select, tuple_

from services.matching.locking import locked
from services.matching.order_supervision.models import OrderDemand, OrderDemandStep
from services.matching.order_supervision.schemas import DemandQuery
from services.matching.orders.models import Order
from services.matching.orders.repository import SEES_BELOW
from services.matching.orders.rules import OrderState
from shared.auth import Principal, Role
from shared.db import Session, WriteSession

__all__ = [
    "demand_by_id",
    "find_demand",
    "late_orders",
    "list_demands",
    "lock_any_demand",
    "lock_demand",
    "overdue_demands",
    "steps_of",
]


def _visible_to(caller: Principal) -> ColumnElement[bool]:
    conditions: list[ColumnElement[bool]] = [OrderDemand.area_path.within(path) for path in caller.paths(*SEES_BELOW)]
    units = caller.units(Role.UNIT_STAFF, Role.PARTNER)
    if units:
        conditions.append(OrderDemand.unit_id.in_(units))
    return or_(*conditions) if conditions else false()


async def find_demand(session: Session, caller: Principal, demand_id: UUID) -> OrderDemand | None:
    """Return a demand that the caller may see."""
    mine = OrderDemand.tenant_id == session.tenant
    return await session.scalar(select(OrderDemand).where(mine, OrderDemand.id == demand_id, _visible_to(caller)))


async def lock_demand(session: WriteSession, caller: Principal, demand_id: UUID) -> OrderDemand | None:
    """Return a demand that the caller may see and keep others from changing it meanwhile."""
    mine = OrderDemand.tenant_id == session.tenant
    statement = select(OrderDemand).where(mine, OrderDemand.id == demand_id, _visible_to(caller))
    return await session.scalar(locked(statement))


async def demand_by_id(session: Session, demand_id: UUID) -> OrderDemand | None:
    """Return a demand, whoever asks."""
    return await session.scalar(
        select(OrderDemand).where(OrderDemand.tenant_id == session.tenant, OrderDemand.id == demand_id)
    )


async def lock_any_demand(session: WriteSession, demand_id: UUID) -> OrderDemand | None:
    """Return a demand for a job, and keep others from changing it meanwhile."""
    statement = select(OrderDemand).where(OrderDemand.tenant_id == session.tenant, OrderDemand.id == demand_id)
    return await session.scalar(locked(statement))


async def list_demands(
    session: Session, caller: Principal, wanted: DemandQuery, *, after: tuple[Any, ...] | None, limit: int
) -> Sequence[OrderDemand]:
    """Return visible demands, the newest first."""
    statement = select(OrderDemand).where(OrderDemand.tenant_id == session.tenant, _visible_to(caller))
    for column, value in (
        (OrderDemand.state, wanted.state),
        (OrderDemand.order_id, wanted.order_id),
        (OrderDemand.unit_id, wanted.unit_id),
    ):
        if value is not None:
            statement = statement.where(column == value)
    if wanted.overdue is not None:
        is_late = OrderDemand.overdue_at.is_not(None)
        statement = statement.where(is_late if wanted.overdue else ~is_late)
    if after is not None:
        statement = statement.where(tuple_(OrderDemand.issued_at, OrderDemand.id) < tuple_(*after))
    newest = statement.order_by(OrderDemand.issued_at.desc(), OrderDemand.id.desc())
    return (await session.scalars(newest.limit(limit))).all()


async def steps_of(session: Session, demand_id: UUID, *, after: int, limit: int) -> Sequence[OrderDemandStep]:
    """Return the history of a demand in its order."""
    statement = select(OrderDemandStep).where(
        OrderDemandStep.tenant_id == session.tenant,
        OrderDemandStep.demand_id == demand_id,
        OrderDemandStep.position > after,
    )
    return (await session.scalars(statement.order_by(OrderDemandStep.position).limit(limit))).all()


async def late_orders(session: Session, now: datetime, *, limit: int) -> Sequence[UUID]:
    """Return accepted orders whose time is over and that are not marked yet, the latest first."""
    statement = select(Order.id).where(
        Order.tenant_id == session.tenant,
        Order.state == OrderState.ACCEPTED.value,
        Order.late_at.is_(None),
        Order.due_at <= now,
    )
    return (await session.scalars(statement.order_by(Order.due_at, Order.id).limit(limit))).all()


async def overdue_demands(session: Session, now: datetime, *, limit: int) -> Sequence[UUID]:
    """Return demands that nobody has answered in time and that are not marked yet."""
    statement = select(OrderDemand.id).where(
        OrderDemand.tenant_id == session.tenant,
        OrderDemand.state == "issued",
        OrderDemand.overdue_at.is_(None),
        OrderDemand.due_at <= now,
    )
    return (await session.scalars(statement.order_by(OrderDemand.due_at, OrderDemand.id).limit(limit))).all()
