"""HTTP of checklists and inspections."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Path, Query, Request, Response

from services.intake.inspections import repository, service
from services.intake.inspections.schemas import (
    ChecklistIn,
    ChecklistOut,
    InspectionIn,
    InspectionOut,
    InspectionQuery,
    InspectionSummary,
)
from services.intake.inspections.views import inspection_out
from services.intake.places import path_of
from services.intake.visits.work import FieldWork
from shared.auth import Principal, Role, authenticated, requires
from shared.pagination import Page, Paging
from shared.problems import NotFound
from shared.vault import VaultOfApp
from shared.web import Reading, Writing, service_router, set_etag

__all__ = ["router"]

router = service_router(tags=["inspections 检查"])

Caller = Annotated[Principal, Depends(authenticated)]
Administrator = Annotated[Principal, Depends(requires(Role.ADMINISTRATOR))]
Code = Annotated[str, Path(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Version = Annotated[int | None, Query(ge=1, le=999_999, description="An earlier one; else the newest 版本")]


@router.put("/v1/checklists/{code}", summary="Publish a checklist 发布检查表")
async def publish_checklist(
    caller: Administrator, session: Writing, response: Response, code: Code, wanted: ChecklistIn
) -> ChecklistOut:
    """Publish a checklist, or a new version of it. Earlier versions stay, and inspections keep theirs."""
    row, is_new = await service.publish_checklist(session, caller, code, wanted)
    response.status_code = 201 if is_new else 200
    set_etag(response, row.version)
    return ChecklistOut.model_validate(row)


@router.get("/v1/checklists", summary="List checklists 检查表列表")
async def list_checklists(_: Caller, session: Reading, paging: Paging) -> Page[ChecklistOut]:
    """Return the newest version of each checklist."""
    after = paging.after[0] if paging.after else None
    rows = await repository.list_checklists(session, after=after, limit=paging.size + 1)
    return paging.page(rows, key=lambda row: (row.code,), view=ChecklistOut.model_validate)


@router.get("/v1/checklists/{code}", summary="Read a checklist 检查表详情")
async def read_checklist(
    _: Caller, session: Reading, response: Response, code: Code, version: Version = None
) -> ChecklistOut:
    """Return one version of a checklist, or the newest."""
    row = await repository.find_checklist(session, code, version)
    if row is None:
        raise NotFound
    set_etag(response, row.version)
    return ChecklistOut.model_validate(row)


@router.post("/v1/inspections", status_code=201, summary="Record an inspection 登记检查")
async def record_inspection(
    caller: Caller, request: Request, session: Writing, vault: VaultOfApp, response: Response, wanted: InspectionIn
) -> InspectionOut:
    """Record what was found by a checklist on a visit of one's own; what failed becomes a hazard with a notice."""
    work = FieldWork(session, caller, request.app.state.desk, vault)
    row, is_new = await service.record_inspection(work, wanted)
    response.status_code = 201 if is_new else 200
    response.headers["Location"] = f"/v1/inspections/{row.id}"
    set_etag(response, row.version)
    return await inspection_out(session, caller, row)


@router.get("/v1/inspections", summary="List inspections 检查列表")
async def list_inspections(
    caller: Caller, session: Reading, paging: Paging, wanted: Annotated[InspectionQuery, Query()]
) -> Page[InspectionSummary]:
    """Return inspections of the caller's areas and units, and their own, the newest first."""
    under = await path_of(session, wanted.under)
    rows = await repository.list_inspections(
        session, caller, wanted, under=under, after=paging.after, limit=paging.size + 1
    )
    return paging.page(rows, key=lambda row: (row.inspected_at, row.id), view=InspectionSummary.model_validate)


@router.get("/v1/inspections/{inspection_id}", summary="Read an inspection 检查详情")
async def read_inspection(caller: Caller, session: Reading, response: Response, inspection_id: UUID) -> InspectionOut:
    """Return an inspection with the hazards that it found, as they stand now."""
    row = await repository.find_inspection(session, caller, inspection_id)
    if row is None:
        raise NotFound
    set_etag(response, row.version)
    return await inspection_out(session, caller, row)
