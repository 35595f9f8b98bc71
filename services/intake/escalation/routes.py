"""HTTP of clocks and rungs."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends

from services.intake.cases import repository as cases
from services.intake.clocks import repository
from services.intake.escalation import service
from services.intake.escalation.schemas import ClocksOut, IntervalOut, RungOut
from shared.auth import Principal, authenticated
from shared.problems import NotFound
from shared.web import Reading, service_router

__all__ = ["router"]

router = service_router(tags=["clocks 时限"])


@router.get("/v1/cases/{case_id}/clocks", summary="Clocks of a case 办理时限")
async def read_clocks(
    caller: Annotated[Principal, Depends(authenticated)], session: Reading, case_id: UUID
) -> ClocksOut:
    """Return every stretch of every clock, the rungs that were climbed, and whether the history gives the same."""
    if await cases.find_case(session, caller, case_id) is None:
        raise NotFound
    wrong = await service.differences(session, case_id)
    return ClocksOut(
        case_id=case_id,
        intervals=[IntervalOut.model_validate(row) for row in await service.stored_clocks(session, case_id)],
        rungs=[RungOut.model_validate(row) for row in await repository.escalations_of(session, case_id)],
        recounted="different" if wrong else "equal",
    )
