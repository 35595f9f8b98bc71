"""Use cases of clocks beside a step's own: showing those of many cases, and proving them by the history."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from services.intake.calendar.rules import WorkCalendar
from services.intake.clocks import repository
from services.intake.clocks.rules import AROUND_THE_CLOCK, ClockKind, ClockOp, Interval, fold
from services.intake.clocks.sheet import ClockView, newest_runs, timing_of
from services.intake.handling.service import Handling
from shared.db import Session

__all__ = ["rebuilt", "view_clocks_of"]


async def view_clocks_of(
    session: Session, case_ids: Collection[UUID], now: datetime, handling: Handling
) -> dict[UUID, list[ClockView]]:
    """Show the newest run of each clock of many cases."""
    found = await repository.intervals_of_many(session, case_ids)
    return {case_id: newest_runs(intervals, now, handling) for case_id, intervals in found.items()}


def rebuilt(
    history: Iterable[tuple[datetime, Sequence[ClockOp]]], calendars: Mapping[tuple[ClockKind, int], WorkCalendar]
) -> dict[tuple[ClockKind, int], list[Interval]]:
    """Count all clocks of a case again from its history alone.

    Args:
        history: for each step, when it was and what it did to the clocks.
        calendars: for each clock and run, the calendar by which it is stored.

    Returns:
        The intervals of each clock and run, as they should be stored.
    """
    by_kind: dict[ClockKind, list[tuple[datetime, ClockOp]]] = defaultdict(list)
    for at, ops in history:
        for op in ops:
            by_kind[op.kind].append((at, op))
    found = {}
    for kind, acts in by_kind.items():
        # Instants decide, the calendar only counts: the runs are the same by any of them.
        for run, clock in enumerate(fold(acts, AROUND_THE_CLOCK), start=1):
            # A run that is not stored is counted all the same: that it is missing is the finding.
            timing = timing_of(kind, calendars[kind, run]) if (kind, run) in calendars else AROUND_THE_CLOCK
            found[kind, run] = clock.recounted(timing).intervals
    return found
