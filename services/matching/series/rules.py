"""How many times something recurs, and what can be wrong with that."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Final

from services.matching.availability.hours import Opening
from services.matching.availability.spans import Span
from shared.problems import Conflict, Invalid
from shared.texts import Text

__all__ = ["HOLDS_MAX", "BadSeries", "NothingToConfirm", "occurrences"]

# A year of weeks with a handful of parts; whoever wants more makes two series.
HOLDS_MAX: Final = 300


class BadSeries(Invalid):
    """It never takes place, or too often; `reason` says which."""

    code = "bad_series"
    title = Text(zh="系列预约的时间有误", en="Not a series that can be held")


class NothingToConfirm(Conflict):
    """None of it waits for the caller's side."""

    code = "nothing_to_confirm"
    title = Text(zh="没有待您确认的预约", en="Nothing of it waits for your side")


def occurrences(opening: Opening, until: date, zone: tzinfo) -> Sequence[Span]:
    """Return the times of a series, in UTC.

    Args:
        opening: on which days, from when and for how long.
        until: the last day.
        zone: whose wall clock is meant.
    """
    spans = []
    for day in opening.rule.dates(opening.starts_on, opening.starts_on, until):
        begins = datetime.combine(day, time(), zone) + timedelta(minutes=opening.opens_min)
        ends = begins + timedelta(minutes=opening.lasts_min)
        spans.append(Span(begins.astimezone(UTC), ends.astimezone(UTC)))
    return spans
