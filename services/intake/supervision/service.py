"""Use cases of supervision orders."""

from datetime import datetime, timedelta
from uuid import UUID

from services.intake.cases.models import Case
from services.intake.cases.moving import Move, move
from services.intake.cases.repository import find_any_case
from services.intake.cases.service import active_unit
from services.intake.cases.telling import about
from services.intake.cases.terms import Action
from services.intake.handling.service import handling_of
from services.intake.notifications.service import Told, tell
from services.intake.supervision import repository
from services.intake.supervision.models import SupervisionOrder, SupervisionStep
from services.intake.supervision.rules import STEPS, Cause, OrderAction, OrderFacts, OrderState
from services.intake.supervision.schemas import OrderIn
from shared.auth import Principal, Role
from shared.clock import CHINA, utc_now
from shared.db import WriteSession
from shared.ids import new_id
from shared.problems import IdTaken, NotFound
from shared.steps import check_step
from shared.texts import Text

__all__ = ["begin_order_step", "facts_of", "issue_order", "mark_overdue", "order_by_system", "take_order_step"]


_TOLD = {OrderAction.ANSWER: "supervision_answered", OrderAction.RETURN: "supervision_returned"}


def facts_of(order: SupervisionOrder) -> OrderFacts:
    """Return what the rules know of an order."""
    return OrderFacts(OrderState(order.state), order.area_path, order.unit_id)


async def issue_order(
    session: WriteSession, caller: Principal, case: Case, wanted: OrderIn
) -> tuple[SupervisionOrder, bool]:
    """Demand an answer about a case by a date.

    Returns:
        The order and whether it is new: the same id with the same demand is the same order.

    Raises:
        IdTaken: the id names another order.
    """
    earlier = await repository.lock_order(session, None, wanted.id) if wanted.id else None
    if earlier is not None:
        if (earlier.case_id, earlier.unit_id, earlier.demand_zh) != (case.id, wanted.unit_id, wanted.demand):
            raise IdTaken(pointer="/id")
        return earlier, False
    if wanted.unit_id is not None:
        await active_unit(session, wanted.unit_id)
    order = _order(case, wanted.id or new_id(), wanted.unit_id, Cause.BY_HAND, caller.actor)
    order.demand_zh = wanted.demand
    await _write_order(session, case, order, wanted.minutes)
    return order, True


async def order_by_system(
    session: WriteSession, case: Case, *, unit_id: UUID | None, cause: str, demand: Text
) -> SupervisionOrder:
    """Demand an answer because a rule says so."""
    order = _order(case, new_id(), unit_id, Cause(cause), "system")
    order.demand_zh, order.demand_en = demand.zh, demand.en
    await _write_order(session, case, order, None)
    return order


def _order(case: Case, order_id: UUID, unit_id: UUID | None, cause: Cause, actor: str) -> SupervisionOrder:
    return SupervisionOrder(
        tenant_id=case.tenant_id,
        id=order_id,
        case_id=case.id,
        area_path=case.area_path,
        unit_id=unit_id,
        cause=cause.value,
        state=OrderState.ISSUED.value,
        returns=0,
        issued_by=actor,
        version=1,
    )


async def _write_order(session: WriteSession, case: Case, order: SupervisionOrder, minutes: int | None) -> None:
    data = {"order_id": str(order.id), "cause": order.cause}
    if order.unit_id is not None:
        data["unit_id"] = str(order.unit_id)
    wanted = Move(Action.SUPERVISE, order.issued_by, note=order.demand_zh, data=data)
    order.issued_at = await move(session, case, wanted)
    order.due_at = await _due(session, order.issued_at, minutes)
    session.add(order)
    await session.flush()
    _remember(session, order, "issue", order.issued_by, order.demand_zh, order.issued_at)
    await _tell(session, order, "supervision_ordered", about(case))


async def _due(session: WriteSession, start: datetime, minutes: int | None) -> datetime:
    handling = await handling_of(session)
    return handling.calendar.add(start, timedelta(minutes=minutes or handling.rules.supervision_minutes))


def _remember(
    session: WriteSession, order: SupervisionOrder, step: str, actor: str, note: str | None, now: datetime
) -> None:
    row = SupervisionStep(
        tenant_id=session.tenant,
        order_id=order.id,
        position=order.version,
        step=step,
        actor=actor,
        note=note,
        at=now,
    )
    session.add(row)


async def begin_order_step(
    session: WriteSession, caller: Principal, order_id: UUID, action: OrderAction
) -> SupervisionOrder:
    """Lock an order for a step, or refuse: invisible (404), not allowed (403), not now (409)."""
    order = await repository.lock_order(session, caller, order_id)
    if order is None:
        raise NotFound
    check_step(STEPS, action, facts_of(order), caller)
    return order


async def take_order_step(
    session: WriteSession,
    caller: Principal,
    order: SupervisionOrder,
    action: OrderAction,
    note: str | None,
    minutes: int | None = None,
) -> None:
    """Answer an order, accept the answer, return it for a better one, or withdraw the order."""
    now = utc_now()
    order.state = STEPS[action].target.value
    order.version += 1
    if action is OrderAction.ANSWER:
        order.answer = note
    if action is OrderAction.RETURN:
        order.returns += 1
        order.due_at = await _due(session, now, minutes)
        order.overdue_at = None
    _remember(session, order, action, caller.actor, note, now)
    kind = _TOLD.get(action)
    if kind is not None:
        await _tell(session, order, kind, about(await find_any_case(session, order.case_id)))


async def mark_overdue(session: WriteSession, order_id: UUID) -> SupervisionOrder | None:
    """Write down, once, that an order was not answered in time."""
    order = await repository.lock_order(session, None, order_id)
    now = utc_now()
    if order is None or order.state != OrderState.ISSUED or order.overdue_at is not None or order.due_at > now:
        return None
    order.overdue_at = now
    order.version += 1
    _remember(session, order, "overdue", "system", None, now)
    await _tell(session, order, "supervision_overdue", about(await find_any_case(session, order.case_id)))
    return order


async def _tell(session: WriteSession, order: SupervisionOrder, kind: str, words: dict[str, str]) -> None:
    """Tell the side that has to do something now; that it is late, both."""
    asked = kind != "supervision_answered"
    supervising = kind in {"supervision_answered", "supervision_overdue"}
    units = [order.unit_id] if order.unit_id is not None and asked else []
    roles = [(Role.GRID_WORKER, order.area_path)] if order.unit_id is None and asked else []
    roles += [(role, order.area_path) for role in (Role.SECRETARY, Role.OFFICER)] if supervising else []
    words = words | {"due_on": order.due_at.astimezone(CHINA).date().isoformat()}
    await tell(session, Told(kind, order.case_id, words, units=units, roles=roles))
