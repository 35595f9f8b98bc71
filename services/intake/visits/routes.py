"""HTTP of visits."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query, Request, Response

from services.intake.cases.filing_service import Desk
from services.intake.places import path_of
from services.intake.visit_plans.routes import WhyItIsRead
from services.intake.visits import repository, service
from services.intake.visits.models import Visit
from services.intake.visits.rules import VisitAction
from services.intake.visits.schemas import DoorOut, VisitIn, VisitOut, VisitQuery, VisitSummary, VoidVisitIn
from services.intake.visits.views import visit_out
from services.intake.visits.work import FieldWork
from shared.auth import Principal, authenticated
from shared.db import WriteSession
from shared.pagination import Page, Paging
from shared.problems import NotFound
from shared.vault import VaultOfApp
from shared.web import ExpectedVersion, Reading, Writing, check_version, service_router, set_etag

__all__ = ["router"]

router = service_router(tags=["visits 走访"])

Caller = Annotated[Principal, Depends(authenticated)]


@router.post("/v1/visits", status_code=201, summary="Record a visit 登记走访")
async def record_visit(
    caller: Caller, request: Request, session: Writing, vault: VaultOfApp, response: Response, wanted: VisitIn
) -> VisitOut:
    """Record a visit with what was heard; with an `id` of your own, sending it twice records it once.

    What is heard with `case` is filed as a case in the same breath, or the visit is refused as a whole.
    """
    desk: Desk = request.app.state.desk
    visit, is_new = await service.record_visit(FieldWork(session, caller, desk, vault), wanted)
    response.status_code = 201 if is_new else 200
    response.headers["Location"] = f"/v1/visits/{visit.id}"
    return await _told(session, caller, visit, response)


@router.get("/v1/visits", summary="List visits 走访列表")
async def list_visits(
    caller: Caller, session: Reading, paging: Paging, wanted: Annotated[VisitQuery, Query()]
) -> Page[VisitSummary]:
    """Return visits of the caller's areas and their own, the newest first."""
    under = await path_of(session, wanted.under)
    rows = await repository.list_visits(session, caller, wanted, under=under, after=paging.after, limit=paging.size + 1)
    return paging.page(rows, key=lambda row: (row.visited_at, row.id), view=VisitSummary.model_validate)


@router.get("/v1/visits/{visit_id}", summary="Read a visit 走访详情")
async def read_visit(caller: Caller, session: Reading, response: Response, visit_id: UUID) -> VisitOut:
    """Return a visit with what was heard and the cases that came of it."""
    visit = await repository.find_visit(session, caller, visit_id)
    if visit is None:
        raise NotFound
    set_etag(response, visit.version)
    return await visit_out(session, caller, visit)


@router.get("/v1/visits/{visit_id}/door", summary="Read a door for a purpose 查看门牌")
async def read_door(
    caller: Caller, session: Writing, vault: VaultOfApp, response: Response, visit_id: UUID, purpose: WhyItIsRead
) -> DoorOut:
    """Return the door of a visit in the clear; that it was read, by whom and why, is kept."""
    visit, door = await service.read_door(session, caller, vault, visit_id, purpose)
    response.headers["Cache-Control"] = "no-store"
    return DoorOut(visit_id=visit.id, door=door)


@router.post("/v1/visits/{visit_id}/void", summary="Void a visit 作废走访记录")
async def void_visit(
    caller: Caller, session: Writing, response: Response, expected: ExpectedVersion, visit_id: UUID, wanted: VoidVisitIn
) -> VisitOut:
    """Let a visit that was recorded by mistake count for nothing; cases and hazards that came of it go on."""
    visit = await service.begin_visit_step(session, caller, visit_id, VisitAction.VOID)
    if expected != visit.version:
        check_version(expected, visit.version, await visit_out(session, caller, visit))
    await service.void_visit(session, visit, wanted.reason)
    return await _told(session, caller, visit, response)


async def _told(session: WriteSession, caller: Principal, visit: Visit, response: Response) -> VisitOut:
    set_etag(response, visit.version)
    return await visit_out(session, caller, visit)
