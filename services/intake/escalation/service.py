"""Use cases of escalation: one rung of one clock, and the clocks counted again."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from services.intake.calendar.rules import WorkCalendar
from services.intake.calendar.service import calendar_of
from services.intake.cases import repository as cases
from services.intake.cases.locking import in_hand, lock_case_if_free, lock_cases
from services.intake.cases.models import Case, CaseStep
from services.intake.cases.moving import Move, move
from services.intake.cases.service import resume_clock
from services.intake.cases.telling import about
from services.intake.cases.writing import write_clocks
from services.intake.clocks import repository
from services.intake.clocks.models import ClockInterval, Escalation
from services.intake.clocks.rules import ClockKind, ClockOp, Interval, Verb
from services.intake.clocks.service import rebuilt
from services.intake.clocks.sheet import StoredInterval
from services.intake.escalation.rules import above
from services.intake.handling.schemas import Rung
from services.intake.handling.service import Handling, handling_of
from services.intake.notifications.service import Told, tell
from services.intake.supervision.service import order_by_system
from services.intake.verdicts.service import close_silent
from shared.auth import Role
from shared.clock import CHINA, utc_now
from shared.db import Session, WriteSession
from shared.texts import Text

__all__ = ["climb", "differences", "put_off", "recount_clock", "stored_clocks"]

_BACKOFF_MAX: Final = timedelta(hours=1)
_OVERDUE = Text(
    zh="诉求办理已超期。请书面说明原因及完成时限。",
    en="The case is overdue. Say in writing why, and by when it will be done.",
)


async def climb(session: WriteSession, seen: ClockInterval) -> bool:
    """Climb the rung that is due on a clock, or let it run again when it has stood still as long as it may.

    Args:
        session: the transaction.
        seen: the interval as it was read, without a lock.

    Returns:
        Whether it was done here: not when somebody else is at the case, or the clock has moved on.
    """
    case = await lock_case_if_free(session, seen.case_id)
    clocks = in_hand(session, case).clocks if case is not None else None
    row = clocks.lasting(seen) if clocks is not None else None
    now = utc_now()
    if case is None or clocks is None or row is None or row.next_at is None or row.next_at > now:
        return False
    handling = await handling_of(session)
    if not row.running:
        return await _end_pause(session, case, row, handling)
    kind, rung = ClockKind(row.clock), row.rung
    if kind is not ClockKind.VERDICT and rung > len(handling.rules.rungs(kind)):
        # The ladder has become shorter since, or there is none: nobody is to be told.
        clocks.wait(row, None)
        await write_clocks(session, case.id, clocks.take_changed())
        return False
    climbed = Escalation(
        tenant_id=session.tenant,
        case_id=case.id,
        clock=row.clock,
        run=row.run,
        rung=rung,
        due_at=row.next_at,
        fired_at=now,
        told_path=_told_path(case, kind, rung, handling),
    )
    clocks.set_next(row, rung + 1, handling)
    await write_clocks(session, case.id, clocks.take_changed())
    if not await repository.add_escalation(session, climbed):
        return False
    if kind is ClockKind.VERDICT and rung > 0:
        await close_silent(session, case)
    elif rung > 0:
        await _tell_above(session, case, row, handling.rules.rungs(kind)[rung - 1], climbed)
    else:
        await _warn(session, case, row)
    return True


async def _end_pause(session: WriteSession, case: Case, row: StoredInterval, handling: Handling) -> bool:
    """Let a clock run again that has stood still as long as it may, by the rules as they are now."""
    clocks = in_hand(session, case).clocks
    if clocks.pause_ends_at(row, handling) > utc_now():
        clocks.set_next(row, row.rung, handling)
        await write_clocks(session, case.id, clocks.take_changed())
        return False
    await resume_clock(session, "system", case, None)
    return True


async def _warn(session: WriteSession, case: Case, row: StoredInterval) -> None:
    """Tell whoever has it in hand that the time is nearly over: the requester, the unit, or the area's staff."""
    due_on = {"due_on": row.due_at.astimezone(CHINA).date().isoformat()} if row.due_at else {}
    if row.clock == ClockKind.VERDICT:
        await tell(session, Told("verdict_reminder", case.id, about(case) | due_on, people=[case.requester_id]))
        return
    units = [case.unit_id] if case.unit_id is not None else []
    roles = [] if units else [(Role.GRID_WORKER, case.area_path)]
    await tell(session, Told("clock_warning", case.id, about(case) | due_on, units=units, roles=roles))


def _told_path(case: Case, kind: ClockKind, rung: int, handling: Handling) -> str:
    rungs = handling.rules.rungs(kind)
    return above(case.area_path, rungs[rung - 1].up) if 0 < rung <= len(rungs) else case.area_path


async def _tell_above(session: WriteSession, case: Case, row: StoredInterval, rung: Rung, climbed: Escalation) -> None:
    """Write into the history who has to look now, and demand an answer where the ladder says so."""
    data: dict[str, Any] = {
        "clock": row.clock,
        "rung": climbed.rung,
        "due_at": row.due_at.isoformat() if row.due_at else None,
        "told_path": climbed.told_path,
        "told_roles": [role.value for role in rung.roles],
    }
    await move(session, case, Move("escalate", "system", data=data))
    units = [case.unit_id] if case.unit_id is not None else []
    roles = [(role, climbed.told_path) for role in rung.roles]
    await tell(session, Told("clock_due", case.id, about(case), units=units, roles=roles))
    if rung.supervise:
        await order_by_system(session, case, unit_id=case.unit_id, cause="overdue", demand=_OVERDUE)


async def put_off(session: WriteSession, seen: ClockInterval) -> None:
    """Let a rung that fails wait, longer each time, so that it keeps nobody else from theirs.

    Not when the clock has moved on meanwhile: the next rung has its own time.
    """
    case = await lock_case_if_free(session, seen.case_id)
    if case is None:
        return
    clocks = in_hand(session, case).clocks
    row = clocks.lasting(seen)
    if row is not None and row.next_at is not None and (row.rung, row.next_at) == (seen.rung, seen.next_at):
        clocks.wait(row, utc_now() + min(_BACKOFF_MAX, timedelta(seconds=2.0 ** min(row.tries + 1, 12))))
        await write_clocks(session, case.id, clocks.take_changed())


async def recount_clock(session: WriteSession, seen: ClockInterval) -> None:
    """Count a clock again by the calendar in force."""
    case = (await lock_cases(session, {seen.case_id})).get(seen.case_id)
    if case is not None:
        clocks = in_hand(session, case).clocks
        clocks.recount(ClockKind(seen.clock), seen.run, await handling_of(session))
        await write_clocks(session, case.id, clocks.take_changed())


async def stored_clocks(session: Session, case_id: UUID) -> list[ClockInterval]:
    """Return all intervals of a case."""
    found = await repository.intervals_of(session, case_id)
    return [row for rows in found.values() for row in rows]


async def differences(session: Session, case_id: UUID) -> list[str]:
    """Count the clocks of a case again from its history, and name what is stored otherwise; nothing if all is well."""
    stored = await repository.intervals_of(session, case_id)
    calendars: dict[tuple[ClockKind, int], WorkCalendar] = {}
    known: dict[int, WorkCalendar] = {}
    for key, rows in stored.items():
        version = rows[-1].calendar_version
        if version not in known:
            known[version] = await calendar_of(session, version)
        calendars[key] = known[version]
    history = [(step.at, _ops(step)) for step in await _all_steps(session, case_id)]
    counted = rebuilt(history, calendars)
    return [
        f"{kind}/{run}"
        for kind, run in sorted(stored.keys() | counted.keys())
        if _plain(stored.get((kind, run), [])) != _plain(counted.get((kind, run), []))
    ]


async def _all_steps(session: Session, case_id: UUID) -> Sequence[CaseStep]:
    steps: list[CaseStep] = []
    while True:
        page = await cases.steps_of(session, case_id, after=steps[-1].position if steps else 0, limit=1_000)
        steps += page
        if not page:
            return steps


def _ops(step: CaseStep) -> list[ClockOp]:
    return [
        ClockOp(ClockKind(op["clock"]), Verb(op["verb"]), op.get("budget_s"), op.get("reason")) for op in step.clocks
    ]


def _plain(intervals: Sequence[Interval | ClockInterval]) -> list[tuple[object, ...]]:
    return [
        (
            one.position,
            one.running,
            one.reason,
            one.budget_s,
            one.started_at,
            one.ended_at,
            one.left_s,
            one.left_end_s,
            one.due_at,
        )
        for one in intervals
    ]
