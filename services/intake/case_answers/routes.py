"""HTTP of answers."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Response

from services.intake.case_answers import service
from services.intake.case_answers.schemas import AnswersIn
from services.intake.cases.answers import begin, told
from services.intake.cases.schemas import CaseOut
from services.intake.cases.terms import Action
from shared.auth import Principal, authenticated
from shared.web import ExpectedVersion, Writing, service_router

__all__ = ["router"]

router = service_router(tags=["cases 诉求"])


@router.put("/v1/cases/{case_id}/answers", summary="Answer the category's questions 补填表单")
async def fill_in_answers(
    caller: Annotated[Principal, Depends(authenticated)],
    session: Writing,
    response: Response,
    expected: ExpectedVersion,
    case_id: UUID,
    wanted: AnswersIn,
) -> CaseOut:
    """Answer what the category asks now, as the requester or the area's staff. It moves no deadline."""
    case = await begin(session, caller, case_id, Action.ANSWERS, expected)
    await service.fill_in(session, caller, case, wanted.answers)
    return await told(session, caller, case, response)
