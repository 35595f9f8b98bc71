"""Who is told what about an order: partners' systems by public events without anything personal, people by notices."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from services.matching.orders.models import Order
from services.matching.orders.rules import OrderState
from shared.clock import CHINA, utc_now
from shared.contracts.matching import NoticeWanted
from shared.contracts.matching_orders import (
    EntitlementAsked,
    OrderAccepted,
    OrderClosed,
    OrderDelivered,
    OrderPlaced,
    OrderRated,
)
from shared.db import WriteSession
from shared.messaging import publish

__all__ = [
    "ask_directory",
    "notice",
    "subject_of",
    "tell_accepted",
    "tell_closed",
    "tell_delivered",
    "tell_placed",
    "tell_rated",
]

_PURPOSE_MAX = 200


def subject_of(order: Order) -> str:
    """Name an order among the subjects of events."""
    return f"order/{order.id}"


async def notice(
    session: WriteSession,
    order: Order,
    kind: str,
    *,
    people: Collection[UUID] = (),
    units: Collection[UUID] = (),
    staff_of: Collection[str] = (),
    due_at: datetime | None = None,
) -> None:
    """Let the intake tell somebody; it keeps the inboxes and knows who is reached how."""
    wanted = NoticeWanted(
        kind=kind,
        number=order.number,
        title=order.title,
        people=list(people),
        units=list(units),
        staff_of=list(staff_of),
        due_at=due_at,
    )
    await publish(session, subject_of(order), wanted)


async def ask_directory(session: WriteSession, order: Order, kinds: Collection[str]) -> None:
    """Ask the directory whether the requester is entitled on the day of the order; the order waits for the answer."""
    if order.question_id is None:
        return
    asked = EntitlementAsked(
        question_id=order.question_id,
        person_id=order.requester_id,
        any_of=list(kinds),
        used_on=(order.starts_at or utc_now()).astimezone(CHINA).date(),
        within=order.within,
        purpose=f"点单 {order.number}：{order.title}"[:_PURPOSE_MAX],
    )
    await publish(session, subject_of(order), asked)


async def tell_placed(session: WriteSession, order: Order) -> None:
    """Tell the partner of an order; who ordered and at what price stays with the order."""
    told = OrderPlaced(
        order_id=order.id,
        number=order.number,
        offer_id=order.offer_id,
        partner_id=order.partner_id,
        unit_id=order.unit_id,
        area_id=order.area_id,
        area_path=order.area_path,
        quantity=order.quantity,
        starts_at=order.starts_at,
        ends_at=order.ends_at,
        accept_by=order.wait_until,
    )
    await publish(session, subject_of(order), told)
    await notice(session, order, "order_placed", units=[order.unit_id], due_at=order.wait_until)


async def tell_accepted(session: WriteSession, order: Order, due_at: datetime) -> None:
    """Tell the requester that somebody will come, and until when."""
    told = OrderAccepted(order_id=order.id, partner_id=order.partner_id, unit_id=order.unit_id, due_at=due_at)
    await publish(session, subject_of(order), told)
    await notice(session, order, "order_accepted", people=[order.requester_id], due_at=due_at)


async def tell_delivered(session: WriteSession, order: Order, delivered_at: datetime) -> None:
    """Tell the requester that it is done, and ask for a rating."""
    told = OrderDelivered(
        order_id=order.id,
        partner_id=order.partner_id,
        unit_id=order.unit_id,
        delivered_at=delivered_at,
        on_time=order.late_at is None,
    )
    await publish(session, subject_of(order), told)
    await notice(session, order, "order_delivered", people=[order.requester_id])


async def tell_rated(session: WriteSession, order: Order, stars: int) -> None:
    """Tell how it was; the area's officers hear of a complaint."""
    told = OrderRated(
        order_id=order.id,
        partner_id=order.partner_id,
        unit_id=order.unit_id,
        stars=stars,
        complaint=order.complaint,
    )
    await publish(session, subject_of(order), told)
    if order.complaint:
        await notice(session, order, "order_complained", units=[order.unit_id], staff_of=[order.area_path])


async def tell_closed(session: WriteSession, order: Order, kind: str, *, by_requester: bool) -> None:
    """Tell whoever has not done it that an order has ended; its partner only if it knew of it."""
    if order.placed_at is not None and order.ended_at is not None:
        told = OrderClosed(
            order_id=order.id,
            partner_id=order.partner_id,
            unit_id=order.unit_id,
            outcome=OrderState(order.state).value,
            closed_at=order.ended_at,
        )
        await publish(session, subject_of(order), told)
    people = [] if by_requester else [order.requester_id]
    # Who has declined or broken off knows it.
    did_it_itself = order.state in {OrderState.DECLINED, OrderState.BROKEN}
    units = [order.unit_id] if order.placed_at is not None and not did_it_itself else []
    if people or units:
        await notice(session, order, kind, people=people, units=units)
