"""Opening hours as recurrences (RFC 5545) with exceptions, in the time zone of the place. Pure.

Of RRULE we take DAILY, WEEKLY and MONTHLY with INTERVAL, BYDAY, BYMONTHDAY, COUNT and UNTIL (a date), so that every
rule that is let in has a next occurrence soon: a rule that never meets a day would be looked for until the year 9999.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any, Final

from dateutil.rrule import DAILY, FR, MO, MONTHLY, SA, SU, TH, TU, WE, WEEKLY, rrule, weekday

from services.matching.availability.spans import Span, clip, join, subtract

__all__ = ["DAY_MIN", "BadRule", "Exemption", "Hours", "Opening", "Rule", "hours_of", "open_spans", "parse_rule"]

DAY_MIN: Final = 24 * 60
_FREQUENCIES: Final = {"DAILY": DAILY, "WEEKLY": WEEKLY, "MONTHLY": MONTHLY}
_INTERVAL_MAX: Final = {"DAILY": 30, "WEEKLY": 12, "MONTHLY": 12}
_DAYS: Final = {"MO": MO, "TU": TU, "WE": WE, "TH": TH, "FR": FR, "SA": SA, "SU": SU}
_DAY: Final = re.compile(r"([+-]?[1-4])?(MO|TU|WE|TH|FR|SA|SU)", re.ASCII)
_NUMBER: Final = re.compile(r"[1-9][0-9]{0,3}", re.ASCII)
# Every month has a 28th and a fourth Sunday; of the days after those some rules would wait for years.
_MONTH_DAY: Final = re.compile(r"-?(?:[1-9]|1[0-9]|2[0-8])", re.ASCII)
_UNTIL: Final = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})(?:T[0-9]{6}Z?)?", re.ASCII)
_COUNT_MAX: Final = 1_000
_LIST_MAX: Final = 28


class BadRule(ValueError):
    """A recurrence outside of the subset; `reason` is a short code."""

    def __init__(self, *, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Rule:
    """A recurrence: on which days."""

    frequency: str
    interval: int
    days: tuple[weekday, ...]
    month_days: tuple[int, ...]
    count: int | None
    until: date | None

    def dates(self, begins: date, first: date, last: date) -> list[date]:
        """Return the days between two days, both included, of a recurrence that began on a day."""
        final = min(last, self.until) if self.until else last
        if final < begins or final < first:
            return []
        start = begins if self.count else self._shifted(begins, first)
        rule = rrule(
            _FREQUENCIES[self.frequency],
            dtstart=datetime.combine(start, time()),
            interval=self.interval,
            wkst=MO,
            count=self.count,
            byweekday=self.days or None,
            bymonthday=self.month_days or None,
            until=datetime.combine(final, time()) if not self.count else None,
        )
        found: list[date] = []
        for moment in rule:
            day = moment.date()
            if day > final:
                break
            if day >= first:
                found.append(day)
        return found

    def _shifted(self, begins: date, first: date) -> date:
        """Return a later beginning with the same days from `first` on: years of days need not be walked through."""
        if first <= begins:
            return begins
        if self.frequency == "DAILY":
            return begins + timedelta(days=(first - begins).days // self.interval * self.interval)
        if self.frequency == "WEEKLY":
            monday = begins - timedelta(days=begins.weekday())
            weeks = (first - monday).days // 7 // self.interval * self.interval
            # Days of the first week that lie before the beginning do not count, and a rule without days has its own.
            return begins if weeks == 0 else monday + timedelta(weeks=weeks, days=0 if self.days else begins.weekday())
        months = (first.year - begins.year) * 12 + first.month - begins.month
        months = months // self.interval * self.interval
        if months == 0:
            return begins
        place = begins.year * 12 + begins.month - 1 + months
        return date(place // 12, place % 12 + 1, 1)


@dataclass(frozen=True, slots=True)
class Opening:
    """On the days of a rule, from a minute of the day on, for so many minutes; it may pass midnight."""

    rule: Rule
    starts_on: date
    opens_min: int
    lasts_min: int


@dataclass(frozen=True, slots=True)
class Exemption:
    """A span that is closed although a rule opens it, or open although none does. Closed wins."""

    is_open: bool
    span: Span


@dataclass(frozen=True, slots=True)
class Hours:
    """When something is open."""

    openings: tuple[Opening, ...]
    exemptions: tuple[Exemption, ...]


def parse_rule(text: str) -> Rule:
    """Read a recurrence.

    Raises:
        BadRule: not a rule, or not of the subset.
    """
    parts: dict[str, str] = {}
    for part in text.strip().removeprefix("RRULE:").split(";"):
        name, equals, value = part.partition("=")
        if not equals or not value or name in parts:
            raise BadRule(reason="malformed")
        parts[name] = value
    frequency = parts.pop("FREQ", "")
    if frequency not in _FREQUENCIES:
        raise BadRule(reason="frequency")
    interval = _number(parts.pop("INTERVAL", "1"), _INTERVAL_MAX[frequency], "interval")
    count = _number(parts.pop("COUNT"), _COUNT_MAX, "count") if "COUNT" in parts else None
    until = _until(parts.pop("UNTIL")) if "UNTIL" in parts else None
    days = _week_days(parts.pop("BYDAY"), frequency) if "BYDAY" in parts else ()
    month_days = _month_days(parts.pop("BYMONTHDAY")) if "BYMONTHDAY" in parts else ()
    if parts.pop("WKST", "MO") != "MO" or parts:
        raise BadRule(reason="unsupported_part")
    if count is not None and until is not None:
        raise BadRule(reason="count_and_until")
    _check_together(frequency, interval, days, month_days)
    return Rule(frequency, interval, days, month_days, count, until)


def _check_together(frequency: str, interval: int, days: Sequence[weekday], month_days: Sequence[int]) -> None:
    """Refuse parts that may never meet."""
    if frequency == "MONTHLY" and bool(days) == bool(month_days):
        raise BadRule(reason="monthly_takes_days_or_month_days")
    if frequency != "MONTHLY" and month_days:
        raise BadRule(reason="month_days_are_monthly")
    if frequency == "DAILY" and days and interval != 1:
        raise BadRule(reason="daily_with_days_has_no_interval")


def _number(text: str, most: int, reason: str) -> int:
    if not _NUMBER.fullmatch(text) or int(text) > most:
        raise BadRule(reason=reason)
    return int(text)


def _until(text: str) -> date:
    found = _UNTIL.fullmatch(text)
    try:
        return date(*(int(part) for part in found.groups())) if found else _never()
    except ValueError as error:
        raise BadRule(reason="until") from error


def _never() -> date:
    raise ValueError


def _week_days(text: str, frequency: str) -> tuple[weekday, ...]:
    days: list[weekday] = []
    for part in text.split(","):
        found = _DAY.fullmatch(part)
        if found is None or len(days) >= _LIST_MAX or (found[1] and frequency != "MONTHLY"):
            raise BadRule(reason="days")
        day = _DAYS[found[2]]
        days.append(day(int(found[1])) if found[1] else day)
    if len({day.n is None for day in days}) > 1:
        # The library takes only days that are both.
        raise BadRule(reason="days_and_counted_days")
    return tuple(days)


def _month_days(text: str) -> tuple[int, ...]:
    parts = text.split(",")
    if len(parts) > 2 * _LIST_MAX or not all(_MONTH_DAY.fullmatch(part) for part in parts):
        raise BadRule(reason="month_days")
    return tuple(int(part) for part in parts)


def _minute(text: str) -> int:
    hour, _, minute = text.partition(":")
    return int(hour) * 60 + int(minute)


def hours_of(kept: Mapping[str, Any] | None) -> Hours | None:
    """Read hours as they are kept; None means always."""
    if kept is None:
        return None
    openings = []
    for one in kept["openings"]:
        opens, closes = _minute(one["opens"]), _minute(one["closes"])
        lasts = closes - opens if closes > opens else closes - opens + DAY_MIN
        openings.append(Opening(parse_rule(one["rrule"]), date.fromisoformat(one["starts_on"]), opens, lasts))
    exemptions = tuple(
        Exemption(one["kind"] == "open", Span(_moment(one["starts_at"]), _moment(one["ends_at"])))
        for one in kept["exceptions"]
    )
    return Hours(tuple(openings), exemptions)


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def open_spans(hours: Hours | None, within: Span, zone: tzinfo) -> list[Span]:
    """Return when something is open within a span, in UTC; without hours it always is.

    Args:
        hours: what was agreed.
        within: what is asked about, aware.
        zone: whose wall clock the openings mean.
    """
    asked = Span(within.start.astimezone(UTC), within.end.astimezone(UTC))
    if hours is None:
        return [asked] if asked.start < asked.end else []
    opened = [exemption.span for exemption in hours.exemptions if exemption.is_open]
    for opening in hours.openings:
        opened += _opened_by(opening, asked, zone)
    closed = [exemption.span for exemption in hours.exemptions if not exemption.is_open]
    return clip(subtract(join(opened), closed), asked)


def _opened_by(opening: Opening, within: Span, zone: tzinfo) -> list[Span]:
    first = within.start.astimezone(zone).date() - timedelta(days=1)
    last = within.end.astimezone(zone).date()
    spans = []
    for day in opening.rule.dates(opening.starts_on, first, last):
        opens = datetime.combine(day, time(), zone) + timedelta(minutes=opening.opens_min)
        closes = opens + timedelta(minutes=opening.lasts_min)
        spans.append(Span(opens.astimezone(UTC), closes.astimezone(UTC)))
    return spans
