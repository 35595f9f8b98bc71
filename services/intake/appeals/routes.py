"""HTTP of appeals."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Response

from services.intake.appeals import repository, service
from services.intake.appeals.schemas import AppealAnswerIn, AppealIn, AppealOut
from services.intake.cases import repository as cases
from services.intake.cases.answers import begin
from services.intake.cases.terms import Action
from services.intake.cases.viewing import knows_requester
from shared.auth import Principal, Role, authenticated, requires
from shared.problems import NotFound
from shared.web import ExpectedVersion, Reading, Writing, service_router, set_etag

__all__ = ["router"]

router = service_router(tags=["appeals 申诉"])

Caller = Annotated[Principal, Depends(authenticated)]
Officer = Annotated[Principal, Depends(requires(Role.OFFICER, Role.SECRETARY, Role.CONVENOR))]


@router.post("/v1/cases/{case_id}/appeals", status_code=201, summary="Appeal against a decision 申诉")
async def make_appeal(
    caller: Caller, session: Writing, response: Response, expected: ExpectedVersion, case_id: UUID, wanted: AppealIn
) -> AppealOut:
    """Ask somebody else to look at the level of the case, or at why it was declined."""
    case = await begin(session, caller, case_id, Action.APPEAL, expected)
    appeal = await service.make_appeal(session, caller, case, wanted)
    await session.flush()
    set_etag(response, case.version)
    return AppealOut.model_validate(appeal)


@router.get("/v1/cases/{case_id}/appeals", summary="Appeals of a case 申诉记录")
async def list_appeals(caller: Caller, session: Reading, case_id: UUID) -> list[AppealOut]:
    """Return the appeals of a case to its requester and to the area's staff."""
    case = await cases.find_case(session, caller, case_id)
    if case is None or not knows_requester(caller, case):
        raise NotFound
    return [AppealOut.model_validate(row) for row in await repository.appeals_of(session, case_id)]


@router.post("/v1/cases/{case_id}/appeals/answer", summary="Answer an appeal 答复申诉")
async def answer_appeal(
    caller: Officer,
    session: Writing,
    response: Response,
    expected: ExpectedVersion,
    case_id: UUID,
    wanted: AppealAnswerIn,
) -> AppealOut:
    """Uphold or reject the open appeal; whoever made the decision does not answer."""
    case = await begin(session, caller, case_id, Action.ANSWER_APPEAL, expected)
    appeal = await service.answer_appeal(session, caller, case, wanted)
    await session.flush()
    set_etag(response, case.version)
    return AppealOut.model_validate(appeal)
