"""What can be done offline: one line for each action, with the shape and the function of its endpoint.

What is decided between two cases, or orders somebody about, is not here: whoever does that is at a desk.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

from services.intake.appeals.schemas import AppealAnswerIn, AppealIn
from services.intake.appeals.service import answer_appeal, make_appeal
from services.intake.case_answers.schemas import AnswersIn
from services.intake.case_answers.service import fill_in
from services.intake.cases import schemas, service
from services.intake.cases.models import Case
from services.intake.cases.terms import Action, Outcome
from services.intake.claims.schemas import ChooseIn, ClaimIn, OfferIn
from services.intake.claims.service import choose_offer, claim_case, make_offer
from services.intake.verdicts.schemas import ReopenIn, VerdictIn, WithdrawIn
from services.intake.verdicts.service import confirm, give_verdict, reopen
from shared.auth import Principal
from shared.db import WriteSession
from shared.web import InputModel

__all__ = ["CASE_ACTIONS", "FILE", "JOIN", "CaseAction"]

Run = Callable[[WriteSession, Principal, Case, Any], Awaitable[object]]

# Filing has no case to begin with, and joining none that the caller can see.
FILE: Final = "file"
JOIN: Final = Action.JOIN.value


@dataclass(frozen=True, slots=True)
class CaseAction:
    """One action on a case.

    Attributes:
        schema: the body that its endpoint takes.
        run: what its endpoint does, once the step has begun.
        overwrites: whether it is a conflict when the case has moved on meanwhile.
    """

    schema: type[InputModel]
    run: Run
    overwrites: bool = True


async def _accept(session: WriteSession, caller: Principal, case: Case, wanted: schemas.AcceptIn) -> None:
    await service.accept_case(session, caller, case, wanted.note)


async def _decline(session: WriteSession, caller: Principal, case: Case, wanted: schemas.DeclineIn) -> None:
    await service.close_case(
        session, case, actor=caller.actor, step=Action.DECLINE, outcome=Outcome.DECLINED, note=wanted.reason
    )


async def _resume(session: WriteSession, caller: Principal, case: Case, wanted: schemas.AcceptIn) -> None:
    await service.resume_clock(session, caller.actor, case, wanted.note)


async def _leave(session: WriteSession, caller: Principal, case: Case, _: InputModel) -> None:
    await service.leave_case(session, caller, case)


async def _answers(session: WriteSession, caller: Principal, case: Case, wanted: AnswersIn) -> None:
    await fill_in(session, caller, case, wanted.answers)


async def _represent(session: WriteSession, caller: Principal, case: Case, wanted: schemas.RepresentIn) -> None:
    await service.represent(session, caller, case, wanted.person_ids)


async def _reopen(session: WriteSession, caller: Principal, case: Case, wanted: ReopenIn) -> None:
    await reopen(session, caller, case, wanted.reason)


async def _withdraw(session: WriteSession, caller: Principal, case: Case, wanted: WithdrawIn) -> None:
    await service.close_case(
        session, case, actor=caller.actor, step=Action.WITHDRAW, outcome=Outcome.WITHDRAWN, note=wanted.reason
    )


def _saying(action: Action) -> CaseAction:
    async def say(session: WriteSession, caller: Principal, case: Case, wanted: schemas.NoteIn) -> None:
        await service.say(session, caller, case, action, wanted.note)

    return CaseAction(schemas.NoteIn, say, overwrites=False)


class NothingIn(InputModel):
    """A body with nothing in it."""


CASE_ACTIONS: Final[dict[str, CaseAction]] = {
    Action.ACCEPT: CaseAction(schemas.AcceptIn, _accept),
    Action.DECLINE: CaseAction(schemas.DeclineIn, _decline),
    Action.TRIAGE: CaseAction(schemas.TriageIn, service.triage_case),
    Action.CHANGE_LEVEL: CaseAction(schemas.ChangeLevelIn, service.change_level),
    Action.ASSIGN: CaseAction(schemas.AssignIn, service.assign_case),
    Action.OFFER: CaseAction(OfferIn, make_offer, overwrites=False),
    Action.CHOOSE: CaseAction(ChooseIn, choose_offer),
    Action.CLAIM: CaseAction(ClaimIn, claim_case),
    Action.HAND_ON: CaseAction(schemas.HandOnIn, service.hand_on),
    Action.PROGRESS: _saying(Action.PROGRESS),
    Action.REPLY: _saying(Action.REPLY),
    Action.COMMENT: _saying(Action.COMMENT),
    Action.PAUSE: CaseAction(schemas.PauseIn, service.pause_clock),
    Action.RESUME: CaseAction(schemas.AcceptIn, _resume),
    Action.RESOLVE: CaseAction(schemas.ResolveIn, service.resolve_case),
    Action.NEEDS: CaseAction(schemas.NeedIn, service.raise_need),
    Action.ANSWERS: CaseAction(AnswersIn, _answers),
    Action.LEAVE: CaseAction(NothingIn, _leave, overwrites=False),
    Action.REPRESENT: CaseAction(schemas.RepresentIn, _represent),
    Action.FEEDBACK: CaseAction(VerdictIn, give_verdict),
    Action.CONFIRM: CaseAction(VerdictIn, confirm, overwrites=False),
    Action.REOPEN: CaseAction(ReopenIn, _reopen),
    Action.WITHDRAW: CaseAction(WithdrawIn, _withdraw),
    Action.APPEAL: CaseAction(AppealIn, make_appeal),
    Action.ANSWER_APPEAL: CaseAction(AppealAnswerIn, answer_appeal),
}
