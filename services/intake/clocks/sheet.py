"""The clocks of one case that is in hand: a step acts on them in memory, and what has changed is written with it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from services.intake.calendar.rules import WorkCalendar
from services.intake.clocks.models import ClockInterval
from services.intake.clocks.rules import (
    AROUND_THE_CLOCK,
    Clock,
    ClockKind,
    ClockOp,
    Interval,
    Timing,
    Verb,
    next_moment,
)
from services.intake.handling.service import Handling

__all__ = ["ClockSheet", "ClockView", "StoredInterval", "first_interval", "newest_runs", "timing_of"]

# The last day of the requester's time is the end of asking.
_VERDICT_RUNGS_S: Final = (0,)


@dataclass(slots=True)
class StoredInterval:
    """One stretch of one run of a clock, as its row in `clock_intervals` has it, without the weight of a mapped one."""

    clock: str
    run: int
    position: int
    running: bool
    reason: str | None
    budget_s: int
    started_at: datetime
    ended_at: datetime | None
    left_s: int
    left_end_s: int | None
    due_at: datetime | None
    calendar_version: int
    rung: int
    next_at: datetime | None
    tries: int


Kept = StoredInterval | ClockInterval
Rows = Mapping[tuple[ClockKind, int], Sequence[StoredInterval] | Sequence[ClockInterval]]


@dataclass(frozen=True, slots=True)
class ClockView:
    """The newest run of a clock, as it is shown.

    Attributes:
        clock: which one.
        run: counts from 1; a case that was opened again has two.
        state: running, paused or stopped.
        due_at: None while it stands still.
        left_s: of the budget now (or when it stopped); negative when it was overrun.
        reason: why it stands still.
        paused_until: when it runs again by itself; None while it runs.
    """

    clock: ClockKind
    run: int
    state: str
    due_at: datetime | None
    budget_s: int
    left_s: int
    reason: str | None
    paused_until: datetime | None = None


class ClockSheet:
    """All intervals of a case's clocks; the case is locked by whoever acts on them.

    Args:
        intervals: as they are stored, in the order of clock, run and position.
    """

    def __init__(self, intervals: Iterable[StoredInterval]) -> None:
        self._rows: dict[tuple[ClockKind, int], list[StoredInterval]] = {}
        self._changed: dict[tuple[str, int, int], StoredInterval] = {}
        for row in intervals:
            self._rows.setdefault((ClockKind(row.clock), row.run), []).append(row)

    def act(self, at: datetime, ops: Iterable[ClockOp], handling: Handling) -> list[ClockOp]:
        """Let a step act on the clocks.

        Returns:
            What had an effect, for the history: a clock that does not run is not stopped.
        """
        done = []
        for op in ops:
            run = max((run for kind, run in self._rows if kind is op.kind), default=0)
            current = self._rows.get((op.kind, run), [])
            if op.verb is Verb.START:
                if current and current[-1].ended_at is None:
                    continue
                run, current = run + 1, []
            clock = _clock_of(op.kind, current, handling)
            if clock.apply(op, at):
                done.append(op)
                self._rows[op.kind, run] = current
                self._follow((op.kind, run), clock, handling)
        return done

    def recount(self, kind: ClockKind, run: int, handling: Handling) -> None:
        """Count one run of a clock again by the calendar in force."""
        rows = self._rows.get((kind, run))
        if rows:
            self._follow((kind, run), _clock_of(kind, rows, handling), handling)

    def _follow(self, key: tuple[ClockKind, int], clock: Clock, handling: Handling) -> None:
        """Let the stored intervals of a run follow its clock; new ones are added."""
        kind, run = key
        rows = self._rows[key]
        rung, tries = (rows[-1].rung, rows[-1].tries) if rows else (0, 0)
        for place, interval in enumerate(clock.intervals):
            row = StoredInterval(
                clock=kind.value,
                run=run,
                position=interval.position,
                running=interval.running,
                reason=interval.reason,
                budget_s=interval.budget_s,
                started_at=interval.started_at,
                ended_at=interval.ended_at,
                left_s=interval.left_s,
                left_end_s=interval.left_end_s,
                due_at=interval.due_at,
                calendar_version=handling.calendar.version,
                rung=rung,
                next_at=self._next_at(interval, kind, rung, handling),
                tries=tries,
            )
            if place == len(rows):
                rows.append(row)
            elif row == rows[place]:
                continue
            rows[place] = row
            self._touch(row)

    def lasting(self, like: Kept) -> StoredInterval | None:
        """Return the interval that was seen before the lock, if it still lasts."""
        rows = self._rows.get((ClockKind(like.clock), like.run), [])
        return next((row for row in rows if row.position == like.position and row.ended_at is None), None)

    def set_next(self, row: StoredInterval, rung: int, handling: Handling) -> None:
        """Move an interval that lasts to a rung of its ladder."""
        row.rung, row.tries = rung, 0
        row.next_at = self._next_at(_interval_of(row), ClockKind(row.clock), rung, handling)
        self._touch(row)

    def _next_at(self, interval: Interval, kind: ClockKind, rung: int, handling: Handling) -> datetime | None:
        """Return when somebody is to be told next, or a clock that stands still is to run again."""
        if interval.running or interval.ended_at is not None:
            return _next_at(interval, kind, rung, handling)
        return self.pause_ends_at(interval, handling)

    def pause_ends_at(self, standing: Interval | StoredInterval, handling: Handling) -> datetime:
        """Return until when a clock that stands still may do so: as its reason and what is left of the quota allow.

        Time is counted as the quota is, in working minutes.
        """
        _, spent_s = self._spent(standing.started_at, handling)
        most_s = max(0, handling.rules.pause_minutes_max * 60 - spent_s)
        reason_s = handling.rules.pause_s(standing.reason)
        may_s = most_s if reason_s is None else min(most_s, reason_s)
        return handling.calendar.add(standing.started_at, timedelta(seconds=may_s))

    def wait(self, row: StoredInterval, until: datetime | None) -> None:
        """Let the next rung of an interval wait until a time, or for ever."""
        row.tries += 1
        row.next_at = until
        self._touch(row)

    def _touch(self, row: StoredInterval) -> None:
        self._changed[row.clock, row.run, row.position] = row

    def take_changed(self) -> Sequence[StoredInterval]:
        """Return the intervals that are to be written, once."""
        changed, self._changed = self._changed, {}
        return list(changed.values())

    def view(self, now: datetime, handling: Handling) -> list[ClockView]:
        """Show the newest run of each clock."""
        return newest_runs(self._rows, now, handling)

    def spent_pauses(self, now: datetime, handling: Handling) -> tuple[int, int]:
        """Return how often the clock of solving has stood still, and for how many working minutes in all."""
        times, stood_s = self._spent(now, handling)
        return times, stood_s // 60

    def _spent(self, until: datetime, handling: Handling) -> tuple[int, int]:
        """Return how often the clock of solving has stood still, and for how many working seconds until an instant."""
        times, stood = 0, timedelta(0)
        for (kind, _), rows in self._rows.items():
            for row in rows:
                if kind is ClockKind.RESOLVE and not row.running and row.started_at <= until:
                    times += 1
                    stood += handling.calendar.between(row.started_at, min(row.ended_at or until, until))
        return times, int(stood.total_seconds())


def timing_of(kind: ClockKind, calendar: WorkCalendar) -> Timing:
    """Return which time counts for a clock."""
    return AROUND_THE_CLOCK if kind is ClockKind.VERDICT else calendar


def first_interval(
    kind: ClockKind, budget_s: int, at: datetime, handling: Handling
) -> tuple[Interval, datetime | None]:
    """Return the interval with which a clock starts, and when something is to be told of it."""
    clock = Clock(timing_of(kind, handling.calendar))
    clock.apply(ClockOp(kind, Verb.START, budget_s), at)
    return clock.intervals[0], _next_at(clock.intervals[0], kind, 0, handling)


def newest_runs(intervals: Rows, now: datetime, handling: Handling) -> list[ClockView]:
    """Show the newest run of each clock among intervals in the order of clock and run."""
    newest: dict[ClockKind, tuple[int, Sequence[Kept]]] = {}
    for (kind, run), rows in sorted(intervals.items()):
        newest[kind] = (run, rows)
    return [_view(kind, run, rows, now, handling) for kind, (run, rows) in newest.items()]


def _view(kind: ClockKind, run: int, rows: Sequence[Kept], now: datetime, handling: Handling) -> ClockView:
    last = rows[-1]
    if last.ended_at is not None:
        return ClockView(kind, run, "stopped", last.due_at, last.budget_s, last.left_end_s or 0, None)
    if not last.running:
        return ClockView(kind, run, "paused", None, last.budget_s, last.left_s, last.reason, last.next_at)
    left = _clock_of(kind, rows, handling).left_s(now)
    return ClockView(kind, run, "running", last.due_at, last.budget_s, left, None)


def _rungs_s(kind: ClockKind, handling: Handling) -> Sequence[int]:
    if kind is ClockKind.VERDICT:
        return _VERDICT_RUNGS_S
    return [rung.after_minutes * 60 for rung in handling.rules.rungs(kind)]


def _next_at(interval: Interval, kind: ClockKind, rung: int, handling: Handling) -> datetime | None:
    return next_moment(
        interval,
        rung,
        warn_percent=handling.rules.warn_percent,
        rungs_after_s=_rungs_s(kind, handling),
        timing=timing_of(kind, handling.calendar),
    )


def _interval_of(row: Kept) -> Interval:
    return Interval(
        position=row.position,
        running=row.running,
        reason=row.reason,
        budget_s=row.budget_s,
        started_at=row.started_at,
        ended_at=row.ended_at,
        left_s=row.left_s,
        left_end_s=row.left_end_s,
        due_at=row.due_at,
    )


def _clock_of(kind: ClockKind, rows: Sequence[Kept], handling: Handling) -> Clock:
    """Return a clock as it is stored, counted by the calendar in force."""
    timing = timing_of(kind, handling.calendar)
    clock = Clock(timing, [_interval_of(row) for row in rows])
    is_outdated = any(row.calendar_version != handling.calendar.version for row in rows)
    return clock.recounted(timing) if is_outdated and kind is not ClockKind.VERDICT else clock
