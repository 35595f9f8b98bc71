"""Booked of open minutes. Pure.

Both are counted by the smallest rooms, so that a hall is not counted beside its halves: an hour of a hall of two halves
is two hours open, and two booked when it is booked whole. Buffers are nobody's use and count as neither.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from services.matching.availability.spans import Span, clip, join, total_s

__all__ = ["Booking", "Use", "permille", "use_of", "whole"]


@dataclass(frozen=True, slots=True)
class Booking:
    """The smallest rooms that somebody has for a span."""

    atoms: tuple[UUID, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Use:
    """Minutes that were open, and those of them that were booked."""

    open_min: int
    booked_min: int
    bookings: int

    def __add__(self, other: "Use") -> "Use":
        """Add up two places."""
        return Use(self.open_min + other.open_min, self.booked_min + other.booked_min, self.bookings + other.bookings)


def use_of(opened: Mapping[UUID, Sequence[Span]], bookings: Iterable[Booking], period: Span) -> Use:
    """Count one venue.

    Args:
        opened: when each of its smallest rooms is open.
        bookings: what is promised; it may reach beyond the period.
        period: what is asked about.
    """
    open_s = sum(total_s(clip(join(spans), period)) for spans in opened.values())
    booked_s = count = 0
    for booking in bookings:
        seconds = 0
        for atom in booking.atoms:
            inside = clip(opened.get(atom, ()), booking.span)
            seconds += total_s(clip(join(inside), period))
        booked_s += seconds
        count += bool(seconds)
    return Use(open_s // 60, booked_s // 60, count)


def whole(uses: Iterable[Use]) -> Use:
    """Add up places."""
    total = Use(0, 0, 0)
    for use in uses:
        total += use
    return total


def permille(use: Use) -> int | None:
    """Return the share that was booked in thousandths; None where nothing was open."""
    return use.booked_min * 1000 // use.open_min if use.open_min else None
