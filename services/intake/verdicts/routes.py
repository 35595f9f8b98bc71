"""HTTP of verdicts."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Response

from services.intake.cases import repository as cases
from services.intake.cases.answers import begin, told
from services.intake.cases.schemas import CaseOut
from services.intake.cases.service import close_case
from services.intake.cases.terms import Action, Outcome
from services.intake.verdicts import service
from services.intake.verdicts.schemas import ReopenIn, VerdictIn, VerdictsOut, WithdrawIn
from shared.auth import Principal, authenticated
from shared.problems import NotFound
from shared.web import ExpectedVersion, Reading, Writing, service_router

__all__ = ["router"]

router = service_router(tags=["verdicts 评价"])

Caller = Annotated[Principal, Depends(authenticated)]


@router.get("/v1/cases/{case_id}/verdicts", summary="What may be answered 评价选项与联名确认")
async def read_verdicts(caller: Caller, session: Reading, case_id: UUID) -> VerdictsOut:
    """Return the answers that the tenant's rules know, and how those who joined see the present solution."""
    case = await cases.find_case(session, caller, case_id)
    if case is None:
        raise NotFound
    return await service.show_verdicts(session, case)


@router.post("/v1/cases/{case_id}/feedback", summary="The requester's verdict 评价")
async def give_feedback(
    caller: Caller, session: Writing, response: Response, expected: ExpectedVersion, case_id: UUID, wanted: VerdictIn
) -> CaseOut:
    """Close the case, or open it again; what an answer does is the tenant's rule."""
    case = await begin(session, caller, case_id, Action.FEEDBACK, expected)
    await service.give_verdict(session, caller, case, wanted)
    return await told(session, caller, case, response)


@router.post("/v1/cases/{case_id}/confirm", summary="A neighbour's verdict 联名确认")
async def confirm_case(
    caller: Caller, session: Writing, response: Response, case_id: UUID, wanted: VerdictIn
) -> CaseOut:
    """Say, as one who has joined, whether it is solved. Needs no version: it overwrites nobody else's word."""
    case = await begin(session, caller, case_id, Action.CONFIRM, None)
    await service.confirm(session, caller, case, wanted)
    return await told(session, caller, case, response)


@router.post("/v1/cases/{case_id}/reopen", summary="Open a closed case again 重新提出")
async def reopen_case(
    caller: Caller, session: Writing, response: Response, expected: ExpectedVersion, case_id: UUID, wanted: ReopenIn
) -> CaseOut:
    """Open a closed case again, within the time that the tenant's rules allow; it counts from the closing."""
    case = await begin(session, caller, case_id, Action.REOPEN, expected)
    await service.reopen(session, caller, case, wanted.reason)
    return await told(session, caller, case, response)


@router.post("/v1/cases/{case_id}/withdraw", summary="Withdraw a case 撤回诉求")
async def withdraw_case(
    caller: Caller, session: Writing, response: Response, expected: ExpectedVersion, case_id: UUID, wanted: WithdrawIn
) -> CaseOut:
    """End a case that its requester does not pursue."""
    case = await begin(session, caller, case_id, Action.WITHDRAW, expected)
    await close_case(
        session, case, actor=caller.actor, step=Action.WITHDRAW, outcome=Outcome.WITHDRAWN, note=wanted.reason
    )
    return await told(session, caller, case, response)
