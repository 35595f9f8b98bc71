"""From the history of a case to its facts, pure: the same history and the same calendars give the same rows, always.

A step begins a stay, which lasts until the next step. Days are those of China. Time that works is counted by the
calendar that was in force at the end of what is counted; due times by the one in force at the instant that is asked
about, so that a later change of the calendar never makes a day that has passed any different.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from services.intake.calendar.rules import TooFar, WorkCalendar
from services.intake.cases.terms import Action, State
from services.intake.clocks.rules import ClockKind, ClockOp
from services.intake.facts.calendars import Calendars
from services.intake.facts.timing import ClockTotal, Run, due_at, runs_of, totals
from shared.clock import CHINA

__all__ = [
    "ANSWERS",
    "GRACE",
    "UNJUDGED",
    "CaseRow",
    "CountedCase",
    "CountedDay",
    "CountedStep",
    "Effect",
    "StepRow",
    "count_case",
    "day_of",
    "differing",
    "end_of",
    "first_touched",
    "last_over",
    "start_of",
]

# The level of what nobody has judged yet, where a level is part of a key.
UNJUDGED: Final = "unjudged"
# What the requester hears as an answer.
ANSWERS: Final = frozenset({Action.REPLY, Action.PROGRESS, Action.RESOLVE, Action.DECLINE})
_IMPORTED: Final = frozenset({"import", "import_close"})
# A step is dated right before its transaction gets its number, and no statement lasts as long as this.
GRACE: Final = timedelta(minutes=10)
_DAY: Final = timedelta(days=1)
# When these differ, it is clear from which day on; and some of them no day is counted from.
_TIMES: Final = frozenset(
    {"until_at", "dues_from", "dues", "calendar_s", "working_s", "step", "channel", "unit_id", "actor_kind"}
)
_SECOND: Final = timedelta(seconds=1)


class Effect(StrEnum):
    """What a step does to the figures of its day."""

    OPENED = "opened"
    ACCEPTED = "accepted"
    RESOLVED = "resolved"
    CLOSED = "closed"
    REOPENED = "reopened"
    # A merge was taken back: the case is open again, and nobody had to ask for it.
    RESTORED = "restored"


@dataclass(frozen=True, slots=True)
class CaseRow:
    """What is read of a case: nothing of a person, and no words."""

    id: UUID
    area_path: str
    category: str
    channel: str
    anonymous: bool
    collective: bool
    joiners: int
    state: str
    level: str | None
    unit_id: UUID | None
    outcome: str | None
    reopened: int
    hand_overs: int
    filed_at: datetime
    closed_at: datetime | None
    version: int


@dataclass(frozen=True, slots=True)
class StepRow:
    """What is read of a step."""

    position: int
    step: str
    from_state: str | None
    to_state: str
    level: str | None
    unit_id: UUID | None
    actor: str
    at: datetime
    ops: tuple[ClockOp, ...]


@dataclass(frozen=True, slots=True)
class CountedStep:
    """The fact of a step; see `models.TransitionFact`."""

    case_id: UUID
    position: int
    area_path: str
    category: str
    channel: str
    step: str
    effect: str | None
    from_state: str | None
    to_state: str
    level: str | None
    unit_id: UUID | None
    actor_kind: str
    at: datetime
    day: date
    until_at: datetime | None
    calendar_s: int | None
    working_s: int | None
    dues_from: list[datetime]
    dues: list[datetime | None]


@dataclass(frozen=True, slots=True)
class CountedCase:
    """The fact of a case; see `models.CaseFact`."""

    case_id: UUID
    area_path: str
    category: str
    channel: str
    level: str | None
    unit_id: UUID | None
    state: str
    outcome: str | None
    anonymous: bool
    collective: bool
    joiners: int
    filed_at: datetime
    filed_on: date
    accepted_at: datetime | None
    first_reply_at: datetime | None
    resolved_at: datetime | None
    closed_at: datetime | None
    accept_s: int | None
    accept_kept: bool | None
    first_reply_s: int | None
    first_reply_kept: bool | None
    resolve_s: int | None
    resolve_kept: bool | None
    verdict_s: int | None
    verdict_kept: bool | None
    reopened: int
    hand_overs: int
    appeals: int
    supervised: int
    calendar_version: int
    version: int


@dataclass(frozen=True, slots=True)
class CountedDay:
    """The fact of a day, an area, a category and a level; see `models.DayFact`."""

    day: date
    area_path: str
    category: str
    level: str
    opened: int
    accepted: int
    resolved: int
    closed: int
    reopened: int
    backlog: int
    overdue: int


def day_of(instant: datetime) -> date:
    """Return the day in China on which an instant lies."""
    return instant.astimezone(CHINA).date()


def start_of(day: date) -> datetime:
    """Return the first instant of a day."""
    return datetime(day.year, day.month, day.day, tzinfo=CHINA)


def end_of(day: date) -> datetime:
    """Return the first instant that no longer belongs to a day."""
    return start_of(day) + _DAY


def last_over(read_through: datetime) -> date:
    """Return the last day that is over, and of which everything is read, when all is read up to an instant."""
    return day_of(read_through - GRACE) - _DAY


def count_case(case: CaseRow, steps: Sequence[StepRow], calendars: Calendars) -> tuple[CountedCase, list[CountedStep]]:
    """Return the facts of a case and of its steps.

    Args:
        case: as it stands.
        steps: its whole history, in order, as of the same instant.
        calendars: of its tenant.
    """
    runs = runs_of([(step.at, step.ops) for step in steps])
    effects = _effects(steps)
    counted = []
    for place, step in enumerate(steps):
        before = steps[place - 1] if place else None
        until = steps[place + 1].at if place + 1 < len(steps) else None
        dues = _dues(runs, step.at, until, calendars)
        counted.append(
            CountedStep(
                case_id=case.id,
                position=step.position,
                area_path=case.area_path,
                category=case.category,
                channel=case.channel,
                step=step.step,
                effect=effects.get(step.position),
                from_state=step.from_state,
                to_state=step.to_state,
                level=step.level,
                unit_id=step.unit_id,
                actor_kind=step.actor.partition("/")[0],
                at=step.at,
                day=day_of(step.at),
                until_at=until,
                calendar_s=(step.at - before.at) // _SECOND if before else None,
                working_s=_working_s(calendars.at(step.at), before.at, step.at) if before else None,
                dues_from=[since for since, _ in dues],
                dues=[due for _, due in dues],
            )
        )
    return _whole(case, steps, effects, totals(runs, calendars), calendars), counted


def _working_s(calendar: WorkCalendar, start: datetime, end: datetime) -> int | None:
    """Count working seconds; None for what no calendar reaches, such as a case from decades ago."""
    try:
        return calendar.between(start, end) // _SECOND
    except TooFar:
        return None


def _dues(
    runs: Sequence[Run], start: datetime, end: datetime | None, calendars: Calendars
) -> list[tuple[datetime, datetime | None]]:
    """Return what is due next during a stay, from when on: a change of the calendar may move it."""
    found: list[tuple[datetime, datetime | None]] = []
    for since in (start, *calendars.changes(start, end)):
        due = due_at(runs, start, calendars.at(since))
        if (found and found[-1][1] != due) or (not found and due is not None):
            found.append((since, due))
    return found


def _effects(steps: Sequence[StepRow]) -> dict[int, str]:
    """Return what steps do to the figures, by position; most do nothing."""
    found: dict[int, str] = {}
    is_accepted = False
    for step in steps:
        effect = _effect(step)
        if effect is Effect.ACCEPTED:
            # Judged anew after an appeal, a case was accepted before; when one that came in a table was, nobody knows.
            effect = None if is_accepted or step.step in _IMPORTED else effect
            is_accepted = True
        if effect is not None:
            found[step.position] = effect.value
    return found


def _effect(step: StepRow) -> Effect | None:
    if step.from_state is None:
        return Effect.OPENED
    if step.from_state == step.to_state:
        return None
    if step.step == Action.UNMERGE:
        return Effect.RESTORED
    known = {State.CLOSED: Effect.CLOSED, State.RESOLVED: Effect.RESOLVED, State.REOPENED: Effect.REOPENED}
    if step.to_state in known:
        return known[State(step.to_state)]
    return Effect.ACCEPTED if step.from_state == State.FILED else None


def _whole(
    case: CaseRow,
    steps: Sequence[StepRow],
    effects: dict[int, str],
    clocks: dict[ClockKind, ClockTotal],
    calendars: Calendars,
) -> CountedCase:
    ats = {effects[step.position]: step.at for step in steps if step.position in effects}
    replied = next((step.at for step in steps if step.step in ANSWERS), None)
    is_closed = case.state == State.CLOSED
    spent = {kind: clocks.get(kind, ClockTotal(None, None)) for kind in ClockKind}
    return CountedCase(
        case_id=case.id,
        area_path=case.area_path,
        category=case.category,
        channel=case.channel,
        level=case.level,
        unit_id=case.unit_id,
        state=case.state,
        outcome=case.outcome,
        anonymous=case.anonymous,
        collective=case.collective,
        joiners=case.joiners,
        filed_at=case.filed_at,
        filed_on=day_of(case.filed_at),
        accepted_at=ats.get(Effect.ACCEPTED.value),
        first_reply_at=replied,
        resolved_at=_solved_at(steps),
        closed_at=case.closed_at,
        accept_s=spent[ClockKind.ACCEPT].spent_s,
        accept_kept=spent[ClockKind.ACCEPT].kept,
        first_reply_s=spent[ClockKind.FIRST_REPLY].spent_s,
        first_reply_kept=spent[ClockKind.FIRST_REPLY].kept,
        resolve_s=spent[ClockKind.RESOLVE].spent_s,
        resolve_kept=spent[ClockKind.RESOLVE].kept,
        verdict_s=spent[ClockKind.VERDICT].spent_s,
        verdict_kept=spent[ClockKind.VERDICT].kept,
        reopened=case.reopened,
        hand_overs=case.hand_overs,
        appeals=sum(step.step == Action.APPEAL for step in steps),
        supervised=sum(step.step == Action.SUPERVISE for step in steps),
        calendar_version=(calendars.at(steps[-1].at) if is_closed else calendars.newest).version,
        version=case.version,
    )


def _solved_at(steps: Sequence[StepRow]) -> datetime | None:
    """Return when a case was solved for good: one that went on afterwards was not."""
    solved = None
    for step in steps:
        if step.to_state not in {State.RESOLVED, State.CLOSED}:
            solved = None
        elif step.to_state == State.RESOLVED and step.from_state != State.RESOLVED:
            solved = step.at
    return solved


def differing(stored: object, fresh: CountedCase | CountedStep | CountedDay) -> list[str]:
    """Return the names of the fields in which a stored row is not what it should be."""
    return [field.name for field in fields(fresh) if getattr(stored, field.name) != getattr(fresh, field.name)]


def first_touched(stored: CountedStep | None, fresh: CountedStep | None) -> date | None:
    """Return the first day whose figures change with the fact of a step; None when none does.

    Args:
        stored: as it is kept; None when it is new.
        fresh: as it should be; None when there is no such step.
    """
    if stored == fresh:
        return None
    if stored is None or fresh is None:
        known = stored or fresh
        return known.day if known else None
    if set(differing(stored, fresh)) - _TIMES:
        return min(stored.day, fresh.day)
    touched = _first_other_due(stored, fresh)
    if stored.until_at != fresh.until_at:
        touched += [min(one for one in (stored.until_at, fresh.until_at) if one is not None)]
    return min(day_of(instant) for instant in touched) if touched else None


def _first_other_due(stored: CountedStep, fresh: CountedStep) -> list[datetime]:
    """Return from when on the due times of a stay are others, if they are."""
    one, other = (list(zip(step.dues_from, step.dues, strict=True)) for step in (stored, fresh))
    common = 0
    while common < min(len(one), len(other)) and one[common] == other[common]:
        common += 1
    return [since for since, _ in (*one[common : common + 1], *other[common : common + 1])]
