"""Use cases of checks: everything is counted again from the histories and compared, and mended if that was wanted.

A check goes on in the turns of counting, batch by batch, and can be left at any of them. A case whose last steps are
not read yet is not wrong: it is counted as unread.
"""

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any, Final
from uuid import UUID

from services.intake.facts import checks_repository, repository, service
from services.intake.facts.models import FactCheck, FactProgress
from services.intake.facts.rules import CountedDay, differing
from services.intake.facts.schemas import FactCheckIn
from services.intake.facts.service import DayDifference, Difference
from shared.auth import Principal
from shared.clock import utc_now
from shared.db import WriteSession
from shared.ids import new_id
from shared.problems import IdTaken

__all__ = ["ask", "go_on"]

_DAYS_AT_ONCE: Final = 10
_FOUND_MAX: Final = 100
_DAY: Final = timedelta(days=1)


async def ask(session: WriteSession, caller: Principal, wanted: FactCheckIn) -> tuple[FactCheck, bool]:
    """Ask for a check.

    Returns:
        The check and whether it is new: the same id with the same wish is the same check.

    Raises:
        IdTaken: the id names a check of another kind.
    """
    earlier = await checks_repository.find(session, wanted.id) if wanted.id else None
    if earlier is not None:
        if (earlier.repair, earlier.asked_by) != (wanted.repair, caller.actor):
            raise IdTaken(pointer="/id")
        return earlier, False
    check = FactCheck(
        tenant_id=session.tenant,
        id=wanted.id or new_id(),
        repair=wanted.repair,
        state="queued",
        asked_by=caller.actor,
        asked_at=utc_now(),
        cases=0,
        unread=0,
        days=0,
        differences=0,
        found=[],
    )
    session.add(check)
    await session.flush()
    return check, True


async def go_on(session: WriteSession, progress: FactProgress, _: None) -> bool:
    """Go on with the oldest check that is not done: some cases, or when all are looked at, some days.

    Returns:
        Whether there may be more to do.
    """
    check = await checks_repository.lock_oldest(session)
    if check is None or progress.filling:
        return False
    progress.batches += 1
    check.state = "running"
    ids = await repository.case_ids_after(session, check.cases_to, limit=service.CASES_AT_ONCE)
    if ids:
        await _look_at_cases(session, progress, check, ids)
        return True
    if not await _look_at_days(session, progress, check):
        check.state, check.finished_at = "done", utc_now()
    return True


async def _look_at_cases(session: WriteSession, progress: FactProgress, check: FactCheck, ids: list[UUID]) -> None:
    unread = await repository.outdated(session, ids)
    differences = await service.compared(session, set(ids) - unread.keys())
    wrong = [one for one in differences if not one.is_none]
    _note(check, (_about_case(one) for one in wrong), len(wrong))
    if check.repair:
        await service.keep(session, progress, wrong)
    check.cases += len(ids)
    check.unread += len(unread)
    check.cases_to = ids[-1]


def _about_case(one: Difference) -> dict[str, Any]:
    names = differing(one.stored, one.case) if one.stored is not None else []
    steps = sorted(step.position for step in (*one.put, *one.surplus))
    return {"case_id": str(one.case.case_id), "fields": names, "steps": steps[:_FOUND_MAX]}


async def _look_at_days(session: WriteSession, progress: FactProgress, check: FactCheck) -> bool:
    """Look at some days; returns False when there are no more."""
    last, first = progress.frozen_through, await repository.first_day(session)
    if check.days_to is None:
        await _look_outside(session, progress, check, first)
    if last is None or first is None:
        return False
    day = first if check.days_to is None else check.days_to + _DAY
    for _number in range(_DAYS_AT_ONCE):
        if day > last:
            return False
        await _look_at_day(session, progress, check, day, await service.day_differences(session, day))
        check.days += 1
        check.days_to = day
        day += _DAY
    return True


async def _look_outside(session: WriteSession, progress: FactProgress, check: FactCheck, first: date | None) -> None:
    """Look at rows of days before anything happened, and of days that are not over."""
    for day in await repository.days_outside(session, first, service.over_through(progress)):
        surplus = DayDifference([], await repository.day_stored(session, day))
        await _look_at_day(session, progress, check, day, surplus)


async def _look_at_day(
    session: WriteSession, progress: FactProgress, check: FactCheck, day: date, found: DayDifference
) -> None:
    rows: list[CountedDay] = [*found.put, *found.surplus]
    if not rows:
        return
    about = (
        {"day": day.isoformat(), "area_path": row.area_path, "category": row.category, "level": row.level}
        for row in rows
    )
    _note(check, about, len(rows))
    if check.repair:
        await service.keep_day(session, progress, found)


def _note(check: FactCheck, found: Iterable[dict[str, Any]], count: int) -> None:
    check.differences += count
    check.found = [*check.found, *found][:_FOUND_MAX]
