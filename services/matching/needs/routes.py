"""HTTP of needs."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query, Response

from services.matching.matches.service import propose_matches
from services.matching.needs import repository, service
from services.matching.needs.rules import NeedState
from services.matching.needs.schemas import NeedIn, NeedOut
from services.matching.places import open_area
from shared.auth import Principal, Role, authenticated, requires
from shared.pagination import Page, Paging
from shared.problems import NotFound
from shared.web import Reading, Writing, service_router, set_etag

__all__ = ["router"]

router = service_router(tags=["needs 需求"])


@router.post("/v1/needs", status_code=201, summary="Open a need 提出需求")
async def open_need(
    caller: Annotated[Principal, Depends(requires(Role.OFFICER, Role.SECRETARY, Role.GRID_WORKER))],
    session: Writing,
    response: Response,
    wanted: NeedIn,
) -> NeedOut:
    """Put a line on the demand list and look at once for what suits."""
    need, is_new = await service.open_need(session, caller, wanted)
    if is_new:
        await propose_matches(session, need)
    response.status_code = 201 if is_new else 200
    response.headers["Location"] = f"/v1/needs/{need.id}"
    set_etag(response, need.version)
    return NeedOut.model_validate(need)


@router.get("/v1/needs", summary="Demand list 需求清单")
async def list_needs(
    _: Annotated[Principal, Depends(authenticated)],
    session: Reading,
    paging: Paging,
    under: Annotated[UUID | None, Query(description="At or below this area 区域")] = None,
    state: NeedState | None = None,
    category: Annotated[str | None, Query(max_length=40)] = None,
) -> Page[NeedOut]:
    """Return what is needed, the newest first."""
    path = (await open_area(session, under, pointer="/query/under")).path if under else None
    rows = await repository.list_needs(
        session, under=path, state=state, category=category, after=paging.after, limit=paging.size + 1
    )
    return paging.page(rows, key=lambda row: (row.opened_at, row.id), view=NeedOut.model_validate)


@router.get("/v1/needs/{need_id}", summary="Read a need 需求详情")
async def read_need(
    _: Annotated[Principal, Depends(authenticated)], session: Reading, response: Response, need_id: UUID
) -> NeedOut:
    """Return one need."""
    need = await repository.find_need(session, need_id)
    if need is None:
        raise NotFound
    set_etag(response, need.version)
    return NeedOut.model_validate(need)
