"""HTTP of coverage."""

from typing import Annotated

from fastapi import Depends, Query

from services.intake.visit_coverage import service
from services.intake.visit_coverage.schemas import CoverageOut, CoverageQuery
from services.intake.visit_plans.rules import SEES_VISITS
from shared.auth import Principal, requires
from shared.web import Reading, service_router

__all__ = ["router"]

router = service_router(tags=["visits 走访"])


@router.get("/v1/visit-coverage", summary="Figures of visits by area 走访覆盖情况")
async def read_coverage(
    caller: Annotated[Principal, Depends(requires(*SEES_VISITS))],
    session: Reading,
    wanted: Annotated[CoverageQuery, Query()],
) -> CoverageOut:
    """Return how many households were to be reached and were, and what came of it, by the areas right below."""
    return await service.coverage_of(session, caller, wanted)
