"""On which days a recurring order is placed, and who may skip one or stop it. Pure."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from services.matching.availability.hours import parse_rule
from services.matching.orders.rules import STAFF
from shared.auth import Principal
from shared.clock import CHINA
from shared.holidays import holiday_name
from shared.problems import Invalid
from shared.steps import Denial, Step
from shared.texts import Text

__all__ = [
    "STEPS",
    "NoOccurrence",
    "OccurrenceState",
    "SeriesAction",
    "SeriesFacts",
    "SeriesState",
    "days_of",
    "is_over",
    "slot_on",
]

# A rule with a count that has nothing within two years has nothing any more: its intervals are of months at most.
_LOOK_AHEAD: Final = timedelta(days=731)


class SeriesState(StrEnum):
    """Where a recurring order is."""

    RUNNING = "running"
    STOPPED = "stopped"
    ENDED = "ended"


class OccurrenceState(StrEnum):
    """What became of one of its days."""

    ORDERED = "ordered"
    SKIPPED = "skipped"
    FAILED = "failed"


class SeriesAction(StrEnum):
    """What can be done with a recurring order."""

    SKIP = "skip"
    STOP = "stop"


class NoOccurrence(Invalid):
    """It does not recur on that day."""

    code = "no_occurrence"
    title = Text(zh="该日没有定期点单", en="It does not recur on that day")


@dataclass(frozen=True, slots=True)
class SeriesFacts:
    """What the rules know of a recurring order."""

    state: SeriesState
    area_path: str
    requester_id: UUID
    is_for_other: bool


def _own(series: SeriesFacts, caller: Principal) -> Denial | None:
    if caller.subject_id == series.requester_id:
        return None
    if series.is_for_other and caller.has(*STAFF, at=series.area_path):
        return None
    return Denial("requester_or_helping_staff", Text(zh="由下单人或代办人员操作", en="The requester does this"))


_RUNNING: Final = frozenset({SeriesState.RUNNING})
STEPS: Final[dict[SeriesAction, Step[SeriesFacts]]] = {
    SeriesAction.SKIP: Step(_RUNNING, None, _own),
    SeriesAction.STOP: Step(_RUNNING, SeriesState.STOPPED, _own),
}


def days_of(
    rrule: str, starts_on: date, first: date, last: date, *, skips: Collection[date], without_holidays: bool
) -> list[date]:
    """Return the days of a recurrence between two days, both included, without those that are left out.

    Public holidays are those that the State Council has announced, and where it has not spoken yet those of the law.
    """
    days = parse_rule(rrule).dates(starts_on, first, last)
    return [day for day in days if day not in skips and not (without_holidays and holiday_name(day) is not None)]


def is_over(rrule: str, starts_on: date, planned_through: date) -> bool:
    """Tell whether nothing of a recurrence comes after a day."""
    return not parse_rule(rrule).dates(starts_on, planned_through + timedelta(days=1), planned_through + _LOOK_AHEAD)


def slot_on(day: date, opens: time, lasts_min: int) -> tuple[datetime, datetime]:
    """Return from when until when it is on a day, by the clocks of China."""
    starts_at = datetime.combine(day, opens, CHINA)
    return starts_at, starts_at + timedelta(minutes=lasts_min)
