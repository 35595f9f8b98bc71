"""What every route about a case does: begin a step on the version that was seen, and answer with the case."""

from uuid import UUID

from fastapi import Response

from services.intake.cases.models import Case
from services.intake.cases.schemas import CaseOut
from services.intake.cases.terms import Action
from services.intake.cases.viewing import begin_step, view_case
from services.intake.cases.views import case_out
from shared.auth import Principal
from shared.db import WriteSession
from shared.web import check_version, set_etag

__all__ = ["begin", "told"]


async def begin(session: WriteSession, caller: Principal, case_id: UUID, action: Action, expected: int | None) -> Case:
    """Lock a case for a step of a caller who has seen a version of it; None when the step overwrites nothing."""
    case = await begin_step(session, caller, case_id, action)
    if expected is not None and expected != case.version:
        check_version(expected, case.version, case_out(await view_case(session, caller, case)))
    return case


async def told(session: WriteSession, caller: Principal, case: Case, response: Response) -> CaseOut:
    """Answer with the case as the step leaves it."""
    await session.flush()
    set_etag(response, case.version)
    return case_out(await view_case(session, caller, case))
