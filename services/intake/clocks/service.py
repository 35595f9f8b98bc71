"""Use cases of clocks: a step acts on them, a newer calendar counts them again, and the history can prove them."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from services.intake.calendar.rules import WorkCalendar
from services.intake.clocks import repository
from services.intake.clocks.models import ClockInterval
from services.intake.clocks.rules import (
    AROUND_THE_CLOCK,
    Clock,
    ClockKind,
    ClockOp,
    Interval,
    Timing,
    Verb,
    fold,
    next_moment,
)
from services.intake.handling.service import Handling
from shared.db import Session, WriteSession

__all__ = [
    "ClockView",
    "act_on_clocks",
    "first_interval",
    "rebuilt",
    "recount",
    "set_next",
    "spent_pauses",
    "timing_of",
    "view_clocks",
    "view_clocks_of",
]

_DAY_S: Final = 86_400
# The last day of the requester's time is the end of asking.
_VERDICT_RUNGS_S: Final = (0,)


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
    """

    clock: ClockKind
    run: int
    state: str
    due_at: datetime | None
    budget_s: int
    left_s: int
    reason: str | None


def timing_of(kind: ClockKind, calendar: WorkCalendar) -> Timing:
    """Return which time counts for a clock."""
    return AROUND_THE_CLOCK if kind is ClockKind.VERDICT else calendar


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


def first_interval(
    kind: ClockKind, budget_s: int, at: datetime, handling: Handling
) -> tuple[Interval, datetime | None]:
    """Return the interval with which a clock starts, and when something is to be told of it."""
    clock = Clock(timing_of(kind, handling.calendar))
    clock.apply(ClockOp(kind, Verb.START, budget_s), at)
    return clock.intervals[0], _next_at(clock.intervals[0], kind, 0, handling)


async def act_on_clocks(
    session: WriteSession, case_id: UUID, at: datetime, ops: Iterable[ClockOp], handling: Handling
) -> list[ClockOp]:
    """Let a step act on its case's clocks; the case is locked by the caller.

    Returns:
        What had an effect, for the history: a clock that does not run is not stopped.
    """
    wanted = list(ops)
    if not wanted:
        return []
    rows = await repository.intervals_of(session, case_id, {op.kind for op in wanted})
    done = []
    for op in wanted:
        runs = sorted(run for kind, run in rows if kind is op.kind)
        run = runs[-1] if runs else 0
        current = rows.get((op.kind, run), [])
        if op.verb is Verb.START:
            if current and current[-1].ended_at is None:
                continue
            run, current = run + 1, []
            rows[op.kind, run] = current
        clock = _clock_of(op.kind, current, handling)
        if clock.apply(op, at):
            done.append(op)
            _write(session, (case_id, op.kind, run), clock, current, handling)
    return done


def _interval_of(row: ClockInterval) -> Interval:
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


def _clock_of(kind: ClockKind, rows: Sequence[ClockInterval], handling: Handling) -> Clock:
    """Return a clock as it is stored, counted by the calendar in force."""
    timing = timing_of(kind, handling.calendar)
    clock = Clock(timing, [_interval_of(row) for row in rows])
    is_outdated = any(row.calendar_version != handling.calendar.version for row in rows)
    return clock.recounted(timing) if is_outdated and kind is not ClockKind.VERDICT else clock


def _write(
    session: WriteSession,
    key: tuple[UUID, ClockKind, int],
    clock: Clock,
    rows: list[ClockInterval],
    handling: Handling,
) -> None:
    """Store a clock: its rows follow it, new ones are added."""
    case_id, kind, run = key
    rung, tries = (rows[-1].rung, rows[-1].tries) if rows else (0, 0)
    for place, interval in enumerate(clock.intervals):
        if place == len(rows):
            row = ClockInterval(
                tenant_id=session.tenant, case_id=case_id, clock=kind.value, run=run, position=interval.position
            )
            session.add(row)
            rows.append(row)
        row = rows[place]
        row.running, row.reason, row.budget_s = interval.running, interval.reason, interval.budget_s
        row.started_at, row.ended_at, row.due_at = interval.started_at, interval.ended_at, interval.due_at
        row.left_s, row.left_end_s = interval.left_s, interval.left_end_s
        row.calendar_version = handling.calendar.version
        row.rung, row.tries = rung, tries
        row.next_at = _next_at(interval, kind, rung, handling)


def set_next(row: ClockInterval, rung: int, handling: Handling) -> None:
    """Move an interval that lasts to a rung of its ladder."""
    row.rung, row.tries = rung, 0
    row.next_at = _next_at(_interval_of(row), ClockKind(row.clock), rung, handling)


async def recount(session: WriteSession, case_id: UUID, kind: ClockKind, run: int, handling: Handling) -> None:
    """Count one run of a clock again by the calendar in force; the case is locked by the caller."""
    rows = (await repository.intervals_of(session, case_id, {kind})).get((kind, run), [])
    if rows:
        _write(session, (case_id, kind, run), _clock_of(kind, rows, handling), rows, handling)


async def view_clocks(session: Session, case_id: UUID, now: datetime, handling: Handling) -> list[ClockView]:
    """Show the newest run of each clock of a case."""
    return _newest(await repository.intervals_of(session, case_id), now, handling)


async def view_clocks_of(
    session: Session, case_ids: Collection[UUID], now: datetime, handling: Handling
) -> dict[UUID, list[ClockView]]:
    """Show the newest run of each clock of many cases."""
    found = await repository.intervals_of_many(session, case_ids)
    return {case_id: _newest(intervals, now, handling) for case_id, intervals in found.items()}


def _newest(
    intervals: Mapping[tuple[ClockKind, int], list[ClockInterval]], now: datetime, handling: Handling
) -> list[ClockView]:
    newest: dict[ClockKind, tuple[int, list[ClockInterval]]] = {}
    for (kind, run), rows in intervals.items():
        newest[kind] = (run, rows)
    return [_view(kind, run, rows, now, handling) for kind, (run, rows) in newest.items()]


def _view(kind: ClockKind, run: int, rows: list[ClockInterval], now: datetime, handling: Handling) -> ClockView:
    last = rows[-1]
    if last.ended_at is not None:
        return ClockView(kind, run, "stopped", last.due_at, last.budget_s, last.left_end_s or 0, None)
    if not last.running:
        return ClockView(kind, run, "paused", None, last.budget_s, last.left_s, last.reason)
    left = _clock_of(kind, rows, handling).left_s(now)
    return ClockView(kind, run, "running", last.due_at, last.budget_s, left, None)


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


async def spent_pauses(session: Session, case_id: UUID, now: datetime, handling: Handling) -> tuple[int, int]:
    """Return how often the clock of solving has stood still, and for how many working minutes in all."""
    times, minutes = 0, 0
    for rows in (await repository.intervals_of(session, case_id, {ClockKind.RESOLVE})).values():
        for row in rows:
            if not row.running:
                times += 1
                minutes += int(handling.calendar.between(row.started_at, row.ended_at or now).total_seconds()) // 60
    return times, minutes
