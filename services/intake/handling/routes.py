"""HTTP of handling rules."""

from typing import Annotated

from fastapi import Depends, Response

from services.intake.handling import repository, service
from services.intake.handling.schemas import HandlingIn, HandlingOut
from shared.auth import Principal, Role, authenticated, requires
from shared.pagination import Page, Paging
from shared.web import ExpectedVersion, Reading, Writing, check_version, service_router, set_etag

__all__ = ["router"]

router = service_router(tags=["handling 办理规则"])

Administrator = Annotated[Principal, Depends(requires(Role.ADMINISTRATOR))]


@router.get("/v1/handling", summary="How cases are handled 办理规则")
async def read_handling(
    _: Annotated[Principal, Depends(authenticated)], session: Reading, response: Response
) -> HandlingOut:
    """Return limits, ladders, pauses, leases and the answers of feedback that are in force."""
    shown = await service.current_handling(session)
    set_etag(response, shown.version)
    return shown


@router.put("/v1/handling", summary="Set how cases are handled 设定办理规则")
async def set_handling(
    caller: Administrator, session: Writing, response: Response, expected: ExpectedVersion, wanted: HandlingIn
) -> HandlingOut:
    """Set all rules; clocks that run keep the limits that they were started with."""
    is_set = await service.set_handling(session, caller, expected, wanted)
    shown = await service.current_handling(session)
    if not is_set:
        check_version(expected, shown.version, shown)
    set_etag(response, shown.version)
    return shown


@router.get("/v1/handling/versions", summary="Earlier handling rules 历次办理规则")
async def list_versions(_: Administrator, session: Reading, paging: Paging) -> Page[HandlingOut]:
    """Return what was in force and who set it, the newest first."""
    before = paging.after[0] if paging.after else None
    rows = await repository.versions(session, before=before, limit=paging.size + 1)
    return paging.page(
        rows,
        key=lambda row: (row.version,),
        view=lambda row: HandlingOut(
            version=row.version, set_by=row.set_by, set_at=row.set_at, rules=HandlingIn.model_validate(row.body)
        ),
    )
