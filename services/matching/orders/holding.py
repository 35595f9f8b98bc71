"""What an order takes of its offer: held when it is opened, committed when it is accepted, given back when it ends.

Of services a quantity is how many at a time, so what was delivered is free again; goods have gone to whoever ordered
them; times and shares of a day are over.
"""

from datetime import timedelta
from typing import Final

from services.matching.availability.hours import hours_of, open_spans
from services.matching.availability.spans import Span
from services.matching.holds.models import Hold, Transfer
from services.matching.holds.repository import transfers_of
from services.matching.holds.rules import FOR_ORDER, HoldState, HoldWhat, NotOpenThen, Side, TransferState
from services.matching.holds.service import (
    HoldRequest,
    confirm_hold,
    lock_for_change,
    note_step,
    release_hold,
    take_hold,
    void_hold,
)
from services.matching.offers.models import Offer
from services.matching.offers.rules import OfferKind
from services.matching.orders.models import Order
from services.matching.orders.schemas import OrderRulesIn
from shared.clock import CHINA, utc_now
from shared.db import WriteSession
from shared.ids import new_id

__all__ = ["commit", "deliver", "give_back", "hold"]

# Holds outlive every clock of the order that they are for: the order decides, not the hold.
_SLACK: Final = timedelta(hours=1)


async def hold(session: WriteSession, order: Order, offer: Offer, times: OrderRulesIn) -> None:
    """Hold what an order wants, or refuse because somebody else has it or it is not open then."""
    _check_open(order, offer)
    clocks = timedelta(minutes=2 * times.confirm_minutes + times.accept_minutes)
    is_slot = order.resource_id is not None
    is_day = not is_slot and offer.capacity_per_day is not None and order.starts_at is not None
    wanted = HoldRequest(
        quantity=order.quantity,
        resource_id=order.resource_id,
        starts_at=order.starts_at if is_slot else None,
        ends_at=order.ends_at if is_slot else None,
        day=order.starts_at.astimezone(CHINA).date() if is_day and order.starts_at is not None else None,
        for_kind=FOR_ORDER,
        for_id=order.id,
        expires_at=utc_now() + clocks + _SLACK,
    )
    taken, _ = await take_hold(session, offer.id, wanted, actor=order.placed_by)
    order.hold_id = taken.id


def _check_open(order: Order, offer: Offer) -> None:
    """Refuse a time at which the offer is closed; rooms and groups have hours of their own, which their hold checks."""
    if order.starts_at is None or order.ends_at is None or order.resource_id is not None:
        return
    wanted = Span(order.starts_at, order.ends_at)
    day = timedelta(days=1)
    opened = open_spans(hours_of(offer.hours), Span(wanted.start - day, wanted.end + day), CHINA)
    if not any(span.start <= wanted.start and wanted.end <= span.end for span in opened):
        raise NotOpenThen(open=[{"starts_at": one.start.isoformat(), "ends_at": one.end.isoformat()} for one in opened])


async def commit(session: WriteSession, order: Order, actor: str) -> None:
    """Commit what was held: by ordering and by accepting both sides have agreed."""
    if order.hold_id is not None:
        locked = await lock_for_change(session, order.hold_id)
        await confirm_hold(session, *locked, Side.GIVER, Side.TAKER, actor=actor)


async def give_back(session: WriteSession, order: Order, actor: str) -> None:
    """Let others have what an order that has ended took."""
    if order.hold_id is None:
        return
    held, offer, _ = await lock_for_change(session, order.hold_id)
    if held.state == HoldState.COMMITTED:
        await release_hold(session, held, offer, actor=actor, reason=order.state)
    elif held.state == HoldState.HELD:
        await void_hold(session, held, offer, actor=actor, reason=order.state)


async def deliver(session: WriteSession, order: Order, actor: str) -> None:
    """Note what delivering has changed: goods have arrived, and who served is free for the next."""
    if order.hold_id is None:
        return
    held, offer, _ = await lock_for_change(session, order.hold_id)
    if held.what != HoldWhat.QUANTITY or held.state != HoldState.COMMITTED:
        return
    if offer.kind == OfferKind.GOODS:
        await _receive_all(session, order, held, offer, actor)
    else:
        await release_hold(session, held, offer, actor=actor, reason=order.state)


async def _receive_all(session: WriteSession, order: Order, held: Hold, offer: Offer, actor: str) -> None:
    """Let all goods of an order have arrived: those on their way, and those that nobody has sent before."""
    now = utc_now()
    for transfer in await transfers_of(session, held.id):
        if transfer.state == TransferState.MOVING:
            transfer.state, transfer.ended_at = TransferState.RECEIVED.value, now
            transfer.end_proof, transfer.end_attachment_ids = order.proof, order.attachment_ids
            transfer.version += 1
    rest = held.quantity - held.moving - held.received
    if rest:
        session.add(_arrived(session, order, held, rest))
    offer.committed -= rest
    offer.moving -= held.moving
    offer.received += rest + held.moving
    offer.version += 1
    held.received, held.moving = held.quantity, 0
    await note_step(session, held, "receive", actor, {"order_id": str(order.id), "quantity": held.quantity})


def _arrived(session: WriteSession, order: Order, held: Hold, quantity: int) -> Transfer:
    now = utc_now()
    return Transfer(
        tenant_id=session.tenant,
        id=new_id(),
        hold_id=held.id,
        quantity=quantity,
        state=TransferState.RECEIVED.value,
        dispatch_proof=order.proof or "",
        dispatch_attachment_ids=order.attachment_ids,
        end_proof=order.proof,
        end_attachment_ids=order.attachment_ids,
        dispatched_at=now,
        ended_at=now,
        version=1,
    )
