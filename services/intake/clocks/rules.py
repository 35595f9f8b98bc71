"""The arithmetic of clocks, pure.

A clock is a row of intervals: it runs, or stands still for a reason, until it is stopped. Every figure (what is left,
when it is due) follows from the instants and a calendar, so a clock can be counted again from the history of its case,
by another calendar too. Seconds are whole; they are counted from the exact sum each time, so nothing adds up to drift.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Protocol

__all__ = ["AROUND_THE_CLOCK", "Clock", "ClockKind", "ClockOp", "Interval", "Timing", "Verb", "fold", "next_moment"]

_SECOND: Final = timedelta(seconds=1)
_WHOLE: Final = 100


class ClockKind(StrEnum):
    """What is timed."""

    ACCEPT = "accept"
    FIRST_REPLY = "first_reply"
    RESOLVE = "resolve"
    # How long the requester is asked; by the days of the calendar, not by working time.
    VERDICT = "verdict"


class Verb(StrEnum):
    """What a step does to a clock."""

    START = "start"
    PAUSE = "pause"
    RESUME = "resume"
    BUDGET = "budget"
    STOP = "stop"


@dataclass(frozen=True, slots=True)
class ClockOp:
    """One thing that a step does to a clock; `budget_s` with start and budget, `reason` with pause."""

    kind: ClockKind
    verb: Verb
    budget_s: int | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Interval:
    """A stretch in which a clock runs, or stands still for a reason.

    Attributes:
        position: counts from 1 within a run of the clock.
        running: whether time counts.
        reason: why it stands still.
        budget_s: the limit in force, in seconds that count.
        started_at: its first instant.
        ended_at: its last; None while it lasts.
        left_s: of the budget at its start; negative when it was overrun.
        left_end_s: of the budget at its end.
        due_at: when the budget is used up if it goes on running.
    """

    position: int
    running: bool
    reason: str | None
    budget_s: int
    started_at: datetime
    ended_at: datetime | None
    left_s: int
    left_end_s: int | None
    due_at: datetime | None


class Timing(Protocol):
    """Which time counts."""

    def add(self, start: datetime, working: timedelta) -> datetime:
        """Return when so much counting time has passed."""

    def between(self, start: datetime, end: datetime) -> timedelta:
        """Return the counting time between two instants."""


class _AroundTheClock:
    """All time counts."""

    def add(self, start: datetime, working: timedelta) -> datetime:
        return start + working

    def between(self, start: datetime, end: datetime) -> timedelta:
        return end - start


AROUND_THE_CLOCK: Final[Timing] = _AroundTheClock()


class Clock:
    """One run of a clock."""

    def __init__(self, timing: Timing, intervals: Sequence[Interval] = ()) -> None:
        self._timing = timing
        self.intervals = list(intervals)

    @property
    def is_open(self) -> bool:
        """Whether it has been started and not stopped."""
        return bool(self.intervals) and self.intervals[-1].ended_at is None

    @property
    def is_running(self) -> bool:
        """Whether time counts now."""
        return self.is_open and self.intervals[-1].running

    def apply(self, op: ClockOp, at: datetime) -> bool:
        """Let a step act on the clock.

        Returns:
            Whether it did anything: a stopped clock is not stopped again, a standing one not paused.
        """
        if op.verb is Verb.START:
            return not self.intervals and self._begin(at, running=True, budget_s=op.budget_s or 0)
        if not self.is_open or self._is_idle(op):
            return False
        now = self.intervals[-1]
        self._end(at)
        if op.verb is Verb.BUDGET:
            return self._begin(at, running=now.running, budget_s=op.budget_s or 0, reason=now.reason)
        if op.verb is not Verb.STOP:
            return self._begin(at, running=not now.running, budget_s=now.budget_s, reason=op.reason)
        return True

    def _is_idle(self, op: ClockOp) -> bool:
        """Tell whether an open clock is already as a step wants it."""
        now = self.intervals[-1]
        if op.verb is Verb.BUDGET:
            return op.budget_s in {None, now.budget_s}
        return op.verb is not Verb.STOP and (op.verb is Verb.PAUSE) is not now.running

    def recounted(self, timing: Timing) -> "Clock":
        """Return the same intervals, counted by another calendar."""
        other = Clock(timing)
        for interval in self.intervals:
            other._begin(
                interval.started_at, running=interval.running, budget_s=interval.budget_s, reason=interval.reason
            )
            if interval.ended_at is not None:
                other._end(interval.ended_at)
        return other

    def left_s(self, at: datetime) -> int:
        """Return how many counting seconds of the budget are left at an instant; negative when it is overrun."""
        return self.intervals[-1].budget_s - self._spent_s(at) if self.intervals else 0

    def _spent_s(self, until: datetime) -> int:
        spent = timedelta(0)
        for interval in self.intervals:
            if interval.running:
                spent += self._timing.between(interval.started_at, interval.ended_at or until)
        return spent // _SECOND

    def _begin(self, at: datetime, *, running: bool, budget_s: int, reason: str | None = None) -> bool:
        left = budget_s - self._spent_s(at)
        due = None
        if running:
            due = self._timing.add(at, left * _SECOND) if left > 0 else at
        new = Interval(
            position=len(self.intervals) + 1,
            running=running,
            reason=None if running else reason,
            budget_s=budget_s,
            started_at=at,
            ended_at=None,
            left_s=left,
            left_end_s=None,
            due_at=due,
        )
        self.intervals.append(new)
        return True

    def _end(self, at: datetime) -> None:
        last = self.intervals[-1]
        left = last.budget_s - self._spent_s(at)
        self.intervals[-1] = replace(last, ended_at=at, left_end_s=left)


def fold(ops: Iterable[tuple[datetime, ClockOp]], timing: Timing) -> list[Clock]:
    """Count the runs of one clock again from what its case's history did to it, in order."""
    runs: list[Clock] = []
    for at, op in ops:
        if op.verb is Verb.START:
            runs.append(Clock(timing))
        if runs:
            runs[-1].apply(op, at)
    return runs


def next_moment(
    interval: Interval, rung: int, *, warn_percent: int, rungs_after_s: Sequence[int], timing: Timing
) -> datetime | None:
    """Return when somebody is to be told next.

    Args:
        interval: the one that lasts.
        rung: 0 for the warning, 1 for the first rung of the ladder, and so on.
        warn_percent: of the budget, when to warn.
        rungs_after_s: when each rung is due, in counting seconds past the due time.
        timing: which time counts.

    Returns:
        The instant; None when the clock stands still or the ladder is at its end. Without any ladder it is the due
        time, at which nobody is told: until then a newer calendar may move it.
    """
    if not interval.running or interval.due_at is None or interval.ended_at is not None:
        return None
    if rung == 0:
        until_warning = interval.left_s - interval.budget_s * (_WHOLE - warn_percent) // _WHOLE
        return timing.add(interval.started_at, until_warning * _SECOND) if until_warning > 0 else interval.started_at
    if rung > len(rungs_after_s):
        return interval.due_at if rung == 1 else None
    after_s = rungs_after_s[rung - 1]
    return timing.add(interval.due_at, after_s * _SECOND) if after_s else interval.due_at
