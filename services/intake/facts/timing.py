"""The clocks of a case as its history tells them, pure: how much they counted, and what was due when."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from services.intake.calendar.rules import TooFar, WorkCalendar
from services.intake.clocks.rules import Clock, ClockKind, ClockOp, Interval, Verb
from services.intake.clocks.sheet import timing_of
from services.intake.facts.calendars import Calendars

__all__ = ["ClockTotal", "Run", "due_at", "runs_of", "totals"]


@dataclass(frozen=True, slots=True)
class ClockTotal:
    """All ended runs of a clock together.

    Attributes:
        spent_s: seconds that counted; None when no run has ended.
        kept: whether each of them ended within its limit.
    """

    spent_s: int | None
    kept: bool | None


@dataclass(slots=True)
class Run:
    """One run of a clock: what was done to it, from its start on."""

    kind: ClockKind
    started_at: datetime
    stopped_at: datetime | None = None
    ops: list[tuple[datetime, ClockOp]] = field(default_factory=list)
    _counted: dict[int, list[Interval]] = field(default_factory=dict)

    def intervals(self, calendar: WorkCalendar) -> list[Interval]:
        """Return its intervals by a calendar; none by one in which its limit is never reached."""
        known = self._counted.get(calendar.version)
        if known is None:
            clock = Clock(timing_of(self.kind, calendar))
            try:
                for at, op in self.ops:
                    clock.apply(op, at)
                known = clock.intervals
            except TooFar:
                known = []
            self._counted[calendar.version] = known
        return known


def runs_of(history: Iterable[tuple[datetime, Sequence[ClockOp]]]) -> list[Run]:
    """Return the runs of all clocks of a case, in the order in which they were started."""
    runs: list[Run] = []
    lasting: dict[ClockKind, Run] = {}
    for at, ops in history:
        for op in ops:
            if op.verb is Verb.START and op.kind not in lasting:
                lasting[op.kind] = Run(op.kind, at)
                runs.append(lasting[op.kind])
            if op.kind in lasting:
                lasting[op.kind].ops.append((at, op))
                if op.verb is Verb.STOP:
                    lasting.pop(op.kind).stopped_at = at
    return runs


def totals(runs: Iterable[Run], calendars: Calendars) -> dict[ClockKind, ClockTotal]:
    """Return what the clocks that have ended counted, by the calendar at their end, as the clocks themselves do."""
    found: dict[ClockKind, ClockTotal] = {}
    for run in runs:
        if run.stopped_at is None:
            continue
        intervals = run.intervals(calendars.at(run.stopped_at))
        if not intervals or intervals[-1].left_end_s is None:
            continue
        left = intervals[-1].left_end_s
        spent = intervals[-1].budget_s - left
        before = found.get(run.kind, ClockTotal(None, None))
        found[run.kind] = ClockTotal((before.spent_s or 0) + spent, before.kept is not False and left >= 0)
    return found


def due_at(runs: Iterable[Run], at: datetime, calendar: WorkCalendar) -> datetime | None:
    """Return what was due next right after a step, by a calendar; nothing while every clock stands still.

    The requester's time is nobody's duty, and is left out.
    """
    lasting = [run for run in runs if run.kind is not ClockKind.VERDICT and _covers(run.started_at, run.stopped_at, at)]
    intervals = [interval for run in lasting for interval in run.intervals(calendar) if interval.running]
    dues = [one.due_at for one in intervals if one.due_at is not None and _covers(one.started_at, one.ended_at, at)]
    return min(dues, default=None)


def _covers(start: datetime, end: datetime | None, at: datetime) -> bool:
    return start <= at and (end is None or at < end)
