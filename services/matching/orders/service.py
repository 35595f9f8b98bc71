"""Use cases of orders that are there: confirming, accepting, delivering, rating, ending, and what clocks do."""

from uuid import UUID

from services.matching.locking import take_turn
from services.matching.orders import holding, repository
from services.matching.orders.fulfilment import record_outcome
from services.matching.orders.models import Order
from services.matching.orders.prices import read
from services.matching.orders.rules import STAFF, STEPS, OrderAction, OrderState, PriceRisen, SlotPassed, due_at
from services.matching.orders.schemas import AcceptIn, DeliverIn, OrderRulesIn, OrderRulesOut, RateIn
from services.matching.orders.steps import ask_or_price, end, facts_of, note_step, place_on, times_of
from services.matching.orders.telling import notice, tell_accepted, tell_delivered, tell_rated
from services.matching.proofs.telling import show_proof
from services.matching.record.rules import Fulfilment
from shared.auth import Principal
from shared.clock import utc_now
from shared.db import Session, WriteSession
from shared.problems import Forbidden, NotFound
from shared.steps import check_step
from shared.web import check_version

__all__ = [
    "accept_order",
    "begin_step",
    "break_off",
    "cancel_order",
    "confirm_price",
    "decline_order",
    "deliver_order",
    "hear_answer",
    "lapse",
    "lock_order",
    "must_order_again",
    "put_rules",
    "rate_order",
    "rules_out",
    "warn",
]

_SYSTEM = "system"
_ONE_A_TENANT = UUID(int=0)


async def lock_order(session: WriteSession, caller: Principal, order_id: UUID) -> Order:
    """Return an order for a change; NotFound when the caller may not know of it."""
    order = await repository.lock_order(session, caller, order_id)
    if order is None:
        raise NotFound
    return order


def begin_step(caller: Principal, order: Order, action: OrderAction) -> None:
    """Refuse a step that the caller may not take, or that is not possible now."""
    check_step(STEPS, action, facts_of(order, utc_now()), caller)


def must_order_again(caller: Principal, order: Order) -> None:
    """Refuse whoever is neither the requester nor staff of the area: it would be ordered for the same person."""
    if caller.subject_id != order.requester_id and not caller.has(*STAFF, at=order.area_path):
        raise Forbidden(rule="requester_or_helping_staff")


async def hear_answer(session: WriteSession, question_id: UUID, *, entitled: bool) -> None:
    """Go on with the order that has asked; the answer to what nobody waits for any more changes nothing."""
    order = await repository.lock_order_asking(session, question_id)
    if order is None or order.state != OrderState.PRICING:
        return
    asking = read(order.questions, order.fallback_fen).after(entitled=entitled)
    await ask_or_price(session, order, asking, _SYSTEM)


async def confirm_price(session: WriteSession, caller: Principal, order: Order, price_fen: int) -> None:
    """Agree to the price that was told; the order goes on to its partner."""
    begin_step(caller, order, OrderAction.CONFIRM)
    if price_fen != order.price_fen:
        raise PriceRisen(price_fen=order.price_fen)
    if facts_of(order, utc_now()).has_begun:
        raise SlotPassed
    await place_on(session, order, caller.actor)


async def cancel_order(session: WriteSession, caller: Principal, order: Order, note: str | None) -> None:
    """Take an order back; once it has begun it is too late."""
    begin_step(caller, order, OrderAction.CANCEL)
    by_requester = caller.subject_id == order.requester_id
    await end(
        session,
        order,
        OrderState.CANCELLED,
        caller.actor,
        reason=note,
        kind="order_cancelled",
        by_requester=by_requester,
    )


async def accept_order(session: WriteSession, caller: Principal, order: Order, wanted: AcceptIn) -> None:
    """Promise to deliver: what was held is committed, and the clock of the delivery begins."""
    begin_step(caller, order, OrderAction.ACCEPT)
    now = utc_now()
    minutes = (await times_of(session)).deliver_minutes
    latest = due_at(now, minutes, ends_at=order.ends_at, wanted_by=order.wanted_by)
    # A partner may promise to be quicker than it must, never slower.
    promised = wanted.due_at if wanted.due_at is not None and order.ends_at is None else latest
    order.due_at = max(now, min(promised, latest))
    order.state, order.accepted_at = OrderState.ACCEPTED.value, now
    note_step(session, order, "accept", caller.actor, {"due_at": order.due_at.isoformat()})
    await holding.commit(session, order, caller.actor)
    await session.flush()
    await tell_accepted(session, order, order.due_at)


async def decline_order(session: WriteSession, caller: Principal, order: Order, reason: str) -> None:
    """Say no; nothing was promised yet."""
    begin_step(caller, order, OrderAction.DECLINE)
    await end(session, order, OrderState.DECLINED, caller.actor, reason=reason, kind="order_declined")


async def deliver_order(session: WriteSession, caller: Principal, order: Order, wanted: DeliverIn) -> None:
    """Note that an order was delivered, with proof; it counts as kept, or as late."""
    begin_step(caller, order, OrderAction.DELIVER)
    now = utc_now()
    order.state, order.delivered_at, order.proof = OrderState.DELIVERED.value, now, wanted.proof
    order.attachment_ids = wanted.attachment_ids
    if order.late_at is None and order.due_at is not None and now > order.due_at:
        order.late_at = now
    data = {"proof": wanted.proof, "attachment_ids": [str(item) for item in wanted.attachment_ids]}
    note_step(session, order, "deliver", caller.actor, data)
    owner, files = ("order", order.id), wanted.attachment_ids
    await show_proof(session, caller, owner, files, area_path=order.area_path, unit_id=order.unit_id)
    await holding.deliver(session, order, caller.actor)
    await record_outcome(session, order, Fulfilment.KEPT if order.late_at is None else Fulfilment.LATE, caller.actor)
    await session.flush()
    await tell_delivered(session, order, now)


async def break_off(session: WriteSession, caller: Principal, order: Order, reason: str) -> None:
    """End an accepted order that will not be delivered: a broken promise."""
    begin_step(caller, order, OrderAction.BREAK_OFF)
    await end(session, order, OrderState.BROKEN, caller.actor, reason=reason, kind="order_broken")
    await record_outcome(session, order, Fulfilment.BROKEN, caller.actor)


async def rate_order(session: WriteSession, caller: Principal, order: Order, wanted: RateIn) -> None:
    """Say how it was."""
    begin_step(caller, order, OrderAction.RATE)
    order.state, order.rated_at = OrderState.RATED.value, utc_now()
    order.stars, order.words, order.complaint = wanted.stars, wanted.words, wanted.complaint
    data = {"stars": wanted.stars, "complaint": wanted.complaint}
    note_step(session, order, "rate", caller.actor, data)
    await session.flush()
    await tell_rated(session, order, wanted.stars)


async def lapse(session: WriteSession, order_id: UUID) -> bool:
    """End an order that nobody has answered in time: the directory, the requester, or the partner."""
    order = await repository.lock_any_order(session, order_id)
    waiting = {OrderState.PRICING, OrderState.QUOTED, OrderState.PLACED}
    if order is None or order.state not in waiting or order.wait_until > utc_now():
        return False
    reason = {
        OrderState.PRICING: "price_unknown",
        OrderState.QUOTED: "price_not_confirmed",
        OrderState.PLACED: "not_accepted",
    }[OrderState(order.state)]
    await end(session, order, OrderState.LAPSED, _SYSTEM, reason=reason, kind="order_lapsed")
    return True


async def warn(session: WriteSession, order_id: UUID) -> bool:
    """Warn, once, the partner of an order that will lapse."""
    order = await repository.lock_any_order(session, order_id)
    now = utc_now()
    if order is None or order.state != OrderState.PLACED or order.warn_at is None or order.warn_at > now:
        return False
    order.warn_at = None
    note_step(session, order, "warn", _SYSTEM, {})
    await session.flush()
    units, paths = [order.unit_id], [order.area_path]
    await notice(session, order, "order_waits", units=units, staff_of=paths, due_at=order.wait_until)
    return True


async def rules_out(session: Session) -> OrderRulesOut:
    """Return how long things may take; a tenant that has said nothing is at version 1, the defaults."""
    said = await repository.find_rules(session)
    times = await times_of(session)
    return OrderRulesOut(**times.model_dump(), version=said.version if said is not None else 1)


async def put_rules(session: WriteSession, caller: Principal, wanted: OrderRulesIn, expected: int) -> OrderRulesOut:
    """Keep how long things may take from now on; clocks that run keep their time."""
    await take_turn(session, "order_rules", _ONE_A_TENANT)
    current = await rules_out(session)
    check_version(expected, current.version, current)
    values = wanted.model_dump()
    values |= {"set_by": caller.actor, "set_at": utc_now(), "version": expected + 1}
    await repository.put_rules(session, values)
    return OrderRulesOut(**wanted.model_dump(), version=expected + 1)
