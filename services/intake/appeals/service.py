"""Use cases of appeals: whoever decided does not answer."""

from services.intake.appeals import repository
from services.intake.appeals.models import Appeal
from services.intake.appeals.rules import NothingToAppeal
from services.intake.appeals.schemas import AppealAnswerIn, AppealIn
from services.intake.cases.models import Case
from services.intake.cases.moving import Move, move
from services.intake.cases.service import let_go
from services.intake.cases.terms import Action, Outcome, State
from shared.auth import Principal
from shared.db import WriteSession
from shared.ids import new_id
from shared.problems import Forbidden, NotFound

__all__ = ["answer_appeal", "make_appeal"]


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
    )
    case.appeal_open = True
    data = {"appeal_id": str(appeal.id), "against": appeal.against}
    appeal.made_at = await move(session, case, Move(Action.APPEAL, caller.actor, note=wanted.reason, data=data))
    session.add(appeal)
    return appeal


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
