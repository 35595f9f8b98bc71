"""When an offer is free, for all six kinds by one function over what was loaded. Pure.

What can be had at a time is either a lane (a room has one, a team of twelve has twelve: each is one pair of hands that
works in one place at a time), a share of what can be done in a day, or some of a stock. Windows tell all three: a
booking of so many units fits if the windows that hold it whole have so many units together.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Final
from uuid import UUID

from services.matching.availability.hours import DAY_MIN, Hours, open_spans
from services.matching.availability.spans import Span, clip, join, subtract

__all__ = ["ASKED_MAX", "Block", "Bookable", "OfferTimes", "Window", "fits", "free_windows", "open_windows", "opened"]

# Nobody plans in detail further ahead, and every day asked about costs.
ASKED_MAX: Final = timedelta(days=93)
_FOREVER: Final = datetime(2200, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Block:
    """A lane that is taken for a span, buffers included."""

    lane: int
    span: Span


@dataclass(frozen=True, slots=True)
class Bookable:
    """A room or a group of people.

    Attributes:
        units: lanes; a room has one.
        hours: its own opening hours; None means those of the offer.
        slot_min: bookings begin and end at multiples of it from midnight on; None means at any minute.
        atoms: the parts that a booking takes, itself when it has none: a hall is its halves.
    """

    id: UUID
    units: int
    hours: Hours | None
    buffer_before_min: int
    buffer_after_min: int
    slot_min: int | None
    atoms: tuple[UUID, ...]


@dataclass(frozen=True, slots=True)
class OfferTimes:
    """What decides when an offer is free.

    Attributes:
        is_open: it is active and its partner is vetted.
        free: how much of its quantity nobody has.
        taken: how much of a day's capacity is taken, by local day.
        blocks: what is taken of each atom.
    """

    is_open: bool
    valid_from: datetime
    valid_until: datetime | None
    hours: Hours | None
    free: int
    capacity_per_day: int | None = None
    taken: Mapping[date, int] = field(default_factory=dict)
    bookables: Sequence[Bookable] = ()
    blocks: Mapping[UUID, Sequence[Block]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Window:
    """So many units can be had at any time from start to end; of what, if it is a room or a group."""

    resource_id: UUID | None
    start: datetime
    end: datetime
    units: int


def free_windows(offer: OfferTimes, t0: datetime, t1: datetime, zone: tzinfo) -> list[Window]:
    """Return when an offer is free between two moments, sorted by place and time.

    Args:
        offer: what was loaded of it; blocks and days that reach into the span asked about must be there.
        t0: from when on.
        t1: until when.
        zone: whose wall clock the hours mean.
    """
    asked = _asked(offer, t0, t1)
    if asked is None:
        return []
    if offer.bookables:
        return [window for one in offer.bookables for window in _lane_windows(offer, one, asked, zone)]
    opened_spans = open_spans(offer.hours, asked, zone)
    if offer.capacity_per_day is not None:
        return _day_windows(offer, opened_spans, offer.capacity_per_day, zone)
    return [Window(None, span.start, span.end, offer.free) for span in opened_spans if offer.free > 0]


def open_windows(offer: OfferTimes, t0: datetime, t1: datetime, zone: tzinfo) -> dict[UUID | None, list[Span]]:
    """Return when an offer is open, taken or not: by room or group, or under None when it has neither."""
    asked = _asked(offer, t0, t1)
    if asked is None:
        return {}
    if not offer.bookables:
        return {None: open_spans(offer.hours, asked, zone)}
    return {one.id: opened(offer, one, asked, zone) for one in offer.bookables}


def fits(windows: Sequence[Window], resource_id: UUID | None, span: Span, units: int) -> bool:
    """Tell whether so many units can be had for a whole span."""
    held = [
        one for one in windows if one.resource_id == resource_id and one.start <= span.start and span.end <= one.end
    ]
    return sum(one.units for one in held) >= units


def _asked(offer: OfferTimes, t0: datetime, t1: datetime) -> Span | None:
    valid = Span(offer.valid_from, offer.valid_until or _FOREVER)
    asked = clip([Span(t0.astimezone(UTC), t1.astimezone(UTC))], valid)
    return asked[0] if asked and offer.is_open else None


def opened(offer: OfferTimes, one: Bookable, asked: Span, zone: tzinfo) -> list[Span]:
    """Return when a room or group is open within a span, on its own grid."""
    spans = open_spans(one.hours if one.hours is not None else offer.hours, asked, zone)
    return [cut for span in spans if (cut := _on_grid(span, one.slot_min, zone)) is not None]


def _lane_windows(offer: OfferTimes, one: Bookable, asked: Span, zone: tzinfo) -> list[Window]:
    before, after = timedelta(minutes=one.buffer_before_min), timedelta(minutes=one.buffer_after_min)
    # A booking must keep its own buffers clear of what is taken, so what is taken reaches that much further.
    taken: dict[int, list[Span]] = {}
    for atom in one.atoms:
        for block in offer.blocks.get(atom, ()):
            taken.setdefault(block.lane, []).append(Span(block.span.start - after, block.span.end + before))
    open_now = open_spans(one.hours if one.hours is not None else offer.hours, asked, zone)
    counted: Counter[Span] = Counter()
    untouched = one.units - sum(1 for lane in taken if lane <= one.units)
    for spans, lanes in [(open_now, untouched)] + [
        (subtract(open_now, holes), 1) for lane, holes in taken.items() if lane <= one.units
    ]:
        for span in spans:
            cut = _on_grid(span, one.slot_min, zone)
            if cut is not None and lanes:
                counted[cut] += lanes
    return [Window(one.id, span.start, span.end, units) for span, units in sorted(counted.items())]


def _on_grid(span: Span, slot_min: int | None, zone: tzinfo) -> Span | None:
    """Return the largest part of a span that begins and ends at slots."""
    if slot_min is None:
        return span
    start, end = _floor(span.start, slot_min, zone), _floor(span.end, slot_min, zone)
    if start < span.start:
        start += timedelta(minutes=slot_min)
    return Span(start, end) if start < end else None


def _floor(at: datetime, slot_min: int, zone: tzinfo) -> datetime:
    local = at.astimezone(zone)
    midnight = datetime.combine(local.date(), time(), zone)
    slots = (local - midnight) // timedelta(minutes=slot_min)
    return (midnight + slots * timedelta(minutes=slot_min)).astimezone(UTC)


def _day_windows(offer: OfferTimes, spans: Sequence[Span], capacity: int, zone: tzinfo) -> list[Window]:
    """Cut spans at midnight: each day has what is left of its capacity."""
    windows: list[Window] = []
    for span in join(spans):
        day = span.start.astimezone(zone).date()
        last = span.end.astimezone(zone).date()
        while day <= last:
            midnight = datetime.combine(day, time(), zone).astimezone(UTC)
            within = clip([span], Span(midnight, midnight + timedelta(minutes=DAY_MIN)))
            left = capacity - offer.taken.get(day, 0)
            windows += [Window(None, part.start, part.end, left) for part in within if left > 0]
            day += timedelta(days=1)
    return windows
