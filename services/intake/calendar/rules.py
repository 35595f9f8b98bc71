"""Arithmetic of working time, in both directions, over days and hours that are data.

What is public is the State Council's notice, see `shared.holidays`; what that does not know yet a tenant sets by hand,
one day or a whole notice at a time. A year without a notice is provisional: weekends, and the days that the law fixes.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Final

from shared.clock import CHINA
from shared.holidays import holiday_name, makeup_name
from shared.problems import Invalid
from shared.texts import Text

__all__ = [
    "DEFAULT_HOURS",
    "BadHours",
    "DayHasPassed",
    "DayKind",
    "Hours",
    "SaidTwice",
    "TooFar",
    "WorkCalendar",
    "public_day",
]

_MONDAY, _SATURDAY = 0, 5
_DAYS_AT_MOST: Final = 3_700
_KNOWN_DAYS_MAX: Final = 5_000

# Opening and closing of each part of a day.
Hours = Sequence[tuple[time, time]]
Parts = Sequence[tuple[datetime, datetime]]
_OFFICE: Final = ((time(9), time(12)), (time(13, 30), time(17, 30)))
DEFAULT_HOURS: Final[Mapping[int, Hours]] = dict.fromkeys(range(_SATURDAY), _OFFICE)


class DayKind(StrEnum):
    """What a day is, whatever the weekday says."""

    WORKDAY = "workday"
    HOLIDAY = "holiday"


class BadHours(Invalid):
    """Parts of a day follow each other and do not overlap."""

    code = "bad_hours"
    title = Text(zh="工作时段必须先后相接且不重叠", en="Parts of a day follow each other and do not overlap")


class DayHasPassed(Invalid):
    """What has passed was counted as it was."""

    code = "day_has_passed"
    title = Text(zh="过去的日期不能更改", en="A day that has passed stays as it was counted")


class SaidTwice(Invalid):
    """A day is one thing."""

    code = "day_said_twice"
    title = Text(zh="同一日期不能重复设定", en="A day is said twice")


class TooFar(Invalid):
    """Within ten years there is not so much working time, or the two moments lie further apart."""

    code = "too_far"
    title = Text(zh="超出可计算的十年范围", en="Further than ten years")


def public_day(day: date) -> tuple[DayKind, str] | None:
    """Return what the State Council, or before it has spoken the law, says of a day; nothing for an ordinary one."""
    free = holiday_name(day)
    if free is not None:
        return DayKind.HOLIDAY, free
    worked = makeup_name(day)
    return (DayKind.WORKDAY, f"{worked}调休上班") if worked is not None else None


@dataclass(frozen=True, slots=True)
class WorkCalendar:
    """Working days and hours of a tenant.

    Attributes:
        hours: parts of the day by weekday (0 is Monday); a weekday that is not there is free.
        days: what the tenant has said of single days; it wins over what is public.
        version: which version of the tenant's calendar this is; 0 when it has said nothing.
    """

    hours: Mapping[int, Hours]
    days: Mapping[date, DayKind]
    version: int = 0
    _known: dict[date, Parts] = field(default_factory=dict, repr=False, compare=False)

    def kind_of(self, day: date) -> DayKind:
        """Return whether a day is worked."""
        said = self.days.get(day)
        if said is not None:
            return said
        public = public_day(day)
        if public is not None:
            return public[0]
        return DayKind.WORKDAY if self.hours.get(day.weekday()) else DayKind.HOLIDAY

    def parts(self, day: date) -> Parts:
        """Return the working parts of a day as instants; a make-up day has the hours of a Monday."""
        known = self._known.get(day)
        if known is None:
            # Every filing asks for the same few days.
            if len(self._known) >= _KNOWN_DAYS_MAX:
                self._known.clear()
            known = self._known[day] = self._parts_of(day)
        return known

    def _parts_of(self, day: date) -> Parts:
        if self.kind_of(day) is DayKind.HOLIDAY:
            return []
        hours = self.hours.get(day.weekday()) or self.hours.get(_MONDAY) or ()
        return [(datetime.combine(day, opens, CHINA), datetime.combine(day, closes, CHINA)) for opens, closes in hours]

    def _parts_from(self, day: date, step: int) -> Iterator[tuple[datetime, datetime]]:
        """Yield working parts from a day on, or back from it with a step of -1."""
        for number in range(_DAYS_AT_MOST):
            found = self.parts(day + timedelta(days=step * number))
            yield from found if step > 0 else reversed(found)

    def add(self, start: datetime, working: timedelta) -> datetime:
        """Return when so much working time has passed since an instant.

        No time at all is the instant itself, or when work next begins.

        Raises:
            TooFar: not within ten years.
        """
        left = working
        for opens, closes in self._parts_from(start.astimezone(CHINA).date(), 1):
            begin = max(opens, start)
            if begin >= closes:
                continue
            if left <= closes - begin:
                return (begin + left).astimezone(start.tzinfo)
            left -= closes - begin
        raise TooFar

    def subtract(self, end: datetime, working: timedelta) -> datetime:
        """Return since when so much working time has passed until an instant; the mirror of `add`.

        Raises:
            TooFar: not within ten years.
        """
        left = working
        for opens, closes in self._parts_from(end.astimezone(CHINA).date(), -1):
            finish = min(closes, end)
            if finish <= opens:
                continue
            if left <= finish - opens:
                return (finish - left).astimezone(end.tzinfo)
            left -= finish - opens
        raise TooFar

    def between(self, start: datetime, end: datetime) -> timedelta:
        """Return the working time between two instants; negative when the second comes first.

        Raises:
            TooFar: they lie more than ten years apart.
        """
        if end < start:
            return -self.between(end, start)
        first, last = start.astimezone(CHINA).date(), end.astimezone(CHINA).date()
        if (last - first).days >= _DAYS_AT_MOST:
            raise TooFar
        total = timedelta(0)
        for number in range((last - first).days + 1):
            for opens, closes in self.parts(first + timedelta(days=number)):
                total += max(timedelta(0), min(closes, end) - max(opens, start))
        return total
