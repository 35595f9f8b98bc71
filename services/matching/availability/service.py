"""Loading what decides when offers are free."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID

from services.matching.availability.hours import hours_of
from services.matching.availability.rules import Block, Bookable, OfferTimes
from services.matching.availability.spans import Span
from services.matching.holds.repository import blocks_of, days_of
from services.matching.offers.models import Offer
from services.matching.partners.models import Partner
from services.matching.partners.repository import partners_by_id
from services.matching.partners.rules import PartnerState
from services.matching.resources.models import OfferResource
from services.matching.resources.repository import resources_of_offers
from services.matching.resources.rules import atoms_of
from shared.clock import CHINA
from shared.db import Session

__all__ = ["bookable", "times_of", "times_of_many"]

# No buffer reaches further than a day.
_BUFFER_MAX: Final = timedelta(days=1)


def bookable(resource: OfferResource, parents: dict[UUID, UUID | None]) -> Bookable:
    """Return what the rules know of a room or group."""
    return Bookable(
        id=resource.id,
        units=resource.units,
        hours=hours_of(resource.hours),
        buffer_before_min=resource.buffer_before_min,
        buffer_after_min=resource.buffer_after_min,
        slot_min=resource.slot_min,
        atoms=atoms_of(resource.id, parents),
    )


async def times_of(session: Session, offer: Offer, t0: datetime, t1: datetime) -> OfferTimes:
    """Load what decides when an offer is free between two moments."""
    return (await times_of_many(session, [offer], t0, t1))[offer.id]


async def times_of_many(
    session: Session, offers: Sequence[Offer], t0: datetime, t1: datetime
) -> dict[UUID, OfferTimes]:
    """Load what decides when offers are free between two moments: four statements, however many offers."""
    ids = [offer.id for offer in offers]
    partners: dict[UUID, Partner] = await partners_by_id(session, {offer.partner_id for offer in offers})
    resources = await resources_of_offers(session, ids)
    by_offer: defaultdict[UUID, list[OfferResource]] = defaultdict(list)
    for resource in resources:
        by_offer[resource.offer_id].append(resource)
    blocks: defaultdict[UUID, list[Block]] = defaultdict(list)
    rooms = [resource.id for resource in resources]
    for row in await blocks_of(session, rooms, t0 - _BUFFER_MAX, t1 + _BUFFER_MAX) if rooms else ():
        if row.span.lower is not None and row.span.upper is not None:
            blocks[row.resource_id].append(Block(row.lane, Span(row.span.lower, row.span.upper)))
    first, last = t0.astimezone(CHINA).date(), t1.astimezone(CHINA).date()
    taken: defaultdict[UUID, dict[date, int]] = defaultdict(dict)
    for day in await days_of(session, ids, first, last):
        taken[day.offer_id][day.day] = day.taken
    found: dict[UUID, OfferTimes] = {}
    for offer in offers:
        parents = {one.id: one.parent_id for one in by_offer[offer.id]}
        found[offer.id] = OfferTimes(
            is_open=offer.active and partners[offer.partner_id].state == PartnerState.VETTED,
            valid_from=offer.valid_from,
            valid_until=offer.valid_until,
            hours=hours_of(offer.hours),
            free=offer.free,
            capacity_per_day=offer.capacity_per_day,
            taken=taken[offer.id],
            bookables=tuple(bookable(one, parents) for one in by_offer[offer.id] if one.active),
            blocks=blocks,
        )
    return found
