"""Taking what is wanted of an offer, and giving it back: some of a stock, lanes for a time, or a share of a day."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy.dialects.postgresql import Range

from services.matching.availability.hours import hours_of, open_spans
from services.matching.availability.rules import Bookable, OfferTimes, opened
from services.matching.availability.service import bookable
from services.matching.availability.spans import Span
from services.matching.holds import repository
from services.matching.holds.models import BookingBlock, Hold
from services.matching.holds.rules import (
    EXPIRES_MAX,
    SLOT_MAX,
    BadSpan,
    DayFull,
    HoldState,
    HoldWhat,
    NotOpenThen,
    OfferNotOpen,
    SlotTaken,
)
from services.matching.offers.models import Offer
from services.matching.offers.rules import OfferExhausted
from services.matching.partners.models import Partner
from services.matching.partners.rules import PartnerState
from services.matching.resources.repository import resources_of
from services.matching.resources.rules import UnknownResource
from shared.clock import CHINA
from shared.db import WriteSession

__all__ = ["check_offer_open", "give_back", "take_what_is_wanted", "what_is_wanted"]

_AHEAD_MAX: Final = timedelta(days=550)
_CONFLICTS_TOLD: Final = 5


def check_offer_open(offer: Offer, partner: Partner, now: datetime) -> None:
    """Refuse an offer that nobody can have now."""
    reason = None
    if not offer.active:
        reason = "withdrawn"
    elif partner.state != PartnerState.VETTED:
        reason = "partner_not_vetted"
    elif offer.valid_until is not None and offer.valid_until <= now:
        reason = "not_valid_any_more"
    if reason is not None:
        raise OfferNotOpen(reason=reason, offer_id=str(offer.id))


def what_is_wanted(offer: Offer, resource_id: UUID | None, day: date | None) -> HoldWhat:
    """Tell what a request is for, or refuse one that this offer cannot have."""
    if resource_id is not None:
        if day is not None:
            raise BadSpan(pointer="/day", reason="time_or_day")
        return HoldWhat.SLOT
    if day is None:
        return HoldWhat.QUANTITY
    if offer.capacity_per_day is None:
        raise BadSpan(pointer="/day", reason="no_daily_capacity")
    return HoldWhat.DAY


async def take_what_is_wanted(session: WriteSession, offer: Offer, hold: Hold, now: datetime) -> None:
    """Take it and write the hold, or refuse. The offer is locked."""
    if not now < hold.expires_at <= now + EXPIRES_MAX:
        raise BadSpan(pointer="/expires_at", reason="expires_in_30_days_at_most")
    if hold.what == HoldWhat.SLOT:
        await _take_slot(session, offer, hold, now)
        return
    if hold.starts_at is not None or hold.ends_at is not None:
        raise BadSpan(pointer="/resource_id", reason="time_without_a_room")
    if hold.what == HoldWhat.DAY:
        await _take_day(session, offer, hold, now)
    else:
        if offer.free < hold.quantity:
            raise OfferExhausted(offer_id=str(offer.id), free=offer.free)
        offer.held += hold.quantity
        offer.version += 1
    session.add(hold)
    await session.flush()


async def _take_day(session: WriteSession, offer: Offer, hold: Hold, now: datetime) -> None:
    day, capacity = hold.day, offer.capacity_per_day
    today = now.astimezone(CHINA).date()
    if day is None or capacity is None or not today <= day <= today + _AHEAD_MAX:
        raise BadSpan(pointer="/day", reason="not_a_day_ahead")
    midnight = datetime.combine(day, datetime.min.time(), CHINA)
    whole = Span(midnight, midnight + timedelta(days=1))
    if not _is_valid(offer, whole) or not open_spans(hours_of(offer.hours), whole, CHINA):
        raise NotOpenThen(open=[])
    left = await repository.take_day(session, offer.id, day, capacity=capacity, wanted=hold.quantity)
    if left is not None:
        raise DayFull(day=day.isoformat(), left=left)


def _times(offer: Offer, bookables: Sequence[Bookable]) -> OfferTimes:
    return OfferTimes(
        is_open=True,
        valid_from=offer.valid_from,
        valid_until=offer.valid_until,
        hours=hours_of(offer.hours),
        free=offer.free,
        bookables=bookables,
    )


def _is_valid(offer: Offer, span: Span) -> bool:
    """Tell whether an offer is valid in some of a span."""
    return offer.valid_from < span.end and (offer.valid_until is None or span.start < offer.valid_until)


async def _take_slot(session: WriteSession, offer: Offer, hold: Hold, now: datetime) -> None:
    one = await _room(session, offer, hold.resource_id)
    span = _asked_span(hold, now)
    if hold.quantity > one.units:
        raise OfferExhausted(offer_id=str(offer.id), free=one.units)
    _check_open(offer, one, span)
    blocked = Span(
        span.start - timedelta(minutes=one.buffer_before_min), span.end + timedelta(minutes=one.buffer_after_min)
    )
    taken: list[tuple[UUID, int]] = []
    for atom in one.atoms:
        lanes = await repository.free_lanes(
            session, atom, units=one.units, starts_at=blocked.start, ends_at=blocked.end, wanted=hold.quantity
        )
        if len(lanes) < hold.quantity:
            raise await _conflict(session, one, blocked, free=len(lanes))
        taken += [(atom, lane) for lane in lanes]
    session.add(hold)
    await session.flush()
    await repository.add_blocks(session, hold.id, taken, Range(blocked.start, blocked.end))


async def _room(session: WriteSession, offer: Offer, resource_id: UUID | None) -> Bookable:
    resources = await resources_of(session, offer.id)
    found = next((one for one in resources if one.id == resource_id and one.active), None)
    if found is None:
        raise UnknownResource(pointer="/resource_id")
    return bookable(found, {one.id: one.parent_id for one in resources})


def _asked_span(hold: Hold, now: datetime) -> Span:
    """Return the time that is asked for, or refuse one that cannot be."""
    if hold.starts_at is None or hold.ends_at is None:
        raise BadSpan(pointer="/starts_at" if hold.starts_at is None else "/ends_at", reason="missing")
    if hold.ends_at <= hold.starts_at:
        raise BadSpan(pointer="/ends_at", reason="ends_before_it_starts")
    if hold.ends_at - hold.starts_at > SLOT_MAX:
        raise BadSpan(pointer="/ends_at", reason="longer_than_two_weeks")
    if hold.starts_at < now:
        raise BadSpan(pointer="/starts_at", reason="in_the_past")
    if hold.ends_at > now + _AHEAD_MAX:
        raise BadSpan(pointer="/ends_at", reason="too_far_ahead")
    return Span(hold.starts_at, hold.ends_at)


def _check_open(offer: Offer, one: Bookable, span: Span) -> None:
    times = _times(offer, (one,))
    day = timedelta(days=1)
    around = opened(times, one, Span(span.start - day, span.end + day), CHINA)
    is_inside = any(each.start <= span.start and span.end <= each.end for each in around)
    valid = offer.valid_from <= span.start and (offer.valid_until is None or span.end <= offer.valid_until)
    if not is_inside or not valid:
        told = [_told(each) for each in around if each.end > span.start - day and each.start < span.end + day]
        raise NotOpenThen(open=told[:_CONFLICTS_TOLD])
    if one.slot_min is not None:
        slot = timedelta(minutes=one.slot_min)
        midnight = datetime.combine(span.start.astimezone(CHINA).date(), datetime.min.time(), CHINA)
        if (span.start - midnight) % slot or (span.end - span.start) % slot:
            raise BadSpan(pointer="/starts_at", reason="not_a_slot", slot_min=one.slot_min)


def _told(span: Span) -> dict[str, str]:
    return {"starts_at": span.start.isoformat(), "ends_at": span.end.isoformat()}


async def _conflict(session: WriteSession, one: Bookable, blocked: Span, *, free: int) -> SlotTaken:
    """Say what is in the way: when, and in which room or group. Not who, and not for what."""
    rows: Sequence[BookingBlock] = await repository.blocks_of(session, one.atoms, blocked.start, blocked.end)
    told: list[dict[str, Any]] = []
    for row in sorted(rows, key=lambda row: (row.span.lower or blocked.start, row.lane)):
        span = Span(row.span.lower or blocked.start, row.span.upper or blocked.end)
        entry = {"resource_id": str(row.resource_id), **_told(span)}
        if entry not in told:
            told.append(entry)
    return SlotTaken(conflicts=told[:_CONFLICTS_TOLD], free_units=free)


async def give_back(session: WriteSession, hold: Hold, offer: Offer) -> None:
    """Let others have what a hold still takes. The offer is locked."""
    if hold.what == HoldWhat.SLOT:
        await repository.drop_blocks(session, hold.id)
    elif hold.what == HoldWhat.DAY:
        if hold.day is not None:
            await repository.give_back_day(session, offer.id, hold.day, hold.quantity)
    elif hold.state == HoldState.HELD:
        offer.held -= hold.quantity
        offer.version += 1
    else:
        offer.committed -= hold.quantity - hold.moving - hold.received
        offer.version += 1
