"""How every step of a case is taken: the case moves, its clocks follow, the step is written, in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from services.intake.cases.locking import CaseFile, in_hand
from services.intake.cases.models import Case
from services.intake.cases.repository import Resolution
from services.intake.cases.rules import clock_ops
from services.intake.cases.telling import told_of
from services.intake.cases.terms import ENDED, Action, Level, Outcome, State
from services.intake.cases.writing import Line, write_step
from services.intake.claims import repository as claims
from services.intake.claims.rules import ClaimState
from services.intake.clocks.rules import ClockKind, ClockOp
from services.intake.handling.service import Handling, handling_of
from services.intake.notifications.service import rows_of, send_outside
from shared.clock import utc_now
from shared.db import WriteSession

__all__ = ["Move", "budget_of", "move", "ops_as_json", "subject_of"]

_DAY_S: Final = 86_400
# Steps that act on a clock although the case stays where it is.
_TIMED: Final = frozenset({Action.PROGRESS, Action.REPLY, Action.PAUSE, Action.RESUME})
_CLAIM_ENDS: Final[dict[str, ClaimState]] = {
    Action.RESOLVE: ClaimState.DONE,
    Action.HAND_ON: ClaimState.HANDED_ON,
    "lapse": ClaimState.LAPSED,
}


@dataclass(frozen=True, slots=True)
class Move:
    """One step that is to be taken.

    Attributes:
        step: its name in the history.
        actor: who takes it, as events name them.
        target: the state that it leads to; None when the case stays where it is.
        outcome: what came of the case, when it is closed.
        note: what was said.
        data: what else the history should keep; ids and public words only.
        reason: why a clock is paused.
    """

    step: str
    actor: str
    target: State | None = None
    outcome: Outcome | None = None
    note: str | None = None
    data: dict[str, Any] = field(default_factory=dict)
    reason: str | None = None


def subject_of(case: Case) -> str:
    """Return the subject of a case's events."""
    return f"case/{case.id}"


def budget_of(kind: ClockKind, category: str, level: str | None, handling: Handling) -> int:
    """Return the limit of a clock, in seconds that count for it."""
    if kind is ClockKind.VERDICT:
        return handling.rules.silence_days * _DAY_S
    return handling.rules.limit_s(kind, category, Level(level) if level else None)


def ops_as_json(ops: Sequence[ClockOp]) -> list[dict[str, Any]]:
    """Write down what a step did to the clocks."""
    written = []
    for op in ops:
        one: dict[str, Any] = {"clock": op.kind.value, "verb": op.verb.value}
        if op.budget_s is not None:
            one["budget_s"] = op.budget_s
        if op.reason is not None:
            one["reason"] = op.reason
        written.append(one)
    return written


async def move(session: WriteSession, case: Case, wanted: Move, *, tells: bool = True) -> datetime:
    """Take a step: the case is locked, allowed to take it, and already has its new level and unit.

    Whoever is concerned is told, unless the caller tells them about many steps at once.

    Returns:
        When. Never before the step that came before it, whatever the clocks of two machines say.
    """
    file = in_hand(session, case)
    now = max(utc_now(), case.updated_at + timedelta(microseconds=1))
    before = case.state
    if wanted.target is not None:
        case.state = wanted.target.value
        case.paused_reason = None
        case.closed_at = now if wanted.target is State.CLOSED else None
        if wanted.target is State.CLOSED:
            case.outcome = wanted.outcome.value if wanted.outcome else None
        # A case that was merged while it was open again is where it was, and not opened once more.
        case.reopened += 1 if wanted.target is State.REOPENED and wanted.step != Action.UNMERGE else 0
    case.updated_at = now
    case.version += 1
    done = await _time(session, file, wanted, now) if wanted.target or wanted.step in _TIMED else []
    await _claims_follow(session, file, wanted, before, now)
    if case.state in ENDED and before not in ENDED:
        file.resolution = Resolution(wanted.step, wanted.note, wanted.data, now)
    line = Line(wanted.step, before, wanted.actor, wanted.note, wanted.data, ops_as_json(done))
    with session.no_autoflush:
        told = rows_of(session, await told_of(session, case, wanted), now) if tells else []
    reachable = await write_step(session, case, line, file.clocks.take_changed(), told)
    await send_outside(session, told, reachable)
    return now


async def _time(session: WriteSession, file: CaseFile, wanted: Move, now: datetime) -> list[ClockOp]:
    """Let the clocks follow a step."""
    case = file.case
    handling = await handling_of(session)
    ops = clock_ops(
        wanted.step, wanted.target, lambda kind: budget_of(kind, case.category, case.level, handling), wanted.reason
    )
    done = file.clocks.act(now, ops, handling)
    if case.state == State.CLAIMED and wanted.target is None:
        await _lease_follows(session, case.id, wanted.step, now, handling)
    return done


async def _lease_follows(session: WriteSession, case_id: UUID, step: str, now: datetime, handling: Handling) -> None:
    """Let progress renew a lease, and let it stand still while the clock does: what was left of it is left after."""
    calendar = handling.calendar
    if step == Action.PROGRESS:
        lease = timedelta(minutes=handling.rules.lease_minutes)
        await claims.renew_claim(session, case_id, calendar.add(now, lease))
    elif step in {Action.PAUSE, Action.RESUME}:
        claim = await claims.active_claim(session, case_id)
        if claim is not None and step == Action.PAUSE:
            left = calendar.between(now, claim.lease_until) if claim.lease_until > now else timedelta(0)
            claim.lease_left_s = int(left.total_seconds())
        elif claim is not None and claim.lease_left_s is not None:
            claim.lease_until = calendar.add(now, timedelta(seconds=claim.lease_left_s))
            claim.lease_left_s = None


async def _claims_follow(session: WriteSession, file: CaseFile, wanted: Move, before: str, now: datetime) -> None:
    """End a claim when its case leaves the hands of its unit, and pass over offers when it was decided without them."""
    if wanted.target is None:
        return
    if before == State.CLAIMED:
        await claims.end_claim(session, file.case.id, _CLAIM_ENDS.get(wanted.step, ClaimState.TAKEN_AWAY), now)
    elif before == State.TRIAGED and wanted.step != Action.CHOOSE and file.has_offers:
        passed_over = await claims.pass_over(session, file.case.id)
        wanted.data["passed_over"] = [str(unit) for unit in passed_over]
