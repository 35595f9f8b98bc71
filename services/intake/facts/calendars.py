"""Which calendar was in force when, pure: what has passed is counted as it was counted then."""

from bisect import bisect_right
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from services.intake.calendar.rules import WorkCalendar

__all__ = ["BEGINNING", "Calendars"]

BEGINNING: Final = datetime.min.replace(tzinfo=UTC)


class Calendars:
    """All versions of a tenant's calendar on the line of time.

    Args:
        versions: when each was set, in the order of their numbers; the first is the public one, since BEGINNING.
    """

    def __init__(self, versions: Sequence[tuple[datetime, WorkCalendar]]) -> None:
        spans: list[tuple[datetime, WorkCalendar]] = []
        # A version that was set after a newer one had come was never in force.
        for since, calendar in reversed(versions):
            if not spans or since < spans[-1][0]:
                spans.append((since, calendar))
        spans.reverse()
        self._since = [since for since, _ in spans]
        self._calendars = [calendar for _, calendar in spans]

    @property
    def newest(self) -> WorkCalendar:
        """The calendar that is in force now."""
        return self._calendars[-1]

    def at(self, instant: datetime) -> WorkCalendar:
        """Return the calendar that was in force at an instant."""
        return self._calendars[bisect_right(self._since, instant) - 1]

    def changes(self, after: datetime, before: datetime | None) -> list[datetime]:
        """Return when another calendar came into force between two instants; up to now when `before` is None."""
        first = bisect_right(self._since, after)
        return [since for since in self._since[first:] if before is None or since < before]
