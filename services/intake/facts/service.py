"""Use cases of counting, each one batch of a turn: who holds the lock of the progress counts, others come again.

A batch sees one snapshot. It leaves the facts of some cases as their histories tell them, whatever they were, so that
a batch that is repeated, or overtaken by another worker's, does no harm.
"""

import asyncio
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final
from uuid import UUID

from services.intake.calendar.service import calendar_of
from services.intake.facts import repository
from services.intake.facts.calendars import BEGINNING, Calendars
from services.intake.facts.models import FactProgress
from services.intake.facts.repository import Changed
from services.intake.facts.rules import (
    CaseRow,
    CountedCase,
    CountedDay,
    CountedStep,
    StepRow,
    count_case,
    first_touched,
    last_over,
)
from services.intake.sync.repository import database_state
from shared.clock import utc_now
from shared.db import Session, WriteSession

__all__ = [
    "CASES_AT_ONCE",
    "DayDifference",
    "Difference",
    "Pass",
    "begin",
    "calendars_of",
    "close_days",
    "compared",
    "day_differences",
    "fill",
    "follow_calendar",
    "keep",
    "keep_day",
    "over_through",
    "read_steps",
]

CASES_AT_ONCE: Final = 200
_STEPS_AT_ONCE: Final = 2_000
_DAYS_AT_ONCE: Final = 10
_KEYS_AT_ONCE: Final = 1_000
_TENANTS_MAX: Final = 1_000
_DAY: Final = timedelta(days=1)

_calendars: dict[str, Calendars] = {}


@dataclass(frozen=True, slots=True)
class Pass:
    """A walk through the steps of some transactions.

    Attributes:
        upper: steps of transactions from here on belong to the next pass.
        following: the first transaction that was not visible when this pass began: there the next one begins.
        after: the last case that was read.
    """

    upper: int
    following: int
    after: Changed | None


@dataclass(frozen=True, slots=True)
class Difference:
    """The facts of a case as they should be, beside what is kept.

    Attributes:
        case: as it should be.
        stored: as it is kept.
        put: facts of steps that are kept otherwise, or not at all.
        surplus: facts of steps that there are not.
        touched_on: the first day whose figures change.
    """

    case: CountedCase
    stored: CountedCase | None
    put: list[CountedStep]
    surplus: list[CountedStep]
    touched_on: date | None

    @property
    def is_none(self) -> bool:
        """Whether all is kept as it should be."""
        return self.case == self.stored and not self.put and not self.surplus


async def calendars_of(session: Session) -> Calendars:
    """Return all versions of the tenant's calendar; a process reads each once."""
    known = _calendars.get(session.tenant)
    if known is not None and not await repository.calendar_versions(session, known.newest.version):
        return known
    every = await repository.calendar_versions(session, 0)
    versions = [(BEGINNING, await calendar_of(session, 0))]
    versions += [(set_at, await calendar_of(session, version)) for version, set_at in every]
    found = Calendars(versions)
    if len(_calendars) >= _TENANTS_MAX:
        _calendars.clear()
    _calendars[session.tenant] = found
    return found


async def begin(session: WriteSession) -> None:
    """Begin to count a tenant: everything that is there, then what comes."""
    state = await database_state(session)
    await repository.add_progress(session, epoch=state.epoch, lower_xid=state.xmin)


async def fill(session: WriteSession, progress: FactProgress, _: None) -> bool:
    """Count cases in the order of their ids, at first and after a restore. Returns whether there is more to fill."""
    state = await database_state(session)
    if progress.epoch != state.epoch:
        # Another database, or an older state of this one: its transactions are counted anew.
        progress.epoch, progress.lower_xid, progress.filling = state.epoch, state.xmin, True
        progress.filled_to, progress.mark_xid, progress.mark_at = None, None, None
    if not progress.filling:
        return False
    ids = await repository.case_ids_after(session, progress.filled_to, limit=_KEYS_AT_ONCE)
    taken = await _catch_up(session, progress, ids)
    if taken:
        progress.filled_to = ids[taken - 1]
    progress.filling = bool(ids)
    return progress.filling


async def read_steps(session: WriteSession, progress: FactProgress, place: Pass | None) -> Pass | None:
    """Count cases with steps of transactions that were not read yet.

    What was not visible when the pass began has a transaction of at least `following`: the next pass reads it.

    Returns:
        Where to go on; None when the pass is done.
    """
    now = utc_now()
    state = await database_state(session)
    here = place or Pass(state.xmax, state.xmin, None)
    if progress.mark_xid is None:
        progress.mark_xid, progress.mark_at = state.xmax, now
    lower = progress.lower_xid
    keys = await repository.changed_cases(session, lower=lower, upper=here.upper, after=here.after, limit=_KEYS_AT_ONCE)
    taken = await _catch_up(session, progress, [key.case_id for key in keys])
    if taken < len(keys) or taken == _KEYS_AT_ONCE:
        last = keys[taken - 1]
        # Of the last transaction itself more may be to come.
        progress.lower_xid = max(lower, min(here.following, last.xid))
        return Pass(here.upper, here.following, last)
    progress.lower_xid = max(lower, here.following)
    if progress.lower_xid >= progress.mark_xid:
        progress.read_through, progress.mark_xid, progress.mark_at = progress.mark_at, None, None
    return None


async def _catch_up(session: WriteSession, progress: FactProgress, case_ids: Sequence[UUID]) -> int:
    """Count those of some cases that have steps which are not in their facts.

    Returns:
        How many of the ids, from the first on, are as they should be now: as many as a batch may take.
    """
    behind = await repository.outdated(session, case_ids) if case_ids else {}
    work: set[UUID] = set()
    taken = steps = 0
    for case_id in case_ids:
        if case_id in behind and case_id not in work:
            steps += behind[case_id]
            if work and (len(work) >= CASES_AT_ONCE or steps > _STEPS_AT_ONCE):
                break
            work.add(case_id)
        taken += 1
    await keep(session, progress, await compared(session, work))
    return taken


async def follow_calendar(session: WriteSession, progress: FactProgress, _: None) -> bool:
    """Count open cases again that an older calendar has counted. Returns whether there may be more."""
    newest = (await calendars_of(session)).newest.version
    ids = await repository.outdated_calendars(session, newest, limit=CASES_AT_ONCE)
    await keep(session, progress, await compared(session, ids))
    return bool(ids)


async def compared(session: Session, case_ids: Collection[UUID]) -> list[Difference]:
    """Count some cases from their histories, and compare what is kept of them."""
    if not case_ids:
        return []
    calendars = await calendars_of(session)
    histories = await repository.histories(session, case_ids)
    cases = await repository.stored_cases(session, case_ids)
    steps = await repository.stored_steps(session, case_ids)
    return await asyncio.to_thread(_compare, histories, cases, steps, calendars)


def _compare(
    histories: Sequence[tuple[CaseRow, list[StepRow]]],
    cases: Mapping[UUID, CountedCase],
    steps: Mapping[tuple[UUID, int], CountedStep],
    calendars: Calendars,
) -> list[Difference]:
    surplus: dict[UUID, list[CountedStep]] = defaultdict(list)
    lengths = {case.id: len(history) for case, history in histories}
    for (case_id, position), step in steps.items():
        if position > lengths.get(case_id, 0):
            surplus[case_id].append(step)
    found = []
    for case, history in histories:
        fact, counted = count_case(case, history, calendars)
        pairs = [(steps.get((case.id, one.position)), one) for one in counted]
        put = [fresh for stored, fresh in pairs if stored != fresh]
        days = [first_touched(stored, fresh) for stored, fresh in pairs]
        days += [step.day for step in surplus[case.id]]
        touched = min((day for day in days if day is not None), default=None)
        found.append(Difference(fact, cases.get(case.id), put, surplus[case.id], touched))
    return found


async def keep(session: WriteSession, progress: FactProgress, differences: Sequence[Difference]) -> None:
    """Keep the facts of cases as they should be; days whose figures change are counted again."""
    wrong = [one for one in differences if not one.is_none]
    if not wrong:
        return
    progress.batches += 1
    await repository.put_cases(session, [one.case for one in wrong if one.case != one.stored])
    await repository.put_steps(session, [step for one in wrong for step in one.put])
    surplus = [(step.case_id, step.position) for one in wrong for step in one.surplus]
    if surplus:
        await repository.remove_steps(session, surplus)
    touched = min((one.touched_on for one in wrong if one.touched_on is not None), default=None)
    if touched is not None and progress.frozen_through is not None:
        progress.frozen_through = min(progress.frozen_through, touched - _DAY)


async def close_days(session: WriteSession, progress: FactProgress, _: None) -> bool:
    """Count days that are over and of which everything is read. Returns whether there may be more."""
    last, through = over_through(progress), progress.frozen_through
    day = await repository.first_day(session) if through is None else through + _DAY
    for _number in range(_DAYS_AT_ONCE):
        if day is None or last is None or day > last:
            return False
        await keep_day(session, progress, await day_differences(session, day))
        progress.frozen_through = day
        day += _DAY
    return True


def over_through(progress: FactProgress) -> date | None:
    """Return the last day that is over and of which everything is read."""
    return last_over(progress.read_through) if progress.read_through is not None else None


@dataclass(frozen=True, slots=True)
class DayDifference:
    """Rows of a day that are kept otherwise than they should be: what to keep, and what to remove."""

    put: list[CountedDay]
    surplus: list[CountedDay]


async def day_differences(session: Session, day: date) -> DayDifference:
    """Count a day, and compare what is kept of it."""
    fresh = await repository.day_counted(session, day)
    stored = await repository.day_stored(session, day)
    known, wanted = set(stored), {_key(row) for row in fresh}
    put = [row for row in fresh if row not in known]
    return DayDifference(put, [row for row in stored if _key(row) not in wanted])


def _key(row: CountedDay) -> tuple[str, str, str]:
    return (row.area_path, row.category, row.level)


async def keep_day(session: WriteSession, progress: FactProgress, difference: DayDifference) -> None:
    """Keep the rows of a day as they should be."""
    progress.batches += 1
    await repository.put_days(session, difference.put)
    await repository.remove_day_rows(session, difference.surplus)
