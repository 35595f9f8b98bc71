"""What every step of an order shares: its facts, its history, its clocks, and its price."""

from datetime import datetime
from typing import Any, Final

from services.matching.orders import holding, repository
from services.matching.orders.models import Order, OrderStep
from services.matching.orders.prices import Asking, kept
from services.matching.orders.rules import OrderFacts, OrderState, accept_by, state_when_priced, warn_at
from services.matching.orders.schemas import OrderRulesIn
from services.matching.orders.telling import ask_directory, notice, tell_closed, tell_placed
from shared.clock import utc_now
from shared.db import Session, WriteSession
from shared.ids import new_id

__all__ = ["ask_or_price", "end", "facts_of", "note_step", "place_on", "times_of"]

_DEFAULTS: Final = OrderRulesIn()
_STEP_OF: Final = {
    OrderState.CANCELLED: "cancel",
    OrderState.DECLINED: "decline",
    OrderState.LAPSED: "lapse",
    OrderState.BROKEN: "break_off",
}


def facts_of(order: Order, now: datetime) -> OrderFacts:
    """Return what the rules know of an order at an instant."""
    return OrderFacts(
        state=OrderState(order.state),
        area_path=order.area_path,
        requester_id=order.requester_id,
        unit_id=order.unit_id,
        is_for_other=order.within is not None,
        has_begun=order.starts_at is not None and order.starts_at <= now,
    )


async def times_of(session: Session) -> OrderRulesIn:
    """Return how long things may take in the tenant; what it has not said is the default."""
    said = await repository.find_rules(session)
    if said is None:
        return _DEFAULTS
    return OrderRulesIn.model_construct(**{name: getattr(said, name) for name in OrderRulesIn.model_fields})


def note_step(session: WriteSession, order: Order, step: str, actor: str, data: dict[str, Any]) -> None:
    """Write a step of the history; its position is the version that it makes."""
    order.version += 1
    row = OrderStep(
        tenant_id=session.tenant,
        order_id=order.id,
        position=order.version,
        step=step,
        state=order.state,
        actor=actor,
        data=data,
        at=utc_now(),
    )
    session.add(row)


async def ask_or_price(session: WriteSession, order: Order, asking: Asking, actor: str) -> None:
    """Ask the next question about an order's price, or set the price when nothing is left to be asked.

    Who is not entitled to what only entitled people may have has their order ended; its partner never hears of it.
    """
    order.questions, order.fallback_fen = kept(asking), asking.fallback_fen
    if asking.questions:
        order.question_id = new_id()
        await session.flush()
        await ask_directory(session, order, asking.questions[0].kinds)
        return
    order.question_id, order.fallback_fen = None, None
    if asking.fallback_fen is None:
        await end(session, order, OrderState.CANCELLED, actor, reason="not_entitled", kind="order_not_entitled")
        return
    order.price_fen = asking.fallback_fen * order.quantity
    if state_when_priced(order.price_fen, order.up_to_fen) is OrderState.PLACED:
        await place_on(session, order, actor)
        return
    order.state = OrderState.QUOTED.value
    order.wait_until = accept_by(utc_now(), (await times_of(session)).confirm_minutes, order.starts_at)
    note_step(session, order, "quote", actor, {"price_fen": order.price_fen})
    await session.flush()
    await notice(session, order, "order_quoted", people=[order.requester_id], due_at=order.wait_until)


async def place_on(session: WriteSession, order: Order, actor: str) -> None:
    """Let the partner know of an order whose price is agreed to; its clock begins."""
    now = utc_now()
    order.wait_until = accept_by(now, (await times_of(session)).accept_minutes, order.starts_at)
    order.state, order.placed_at, order.warn_at = OrderState.PLACED.value, now, warn_at(now, order.wait_until)
    note_step(session, order, "place", actor, {"price_fen": order.price_fen})
    await session.flush()
    await tell_placed(session, order)


async def end(
    session: WriteSession,
    order: Order,
    state: OrderState,
    actor: str,
    *,
    reason: str | None,
    kind: str,
    by_requester: bool = False,
) -> None:
    """End an order without delivery and give back what was held for it."""
    order.state, order.reason, order.ended_at = state.value, reason, utc_now()
    order.questions, order.question_id, order.fallback_fen = [], None, None
    note_step(session, order, _STEP_OF[state], actor, {"reason": reason} if reason else {})
    await holding.give_back(session, order, actor)
    await session.flush()
    await tell_closed(session, order, kind, by_requester=by_requester)
