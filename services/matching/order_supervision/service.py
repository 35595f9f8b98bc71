"""Use cases of supervising orders."""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from services.matching.order_supervision import repository
from services.matching.order_supervision.models import OrderDemand, OrderDemandStep
from services.matching.order_supervision.rules import (
    LATE_DEMAND,
    STEPS,
    Cause,
    DemandAction,
    DemandFacts,
    DemandState,
)
from services.matching.order_supervision.schemas import DemandIn
from services.matching.orders.models import Order
from services.matching.orders.repository import lock_any_order
from services.matching.orders.rules import OrderAction, OrderState
from services.matching.orders.service import begin_step as begin_order_step
from services.matching.orders.steps import note_step, times_of
from services.matching.orders.telling import notice, subject_of
from shared.auth import Principal
from shared.clock import utc_now
from shared.contracts.matching_orders import OrderLate
from shared.db import WriteSession
from shared.ids import new_id
from shared.messaging import publish
from shared.problems import IdTaken, NotFound
from shared.steps import check_step

__all__ = ["begin_step", "escalate_late", "facts_of", "issue_demand", "mark_overdue", "take_step"]

_SYSTEM: Final = "system"
_TOLD: Final = {
    DemandAction.ANSWER: "order_supervision_answered",
    DemandAction.RETURN: "order_supervision_returned",
}


def facts_of(demand: OrderDemand) -> DemandFacts:
    """Return what the rules know of a demand."""
    return DemandFacts(DemandState(demand.state), demand.area_path, demand.unit_id)


async def issue_demand(
    session: WriteSession, caller: Principal, order: Order, wanted: DemandIn
) -> tuple[OrderDemand, bool]:
    """Demand an answer about an order by a date; returns the demand and whether it is new.

    Raises:
        IdTaken: the id names another demand.
    """
    begin_order_step(caller, order, OrderAction.SUPERVISE)
    earlier = await repository.demand_by_id(session, wanted.id) if wanted.id is not None else None
    if earlier is not None:
        if (earlier.order_id, earlier.demand_zh) != (order.id, wanted.demand):
            raise IdTaken(pointer="/id")
        return earlier, False
    demand = _demand(order, wanted.id or new_id(), Cause.BY_HAND, caller.actor)
    demand.demand_zh = wanted.demand
    await _write(session, order, demand, wanted.minutes)
    return demand, True


async def escalate_late(session: WriteSession, order_id: UUID) -> bool:
    """Mark, once, that an accepted order was not delivered in time, and demand an answer of its partner."""
    order = await lock_any_order(session, order_id)
    now = utc_now()
    if order is None or order.state != OrderState.ACCEPTED or order.late_at is not None:
        return False
    if order.due_at is None or order.due_at > now:
        return False
    order.late_at = now
    demand = _demand(order, new_id(), Cause.LATE, _SYSTEM)
    demand.demand_zh, demand.demand_en = LATE_DEMAND.zh, LATE_DEMAND.en
    await _write(session, order, demand, None)
    told = OrderLate(
        order_id=order.id,
        partner_id=order.partner_id,
        unit_id=order.unit_id,
        due_at=order.due_at,
        supervision_id=demand.id,
        answer_by=demand.due_at,
    )
    await publish(session, subject_of(order), told)
    return True


def _demand(order: Order, demand_id: UUID, cause: Cause, actor: str) -> OrderDemand:
    return OrderDemand(
        tenant_id=order.tenant_id,
        id=demand_id,
        order_id=order.id,
        area_path=order.area_path,
        unit_id=order.unit_id,
        cause=cause.value,
        state=DemandState.ISSUED.value,
        returns=0,
        issued_by=actor,
        version=1,
    )


async def _write(session: WriteSession, order: Order, demand: OrderDemand, minutes: int | None) -> None:
    """Write a demand into its own history and the order's, and tell the partner, and of a late one the officers."""
    demand.issued_at = utc_now()
    demand.due_at = await _due(session, demand.issued_at, minutes)
    session.add(demand)
    await session.flush()
    _remember(session, demand, "issue", demand.issued_by, demand.demand_zh, demand.issued_at)
    note_step(session, order, "supervise", demand.issued_by, {"demand_id": str(demand.id), "cause": demand.cause})
    await session.flush()
    staff_of = [order.area_path] if demand.cause == Cause.LATE else []
    await notice(session, order, "order_supervised", units=[order.unit_id], staff_of=staff_of, due_at=demand.due_at)


async def _due(session: WriteSession, start: datetime, minutes: int | None) -> datetime:
    return start + timedelta(minutes=minutes or (await times_of(session)).answer_minutes)


def _remember(
    session: WriteSession, demand: OrderDemand, step: str, actor: str, note: str | None, now: datetime
) -> None:
    row = OrderDemandStep(
        tenant_id=session.tenant,
        demand_id=demand.id,
        position=demand.version,
        step=step,
        actor=actor,
        note=note,
        at=now,
    )
    session.add(row)


async def begin_step(session: WriteSession, caller: Principal, demand_id: UUID, action: DemandAction) -> OrderDemand:
    """Lock a demand for a step, or refuse: invisible (404), not allowed (403), not now (409)."""
    demand = await repository.lock_demand(session, caller, demand_id)
    if demand is None:
        raise NotFound
    check_step(STEPS, action, facts_of(demand), caller)
    return demand


async def take_step(
    session: WriteSession,
    caller: Principal,
    demand: OrderDemand,
    action: DemandAction,
    note: str | None,
    minutes: int | None = None,
) -> None:
    """Answer a demand, accept the answer, return it for a better one, or withdraw the demand."""
    now = utc_now()
    demand.state = STEPS[action].target.value
    demand.version += 1
    if action is DemandAction.ANSWER:
        demand.answer = note
    if action is DemandAction.RETURN:
        demand.returns += 1
        demand.due_at, demand.overdue_at = await _due(session, now, minutes), None
    _remember(session, demand, action, caller.actor, note, now)
    await session.flush()
    kind = _TOLD.get(action)
    if kind is not None:
        await _tell(session, demand, kind, to_partner=action is DemandAction.RETURN)


async def mark_overdue(session: WriteSession, demand_id: UUID) -> bool:
    """Write down, once, that a demand was not answered in time."""
    demand = await repository.lock_any_demand(session, demand_id)
    now = utc_now()
    is_open = demand is not None and demand.state == DemandState.ISSUED and demand.overdue_at is None
    if demand is None or not is_open or demand.due_at > now:
        return False
    demand.overdue_at = now
    demand.version += 1
    _remember(session, demand, "overdue", _SYSTEM, None, now)
    await session.flush()
    await _tell(session, demand, "order_supervision_overdue", to_partner=True, to_staff=True)
    return True


async def _tell(
    session: WriteSession, demand: OrderDemand, kind: str, *, to_partner: bool, to_staff: bool = False
) -> None:
    """Tell the side that has to do something now."""
    order = await lock_any_order(session, demand.order_id)
    if order is None:
        return
    units = [demand.unit_id] if to_partner else []
    staff_of = [demand.area_path] if to_staff or not to_partner else []
    await notice(session, order, kind, units=units, staff_of=staff_of, due_at=demand.due_at)
