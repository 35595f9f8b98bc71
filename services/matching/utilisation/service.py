"""Use cases of the use of venues."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from services.matching.availability.rules import OfferTimes, open_windows
from services.matching.availability.service import times_of_many
from services.matching.availability.spans import Span
from services.matching.holds.models import Hold
from services.matching.offers.models import Offer
from services.matching.utilisation import repository
from services.matching.utilisation.rules import Booking, Use, use_of
from shared.clock import CHINA
from shared.db import Session
from shared.problems import Conflict
from shared.texts import Text

__all__ = ["TooManyVenues", "use_of_venues"]


class TooManyVenues(Conflict):
    """More than one figure can be made of."""

    code = "too_many_venues"
    title = Text(zh="场地过多，请按下级区域查询", en="Too many venues: ask area by area")


async def use_of_venues(session: Session, path: str | None, t0: datetime, t1: datetime) -> list[tuple[Offer, Use]]:
    """Return the use of each venue at or below an area between two moments."""
    offers = await repository.venues_under(session, path)
    if len(offers) > repository.VENUES_MAX:
        raise TooManyVenues(limit=repository.VENUES_MAX)
    times = await times_of_many(session, offers, t0, t1)
    holds: defaultdict[UUID, list[Hold]] = defaultdict(list)
    for hold in await repository.bookings_between(session, list(times), t0, t1):
        holds[hold.offer_id].append(hold)
    period = Span(t0, t1)
    return [(offer, _use(times[offer.id], holds[offer.id], period)) for offer in offers]


def _use(times: OfferTimes, holds: Sequence[Hold], period: Span) -> Use:
    smallest = {one.id for one in times.bookables if one.atoms == (one.id,)}
    opened = {
        resource_id: spans
        for resource_id, spans in open_windows(times, period.start, period.end, CHINA).items()
        if resource_id is not None and resource_id in smallest
    }
    atoms = {one.id: one.atoms for one in times.bookables}
    bookings = [
        Booking(atoms[hold.resource_id], Span(hold.starts_at, hold.ends_at))
        for hold in holds
        if hold.resource_id in atoms and hold.starts_at is not None and hold.ends_at is not None
    ]
    return use_of(opened, bookings, period)
