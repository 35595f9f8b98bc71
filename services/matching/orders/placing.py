"""Placing an order: what may be ordered where, by whom for whom, and the hold that makes sure that there is some."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from services.matching.coverage import covers
from services.matching.locking import take_turn
from services.matching.offers.models import Offer
from services.matching.offers.repository import find_offer
from services.matching.offers.rules import OfferKind, eligibility_of
from services.matching.orders import holding, repository
from services.matching.orders.models import Order
from services.matching.orders.prices import Asking, asking_for
from services.matching.orders.rules import (
    STAFF,
    NotOrderable,
    OrderState,
    SlotPassed,
    SlotWanted,
    UnknownOffer,
    accept_by,
)
from services.matching.orders.schemas import OrderContent, SlotIn
from services.matching.orders.steps import ask_or_price, note_step, times_of
from services.matching.partners.models import Partner
from services.matching.partners.repository import find_partner
from services.matching.partners.rules import PartnerState
from services.matching.places import open_area
from shared.auth import Principal
from shared.clock import utc_now
from shared.db import Session, WriteSession
from shared.db.kernel_models import AreaCopyColumns
from shared.ids import new_id
from shared.money import MAX_FEN
from shared.problems import Forbidden, IdTaken, Unauthenticated
from shared.texts import Text

__all__ = ["Orderer", "Placing", "booked_for_a_time", "orderer_of", "place_order"]


# Rooms and groups are booked one by one.
_WITH_RESOURCES: Final = frozenset({OfferKind.VENUE, OfferKind.PEOPLE})


@dataclass(frozen=True, slots=True)
class Orderer:
    """Who orders, and for whom; `within` is the area that staff works for who order for somebody else."""

    requester_id: UUID
    actor: str
    within: str | None


@dataclass(frozen=True, slots=True)
class Placing:
    """An order to be placed.

    Attributes:
        id: the client's own, if it has one.
        content: what is ordered.
        slot: from when until when, for what is booked for a time.
        wanted_by: until when it should be done, for what is not.
        contact_id: the sealed contact.
        series_id: the recurring order that it is one of.
        repeats_id: the order that it is the same as.
    """

    id: UUID | None
    content: OrderContent
    slot: SlotIn | None
    wanted_by: datetime | None
    contact_id: UUID | None = None
    series_id: UUID | None = None
    repeats_id: UUID | None = None


async def orderer_of(session: Session, caller: Principal, content: OrderContent) -> Orderer:
    """Let people order for themselves, and the staff of an area for its residents.

    Raises:
        Forbidden: somebody else's order is placed by staff of the area where it is for.
    """
    if caller.subject_id is None:
        raise Unauthenticated
    area = await open_area(session, content.area_id)
    if content.for_person_id is None or content.for_person_id == caller.subject_id:
        return Orderer(caller.subject_id, caller.actor, None)
    reaching = [path for path in caller.paths(*STAFF) if covers(path, area.path)]
    if not reaching:
        raise Forbidden(
            Text(zh="需由该区域工作人员代办", en="Only staff of the area orders for somebody else"),
            rule="staff_orders_for_others",
        )
    return Orderer(content.for_person_id, caller.actor, max(reaching, key=len))


def booked_for_a_time(offer: Offer) -> bool:
    """Tell whether an offer is ordered for a time; the rest is done or sent when it suits both."""
    return offer.kind in _WITH_RESOURCES or offer.capacity_per_day is not None


async def place_order(session: WriteSession, orderer: Orderer, wanted: Placing) -> tuple[Order, bool]:
    """Hold what is ordered, and find out what it costs.

    Returns:
        The order and whether it is new: the same id with the same content is the same order. Its price may not be known
        yet: then the directory has been asked, and the order goes on by itself.

    Raises:
        NotOrderable: it is not offered here and now; `why` says why not.
        Problem: of the hold, when nothing or not enough is left, or it is not open then.
    """
    await take_turn(session, "order", wanted.id)
    earlier = await repository.lock_any_order(session, wanted.id) if wanted.id is not None else None
    if earlier is not None:
        if not _is_same(earlier, orderer, wanted):
            raise IdTaken(pointer="/id")
        return earlier, False
    area = await open_area(session, wanted.content.area_id)
    offer, partner = await _orderable(session, wanted.content, area)
    now = utc_now()
    slot = _slot_of(offer, wanted, now)
    asking = _asking(offer, wanted.content.quantity)
    order = _new_order(session, orderer, wanted, offer, partner, area)
    order.opened_at = now
    order.starts_at, order.ends_at = (slot.starts_at, slot.ends_at) if slot is not None else (None, None)
    times = await times_of(session)
    order.wait_until = accept_by(now, times.confirm_minutes, order.starts_at)
    await holding.hold(session, order, offer, times)
    # Last, because whoever takes a number makes the others of the tenant wait until this order is written.
    order.number = f"O-{now.year}-{await repository.take_number(session, now.year):06d}"
    session.add(order)
    await session.flush()
    note_step(session, order, "open", orderer.actor, {"quantity": order.quantity})
    await ask_or_price(session, order, asking, orderer.actor)
    return order, True


def _is_same(earlier: Order, orderer: Orderer, wanted: Placing) -> bool:
    content, slot = wanted.content, wanted.slot
    asked = (content.offer_id, content.area_id, content.quantity, content.resource_id, content.up_to_fen)
    kept = (earlier.offer_id, earlier.area_id, earlier.quantity, earlier.resource_id, earlier.up_to_fen)
    times = (slot.starts_at if slot else None, slot.ends_at if slot else None, wanted.wanted_by)
    kept_times = (earlier.starts_at, earlier.ends_at, earlier.wanted_by)
    return asked == kept and times == kept_times and earlier.requester_id == orderer.requester_id


async def _orderable(session: Session, content: OrderContent, area: AreaCopyColumns) -> tuple[Offer, Partner]:
    """Return the offer with who makes it, if it can be ordered for an area now."""
    offer = await find_offer(session, content.offer_id)
    partner = await find_partner(session, offer.partner_id) if offer is not None else None
    if offer is None or partner is None:
        raise UnknownOffer(pointer="/offer_id")
    now, allowed = utc_now(), eligibility_of(offer.eligibility)
    has_ages = allowed.min_age is not None or allowed.max_age is not None
    reasons = {
        "money": offer.kind == OfferKind.MONEY,
        "inactive": not offer.active,
        "partner_not_vetted": partner.state != PartnerState.VETTED,
        "not_valid_now": now < offer.valid_from or (offer.valid_until is not None and now >= offer.valid_until),
        "out_of_reach": not offer.remote and not covers(offer.coverage, area.path),
        "resident_of": bool(allowed.area_paths) and not any(covers(path, area.path) for path in allowed.area_paths),
        "age": has_ages and not content.is_of_age,
    }
    for why, holds in reasons.items():
        if holds:
            raise NotOrderable(why=why)
    return offer, partner


def _slot_of(offer: Offer, wanted: Placing, now: datetime) -> SlotIn | None:
    """Return the slot, which what is booked for a time needs and nothing else has."""
    if wanted.slot is None:
        if booked_for_a_time(offer):
            raise SlotWanted(pointer="/slot")
        if wanted.content.resource_id is not None:
            raise SlotWanted(pointer="/slot")
        if wanted.wanted_by is not None and wanted.wanted_by <= now:
            raise SlotPassed(pointer="/wanted_by")
        return None
    if wanted.slot.starts_at <= now:
        raise SlotPassed(pointer="/slot/starts_at")
    if wanted.slot.ends_at <= wanted.slot.starts_at:
        raise SlotWanted(pointer="/slot/ends_at")
    if offer.kind in _WITH_RESOURCES and wanted.content.resource_id is None:
        raise SlotWanted(pointer="/resource_id")
    return wanted.slot


def _asking(offer: Offer, quantity: int) -> Asking:
    asking = asking_for(offer.price_fen, offer.entitled_prices, eligibility_of(offer.eligibility).entitlements)
    prices = [question.each_fen or 0 for question in asking.questions] + [asking.fallback_fen or 0]
    if max(prices) * quantity > MAX_FEN:
        raise NotOrderable(why="too_much")
    return asking


def _new_order(
    session: WriteSession,
    orderer: Orderer,
    wanted: Placing,
    offer: Offer,
    partner: Partner,
    area: AreaCopyColumns,
) -> Order:
    content = wanted.content
    return Order(
        tenant_id=session.tenant,
        id=wanted.id or new_id(),
        offer_id=offer.id,
        partner_id=partner.id,
        unit_id=partner.unit_id,
        title=offer.title,
        requester_id=orderer.requester_id,
        placed_by=orderer.actor,
        within=orderer.within,
        area_id=area.id,
        area_path=area.path,
        quantity=content.quantity,
        resource_id=content.resource_id,
        wanted_by=wanted.wanted_by,
        contact_id=wanted.contact_id,
        series_id=wanted.series_id,
        repeats_id=wanted.repeats_id,
        questions=[],
        up_to_fen=content.up_to_fen,
        state=OrderState.PRICING.value,
        attachment_ids=[],
        complaint=False,
        version=0,
    )
