"""What is counted of orders, and the rates that are made of counts. Pure; rates are whole numbers."""

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["BASIS_POINTS", "Counts", "GroupBy", "rate_bp"]

BASIS_POINTS = 10_000


class GroupBy(StrEnum):
    """What a line is of, beside its quarter."""

    NOTHING = "nothing"
    AREA = "area"
    PARTNER = "partner"
    AREA_AND_PARTNER = "area_and_partner"


@dataclass(frozen=True, slots=True)
class Counts:
    """Orders that reached their partner in a quarter, by what has become of them by now.

    Attributes:
        placed: all of them.
        accepted: those that were accepted, whatever came after.
        delivered: those that were delivered, late ones included.
        on_time: those that were delivered and never late.
        late: those that were late, delivered or not.
        broken: those that were accepted and broken off before they were late.
        cancelled, declined, lapsed: those that ended so.
        rated: those that were rated; `stars` is the sum of their stars.
        complaints: those that were rated with a complaint.
    """

    placed: int
    accepted: int
    delivered: int
    on_time: int
    late: int
    broken: int
    cancelled: int
    declined: int
    lapsed: int
    rated: int
    stars: int
    complaints: int

    @property
    def on_time_bp(self) -> int | None:
        """Of those that were to be delivered and are, or are late or broken off: how many in time."""
        return rate_bp(self.on_time, self.on_time + self.late + self.broken)

    @property
    def complaint_bp(self) -> int | None:
        """Of those that were delivered: how many were complained about."""
        return rate_bp(self.complaints, self.delivered)

    @property
    def accepted_bp(self) -> int | None:
        """Of those that a partner has answered or let lapse: how many it accepted."""
        return rate_bp(self.accepted, self.accepted + self.declined + self.lapsed)


def rate_bp(part: int, whole: int) -> int | None:
    """Return a share in hundredths of a percent, rounded half up; None of nothing."""
    return (2 * part * BASIS_POINTS + whole) // (2 * whole) if whole else None
