"""Use cases of appeals: whoever decided does not answer, and whoever waits too long for an answer is not forgotten."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from services.intake.appeals import repository
from services.intake.appeals.models import Appeal
from services.intake.appeals.rules import NothingToAppeal
from services.intake.appeals.schemas import AppealAnswerIn, AppealIn
from services.intake.cases.locking import lock_case_if_free
from services.intake.cases.models import Case
from services.intake.cases.moving import Move, move
from services.intake.cases.service import let_go
from services.intake.cases.telling import about
from services.intake.cases.terms import Action, Outcome, State
from services.intake.escalation.rules import above
from services.intake.handling.service import Handling, handling_of
from services.intake.notifications.service import Told, tell
from services.intake.supervision.service import order_by_system
from shared.auth import Principal
from shared.clock import utc_now
from shared.db import WriteSession
from shared.ids import new_id
from shared.problems import Forbidden, NotFound
from shared.texts import Text

__all__ = ["answer_appeal", "climb", "make_appeal"]

_LATE = Text(
    zh="申诉逾期未答复。请书面说明原因并答复申诉人。",
    en="An appeal was not answered in time. Say in writing why, and answer whoever has appealed.",
)


async def make_appeal(session: WriteSession, caller: Principal, case: Case, wanted: AppealIn) -> Appeal:
    """Ask somebody else to look at the level of a case, or at why it was declined; meanwhile the case goes on.

    Raises:
        NothingToAppeal: nobody has judged it.
    """
    decision = await repository.last_decision(session, case.id)
    if decision is None:
        raise NothingToAppeal
    appeal = Appeal(
        tenant_id=session.tenant,
        id=new_id(),
        case_id=case.id,
        against="decline" if decision.step == Action.DECLINE else "triage",
        decided_by=decision.actor,
        reason=wanted.reason,
        state="open",
        rung=0,
    )
    case.appeal_open = True
    data = {"appeal_id": str(appeal.id), "against": appeal.against}
    appeal.made_at = await move(session, case, Move(Action.APPEAL, caller.actor, note=wanted.reason, data=data))
    handling = await handling_of(session)
    appeal.due_at = handling.calendar.add(appeal.made_at, timedelta(minutes=handling.rules.appeal_minutes))
    appeal.next_at = _next_at(appeal, handling)
    session.add(appeal)
    return appeal


def _next_at(appeal: Appeal, handling: Handling) -> datetime | None:
    """Return when somebody further up is told next that an appeal is late; None at the end of the ladder."""
    rungs = handling.rules.appeal_rungs
    if appeal.rung >= len(rungs):
        return None
    return handling.calendar.add(appeal.due_at, timedelta(minutes=rungs[appeal.rung].after_minutes))


async def climb(session: WriteSession, case_id: UUID) -> bool:
    """Tell whoever is next further up that an appeal is late, and whoever has made it that they were told.

    Returns:
        Whether it was told here: not when somebody else is at the case, or has answered or told it meanwhile.
    """
    case = await lock_case_if_free(session, case_id)
    appeal = await repository.open_appeal(session, case_id) if case is not None else None
    if case is None or appeal is None or appeal.next_at is None or appeal.next_at > utc_now():
        return False
    handling = await handling_of(session)
    if appeal.rung >= len(handling.rules.appeal_rungs):
        # The ladder has become shorter meanwhile.
        appeal.next_at = None
        return False
    rung = handling.rules.appeal_rungs[appeal.rung]
    appeal.rung += 1
    appeal.next_at = _next_at(appeal, handling)
    path = above(case.area_path, rung.up)
    data: dict[str, Any] = {
        "appeal_id": str(appeal.id),
        "rung": appeal.rung,
        "due_at": appeal.due_at.isoformat(),
        "told_path": path,
        "told_roles": [role.value for role in rung.roles],
    }
    await move(session, case, Move("appeal_late", "system", data=data))
    await tell(session, Told("appeal_due", case.id, about(case), roles=[(role, path) for role in rung.roles]))
    if rung.supervise:
        await order_by_system(session, case, unit_id=None, cause="overdue", demand=_LATE)
    return True


async def answer_appeal(session: WriteSession, caller: Principal, case: Case, wanted: AppealAnswerIn) -> Appeal:
    """Uphold an appeal, and the case is judged anew; or reject it, and the decision stands.

    A case that has ended otherwise meanwhile (withdrawn, merged, closed) stays so: the appeal is only answered.
    """
    appeal = await repository.open_appeal(session, case.id)
    if appeal is None:
        raise NotFound
    if appeal.decided_by == caller.actor:
        raise Forbidden(rule="whoever_decided_does_not_answer")
    case.appeal_open = False
    appeal.state, appeal.answer, appeal.answered_by = wanted.decision, wanted.answer, caller.actor
    appeal.next_at = None
    data = {"appeal_id": str(appeal.id), "decision": wanted.decision}
    target = None
    has_ended = case.state == State.CLOSED and case.outcome != Outcome.DECLINED
    if wanted.decision == "upheld" and not has_ended:
        data["left_unit"] = str(case.unit_id) if case.unit_id else ""
        let_go(case)
        case.level, case.triage, case.outcome = None, None, None
        target = State.ACCEPTED
    wanted_move = Move(Action.ANSWER_APPEAL, caller.actor, target, note=wanted.answer, data=data)
    appeal.answered_at = await move(session, case, wanted_move)
    return appeal
