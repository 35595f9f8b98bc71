"""SQL of orders; steps and disclosures only ever grow."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, and_, false, or_, select, tuple_
from sqlalchemy.dialects.postgresql import insert

from services.matching.locking import locked
from services.matching.models import reference
from services.matching.offers.models import Offer
from services.matching.offers.rules import OfferKind
from services.matching.orders.models import (
    Order,
    OrderContact,
    OrderDisclosure,
    OrderNumber,
    OrderRules,
    OrderStep,
)
from services.matching.orders.rules import STAFF, OrderState
from services.matching.orders.schemas import OrderQuery
from services.matching.partners.models import Partner
from services.matching.partners.rules import PartnerState
from shared.auth import Principal, Role
from shared.db import Session, WriteSession

__all__ = [
    "SEES_BELOW",
    "Orderable",
    "disclosures_of",
    "find_contact",
    "find_order",
    "find_rules",
    "list_catalogue",
    "list_orders",
    "lock_any_order",
    "lock_order",
    "lock_order_asking",
    "overdue_waits",
    "put_rules",
    "steps_of",
    "take_number",
    "waits_to_warn",
]

SEES_BELOW = (*STAFF, Role.ADMINISTRATOR, Role.AUDITOR)


class Orderable(NamedTuple):
    """An offer that can be ordered, who makes it, and what they are called."""

    offer: Offer
    partner: Partner
    partner_name: str


def _visible_to(caller: Principal) -> ColumnElement[bool]:
    """Let the requester see an order, the staff of its area, and its partner from when it was placed on."""
    conditions: list[ColumnElement[bool]] = [Order.area_path.within(path) for path in caller.paths(*SEES_BELOW)]
    if caller.subject_id is not None:
        conditions.append(Order.requester_id == caller.subject_id)
    units = caller.units(Role.UNIT_STAFF, Role.PARTNER)
    if units:
        conditions.append(and_(Order.unit_id.in_(units), Order.placed_at.is_not(None)))
    return or_(*conditions) if conditions else false()


async def take_number(session: WriteSession, year: int) -> int:
    """Return the next number of a year."""
    statement = insert(OrderNumber).values(tenant_id=session.tenant, year=year, last_number=1)
    statement = statement.on_conflict_do_update(
        index_elements=["tenant_id", "year"], set_={"last_number": OrderNumber.last_number + 1}
    )
    number = await session.scalar(statement.returning(OrderNumber.last_number))
    return int(number or 0)


async def find_order(session: Session, caller: Principal, order_id: UUID) -> Order | None:
    """Return an order that the caller may see."""
    mine = Order.tenant_id == session.tenant
    return await session.scalar(select(Order).where(mine, Order.id == order_id, _visible_to(caller)))


async def lock_order(session: WriteSession, caller: Principal, order_id: UUID) -> Order | None:
    """Return an order that the caller may see and keep others from changing it meanwhile."""
    mine = Order.tenant_id == session.tenant
    return await session.scalar(locked(select(Order).where(mine, Order.id == order_id, _visible_to(caller))))


async def lock_any_order(session: WriteSession, order_id: UUID) -> Order | None:
    """Return an order for a job, and keep others from changing it meanwhile."""
    statement = select(Order).where(Order.tenant_id == session.tenant, Order.id == order_id)
    return await session.scalar(locked(statement))


async def lock_order_asking(session: WriteSession, question_id: UUID) -> Order | None:
    """Return the order that waits for the answer to a question."""
    statement = select(Order).where(Order.tenant_id == session.tenant, Order.question_id == question_id)
    return await session.scalar(locked(statement))


async def list_orders(
    session: Session,
    caller: Principal,
    wanted: OrderQuery,
    *,
    under: str | None,
    after: tuple[Any, ...] | None,
    limit: int,
) -> Sequence[Order]:
    """Return visible orders, the newest first."""
    statement = select(Order).where(Order.tenant_id == session.tenant, _visible_to(caller))
    if under is not None:
        statement = statement.where(Order.area_path.within(under))
    for column, value in (
        (Order.state, wanted.state),
        (Order.partner_id, wanted.partner_id),
        (Order.offer_id, wanted.offer_id),
        (Order.series_id, wanted.series_id),
        (Order.requester_id, caller.subject_id if wanted.mine else None),
    ):
        if value is not None:
            statement = statement.where(column == value)
    if wanted.late is not None:
        is_late = Order.late_at.is_not(None)
        statement = statement.where(is_late if wanted.late else ~is_late)
    if after is not None:
        statement = statement.where(tuple_(Order.opened_at, Order.id) < tuple_(*after))
    return (await session.scalars(statement.order_by(Order.opened_at.desc(), Order.id.desc()).limit(limit))).all()


async def steps_of(
    session: Session, order_id: UUID, *, since: datetime | None, after: int, limit: int
) -> Sequence[OrderStep]:
    """Return the history in its order; with `since`, only what happened from then on."""
    statement = select(OrderStep).where(
        OrderStep.tenant_id == session.tenant, OrderStep.order_id == order_id, OrderStep.position > after
    )
    if since is not None:
        statement = statement.where(OrderStep.at >= since)
    return (await session.scalars(statement.order_by(OrderStep.position).limit(limit))).all()


async def find_contact(session: Session, contact_id: UUID) -> OrderContact | None:
    """Return a sealed contact."""
    statement = select(OrderContact).where(OrderContact.tenant_id == session.tenant, OrderContact.id == contact_id)
    return await session.scalar(statement)


async def disclosures_of(
    session: Session, order_id: UUID, *, after: UUID | None, limit: int
) -> Sequence[OrderDisclosure]:
    """Return who has read the contact of an order, the newest first."""
    statement = select(OrderDisclosure).where(
        OrderDisclosure.tenant_id == session.tenant, OrderDisclosure.order_id == order_id
    )
    if after is not None:
        statement = statement.where(OrderDisclosure.id < after)
    return (await session.scalars(statement.order_by(OrderDisclosure.id.desc()).limit(limit))).all()


async def overdue_waits(session: Session, now: datetime, *, limit: int) -> Sequence[UUID]:
    """Return orders that nobody has answered in time, the longest overdue first."""
    statement = select(Order.id).where(
        Order.tenant_id == session.tenant,
        Order.state.in_((OrderState.PRICING.value, OrderState.QUOTED.value, OrderState.PLACED.value)),
        Order.wait_until <= now,
    )
    return (await session.scalars(statement.order_by(Order.wait_until, Order.id).limit(limit))).all()


async def waits_to_warn(session: Session, now: datetime, *, limit: int) -> Sequence[UUID]:
    """Return placed orders whose partner is to be warned, and was not."""
    statement = select(Order.id).where(
        Order.tenant_id == session.tenant,
        Order.state == OrderState.PLACED.value,
        Order.warn_at <= now,
        Order.wait_until > now,
    )
    return (await session.scalars(statement.order_by(Order.wait_until, Order.id).limit(limit))).all()


async def find_rules(session: Session, *, lock: bool = False) -> OrderRules | None:
    """Return what a tenant has said of how long things may take."""
    statement = select(OrderRules).where(OrderRules.tenant_id == session.tenant)
    return await session.scalar(locked(statement) if lock else statement)


async def put_rules(session: WriteSession, values: dict[str, Any]) -> None:
    """Keep how long things may take."""
    statement = insert(OrderRules).values(tenant_id=session.tenant, **values)
    await session.execute(statement.on_conflict_do_update(index_elements=["tenant_id"], set_=values))


async def list_catalogue(
    session: Session,
    path: str,
    *,
    kind: str | None,
    category: str | None,
    words: str | None,
    now: datetime,
    after: tuple[Any, ...] | None,
    limit: int,
) -> Sequence[Orderable]:
    """Return what can be ordered at an area: active, valid, reaching it, of a vetted partner; the newest first."""
    unit = reference.unit
    statement = (
        select(Offer, Partner, unit.name)
        .join(Partner, (Partner.tenant_id == Offer.tenant_id) & (Partner.id == Offer.partner_id))
        .join(unit, (unit.tenant_id == Partner.tenant_id) & (unit.id == Partner.unit_id))
        .where(
            Offer.tenant_id == session.tenant,
            Offer.active,
            Offer.kind != OfferKind.MONEY.value,
            Partner.state == PartnerState.VETTED.value,
            or_(Offer.coverage.contains_path(path), Offer.remote),
            Offer.valid_from <= now,
            or_(Offer.valid_until.is_(None), Offer.valid_until > now),
        )
    )
    for column, value in ((Offer.kind, kind), (Offer.category, category)):
        if value is not None:
            statement = statement.where(column == value)
    if words is not None:
        statement = statement.where((Offer.title + " " + Offer.description).icontains(words, autoescape=True))
    if after is not None:
        statement = statement.where(tuple_(Offer.created_at, Offer.id) < tuple_(*after))
    statement = statement.order_by(Offer.created_at.desc(), Offer.id.desc()).limit(limit)
    return [Orderable(offer, partner, name) for offer, partner, name in (await session.execute(statement)).all()]
