"""HTTP of plans."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query, Response
from pydantic import StringConstraints

from services.intake.places import path_of
from services.intake.visit_plans import repository, service
from services.intake.visit_plans.models import VisitPlan
from services.intake.visit_plans.rules import PlanAction
from services.intake.visit_plans.schemas import (
    DisclosedDoorOut,
    DoorDisclosureOut,
    EndPlanIn,
    PlanIn,
    PlanOut,
    PlanQuery,
    PlanSummary,
)
from services.intake.visit_plans.views import plan_out, plan_summary
from shared.auth import Principal, Role, authenticated, requires
from shared.clock import today
from shared.db import WriteSession
from shared.pagination import Page, Paging
from shared.vault import VaultOfApp
from shared.web import ExpectedVersion, Reading, Writing, check_version, service_router, set_etag

__all__ = ["WhyItIsRead", "path_of", "router"]

router = service_router(tags=["visits 走访"])

Caller = Annotated[Principal, Depends(authenticated)]
Planner = Annotated[Principal, Depends(requires(Role.OFFICER, Role.SECRETARY))]
Auditor = Annotated[Principal, Depends(requires(Role.AUDITOR, Role.ADMINISTRATOR, Role.SECRETARY))]
WhyItIsRead = Annotated[
    Annotated[str, StringConstraints(strip_whitespace=True, min_length=2, max_length=200, pattern=r"^[^\x00]*$")],
    Query(description="Why it is needed; kept with who and when 用途（将被审计）"),
]


@router.post("/v1/visit-plans", status_code=201, summary="Plan visits 制定走访计划")
async def make_plan(
    caller: Planner, session: Writing, vault: VaultOfApp, response: Response, wanted: PlanIn
) -> PlanOut:
    """Plan visits of an area's households; with an `id` of your own, sending it twice plans them once."""
    plan, is_new = await service.make_plan(session, caller, vault, wanted)
    response.status_code = 201 if is_new else 200
    response.headers["Location"] = f"/v1/visit-plans/{plan.id}"
    return await _told(session, caller, plan, response)


@router.get("/v1/visit-plans", summary="List visit plans 走访计划列表")
async def list_plans(
    caller: Caller, session: Reading, paging: Paging, wanted: Annotated[PlanQuery, Query()]
) -> Page[PlanSummary]:
    """Return plans of the caller's areas, and those in which they or their unit are named, the newest first."""
    under = await path_of(session, wanted.under)
    rows = await repository.list_plans(
        session, caller, wanted, under=under, today=today(), after=paging.after, limit=paging.size + 1
    )
    planned = await repository.planned_by(session, [row.id for row in rows])
    return paging.page(rows, key=lambda row: (row.id,), view=lambda row: plan_summary(row, planned))


@router.get("/v1/visit-plans/{plan_id}", summary="Read a visit plan 走访计划详情")
async def read_plan(caller: Caller, session: Reading, response: Response, plan_id: UUID) -> PlanOut:
    """Return a plan with how many households were reached, by round and target."""
    plan = await service.seen_plan(session, caller, plan_id)
    set_etag(response, plan.version)
    return await plan_out(session, caller, plan)


@router.get("/v1/visit-plans/{plan_id}/doors", summary="Read the doors of a plan for a purpose 查看计划门牌")
async def read_doors(
    caller: Caller,
    session: Writing,
    vault: VaultOfApp,
    paging: Paging,
    response: Response,
    plan_id: UUID,
    purpose: WhyItIsRead,
) -> Page[DisclosedDoorOut]:
    """Return the doors of a plan in the clear, for whoever goes there; that they were read and why is kept."""
    plan = await service.seen_plan(session, caller, plan_id)
    rows = await service.read_doors(session, caller, vault, plan, purpose, after=paging.after, limit=paging.size + 1)
    response.headers["Cache-Control"] = "no-store"
    return paging.page(rows, key=lambda row: (row[0].target, row[0].place), view=lambda row: row[1])


@router.post("/v1/visit-plans/{plan_id}/finish", summary="Finish a visit plan 完成走访计划")
async def finish_plan(
    caller: Planner, session: Writing, response: Response, expected: ExpectedVersion, plan_id: UUID, wanted: EndPlanIn
) -> PlanOut:
    """Say that nobody needs to go any more; what was counted stays."""
    return await _end(session, caller, plan_id, PlanAction.FINISH, expected, wanted, response)


@router.post("/v1/visit-plans/{plan_id}/cancel", summary="Cancel a visit plan 取消走访计划")
async def cancel_plan(
    caller: Planner, session: Writing, response: Response, expected: ExpectedVersion, plan_id: UUID, wanted: EndPlanIn
) -> PlanOut:
    """Take a plan back: it counts nowhere any more."""
    return await _end(session, caller, plan_id, PlanAction.CANCEL, expected, wanted, response)


@router.get("/v1/door-disclosures", summary="Who has read doors 门牌查看记录")
async def list_door_disclosures(caller: Auditor, session: Reading, paging: Paging) -> Page[DoorDisclosureOut]:
    """Return who has read doors of the caller's areas in the clear and why, the newest first."""
    paths = caller.paths(Role.AUDITOR, Role.ADMINISTRATOR, Role.SECRETARY)
    after = paging.after[0] if paging.after else None
    rows = await repository.disclosures_below(session, paths, after=after, limit=paging.size + 1)
    return paging.page(rows, key=lambda row: (row.id,), view=DoorDisclosureOut.model_validate)


async def _end(
    session: WriteSession,
    caller: Principal,
    plan_id: UUID,
    action: PlanAction,
    expected: int,
    wanted: EndPlanIn,
    response: Response,
) -> PlanOut:
    plan = await service.begin_plan_step(session, caller, plan_id, action)
    if expected != plan.version:
        check_version(expected, plan.version, await plan_out(session, caller, plan))
    await service.end_plan(session, plan, action, wanted.note)
    return await _told(session, caller, plan, response)


async def _told(session: WriteSession, caller: Principal, plan: VisitPlan, response: Response) -> PlanOut:
    set_etag(response, plan.version)
    return await plan_out(session, caller, plan)
