"""HTTP of facts: what figures are counted from, for those who see the cases from above, and checks of it."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query, Response

from services.intake.cases.visibility import SEES_BELOW
from services.intake.facts import checking, checks_repository, lists_repository
from services.intake.facts.schemas import (
    CaseFactOut,
    DayFactOut,
    FactCheckIn,
    FactCheckOut,
    FactQuery,
    FactsOut,
    TransitionFactOut,
)
from services.intake.places import path_of
from shared.auth import Principal, Role, requires
from shared.pagination import Page, Paging
from shared.problems import NotFound
from shared.web import Reading, Writing, service_router

__all__ = ["router"]

router = service_router(tags=["facts 统计事实"])

Reader = Annotated[Principal, Depends(requires(*SEES_BELOW))]
Administrator = Annotated[Principal, Depends(requires(Role.ADMINISTRATOR))]
Wanted = Annotated[FactQuery, Query()]


@router.get("/v1/facts", summary="How far facts are counted 统计进度")
async def read_fact_progress(_: Reader, session: Reading) -> FactsOut:
    """Return up to when everything is read, and which days are frozen."""
    progress = await checks_repository.progress_of(session)
    if progress is None:
        return FactsOut(read_through=None, frozen_through=None, filling=True)
    return FactsOut.model_validate(progress)


@router.get("/v1/case-facts", summary="Facts of cases 诉求事实")
async def list_case_facts(caller: Reader, session: Reading, paging: Paging, wanted: Wanted) -> Page[CaseFactOut]:
    """Return one row a case, by when they were filed, the newest first."""
    under = await path_of(session, wanted.under)
    rows = await lists_repository.list_cases(
        session, caller, wanted, under=under, after=paging.after, limit=paging.size + 1
    )
    return paging.page(rows, key=lambda row: (row.filed_at, row.case_id), view=CaseFactOut.model_validate)


@router.get("/v1/transition-facts", summary="Facts of steps 流转事实")
async def list_transition_facts(
    caller: Reader,
    session: Reading,
    paging: Paging,
    wanted: Wanted,
    case_id: Annotated[UUID | None, Query(description="Of this case only 某一诉求")] = None,
) -> Page[TransitionFactOut]:
    """Return one row a step, the newest first."""
    under = await path_of(session, wanted.under)
    rows = await lists_repository.list_transitions(
        session, caller, wanted, under=under, case_id=case_id, after=paging.after, limit=paging.size + 1
    )
    return paging.page(rows, key=lambda row: (row.at, row.case_id, row.position), view=TransitionFactOut.model_validate)


@router.get("/v1/day-facts", summary="Facts of days 每日事实")
async def list_day_facts(caller: Reader, session: Reading, paging: Paging, wanted: Wanted) -> Page[DayFactOut]:
    """Return one row for each day that is over, area, category and level, unless there is nothing to count."""
    under = await path_of(session, wanted.under)
    rows = await lists_repository.list_days(
        session, caller, wanted, under=under, after=paging.after, limit=paging.size + 1
    )
    return paging.page(
        rows,
        key=lambda row: (row.day.isoformat(), row.area_path, row.category, row.level),
        view=DayFactOut.model_validate,
    )


@router.post("/v1/fact-checks", status_code=202, summary="Count all facts again 重新核算")
async def ask_for_fact_check(
    caller: Administrator, session: Writing, response: Response, wanted: FactCheckIn
) -> FactCheckOut:
    """Count everything again from the histories and tell what differs; with `repair`, mend it."""
    check, is_new = await checking.ask(session, caller, wanted)
    response.status_code = 202 if is_new else 200
    response.headers["Location"] = f"/v1/fact-checks/{check.id}"
    return FactCheckOut.model_validate(check)


@router.get("/v1/fact-checks", summary="List checks 核算列表")
async def list_fact_checks(_: Administrator, session: Reading, paging: Paging) -> Page[FactCheckOut]:
    """Return the checks of the tenant, the newest first."""
    rows = await checks_repository.list_checks(session, after=paging.after, limit=paging.size + 1)
    return paging.page(rows, key=lambda row: (row.asked_at, row.id), view=FactCheckOut.model_validate)


@router.get("/v1/fact-checks/{check_id}", summary="Read a check 核算详情")
async def read_fact_check(_: Administrator, session: Reading, check_id: UUID) -> FactCheckOut:
    """Return how far a check is, and what it has found."""
    check = await checks_repository.find(session, check_id)
    if check is None:
        raise NotFound
    return FactCheckOut.model_validate(check)
