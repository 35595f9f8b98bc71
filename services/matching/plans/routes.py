"""HTTP of plans."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query, Response

from services.matching.places import known_area
from services.matching.plans import repository, service
from services.matching.plans.models import MatchPlan
from services.matching.plans.rules import STEPS, LineChange, PlanState
from services.matching.plans.schemas import LineOut, PassedOfferOut, PlanIn, PlanOut
from shared.auth import Principal, Role, authenticated, requires
from shared.pagination import Page, Paging
from shared.steps import next_actions
from shared.web import ExpectedVersion, Reading, Writing, check_version, service_router, set_etag

__all__ = ["router"]

router = service_router(tags=["match plans 统筹对接"])

Officer = Annotated[Principal, Depends(requires(Role.OFFICER, Role.SECRETARY))]


def _view(plan: MatchPlan, caller: Principal) -> PlanOut:
    columns = {name: getattr(plan, name) for name in PlanOut.model_fields if name != "next_actions"}
    actions = next_actions(STEPS, service.facts_of(plan), caller)
    return PlanOut.model_validate({**columns, "next_actions": actions})


@router.post("/v1/match-plans", status_code=202, summary="Plan all open needs anew 发起统筹")
async def ask_for_plan(caller: Officer, session: Writing, response: Response, wanted: PlanIn) -> PlanOut:
    """Have all open needs of an area planned together; it is ready some seconds later, and changes nothing yet."""
    plan, is_new = await service.ask_for_plan(session, caller, wanted)
    response.status_code = 202 if is_new else 200
    response.headers["Location"] = f"/v1/match-plans/{plan.id}"
    set_etag(response, plan.version)
    return _view(plan, caller)


@router.get("/v1/match-plans", summary="Plans 统筹方案列表")
async def list_plans(
    caller: Annotated[Principal, Depends(authenticated)],
    session: Reading,
    paging: Paging,
    under: Annotated[UUID | None, Query(description="At or below this area 区域")] = None,
    state: PlanState | None = None,
) -> Page[PlanOut]:
    """Return plans, the newest first."""
    path = (await known_area(session, under, pointer="/query/under")).path if under else None
    rows = await repository.list_plans(session, under=path, state=state, after=paging.after, limit=paging.size + 1)
    return paging.page(rows, key=lambda row: (row.requested_at, row.id), view=lambda row: _view(row, caller))


@router.get("/v1/match-plans/{plan_id}", summary="Read a plan 统筹方案")
async def read_plan(caller: Officer, session: Reading, response: Response, plan_id: UUID) -> PlanOut:
    """Return a plan with its figures."""
    plan = await service.plan_for_reading(session, caller, plan_id)
    set_etag(response, plan.version)
    return _view(plan, caller)


@router.get("/v1/match-plans/{plan_id}/difference", summary="What a plan would change 方案差异")
async def read_difference(
    caller: Officer, session: Reading, paging: Paging, plan_id: UUID, change: LineChange | None = None
) -> Page[LineOut]:
    """Return for each need what came first before, what is planned, and the reason; or why it is left open."""
    await service.plan_for_reading(session, caller, plan_id)
    rows = await repository.lines_of(session, plan_id, change=change, after=paging.after, limit=paging.size + 1)
    return paging.page(rows, key=lambda row: (row.need_id, row.part), view=LineOut.model_validate)


@router.get("/v1/match-plans/{plan_id}/passed-offers", summary="Offers that a plan passed over 未用资源与理由")
async def read_passed_offers(caller: Officer, session: Reading, paging: Paging, plan_id: UUID) -> Page[PassedOfferOut]:
    """Return the offers that got nothing, and why."""
    await service.plan_for_reading(session, caller, plan_id)
    rows = await repository.passed_offers(session, plan_id, after=paging.after, limit=paging.size + 1)
    return paging.page(rows, key=lambda row: (row.offer_id,), view=PassedOfferOut.model_validate)


@router.post("/v1/match-plans/{plan_id}/apply", summary="Apply a plan 采用方案")
async def apply_plan(
    caller: Officer, session: Writing, response: Response, expected: ExpectedVersion, plan_id: UUID
) -> PlanOut:
    """Make what is planned the first proposals; people still decide on each. Lines that have changed are refused."""
    plan = await service.lock_plan(session, plan_id)
    check_version(expected, plan.version, _view(plan, caller))
    await service.apply_plan(session, caller, plan)
    set_etag(response, plan.version)
    return _view(plan, caller)
