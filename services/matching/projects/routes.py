"""HTTP of projects."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query, Response

from services.matching.places import known_area
from services.matching.projects import changing, repository, service
from services.matching.projects.models import Project
from services.matching.projects.rules import ProjectState
from services.matching.projects.schemas import (
    BudgetIn,
    CancelIn,
    CompleteIn,
    HelperIn,
    JoinNeedIn,
    ProjectIn,
    ProjectOut,
    ProjectSummary,
    ReachIn,
    StepOut,
)
from services.matching.projects.service import NewProject
from services.matching.projects.views import project_out
from shared.auth import Principal, Role, authenticated, requires
from shared.db import WriteSession
from shared.pagination import Page, Paging
from shared.problems import NotFound
from shared.web import ExpectedVersion, Reading, Writing, check_version, service_router, set_etag

__all__ = ["router"]

router = service_router(tags=["projects 项目"])

Caller = Annotated[Principal, Depends(authenticated)]
Opener = Annotated[Principal, Depends(requires(Role.OFFICER, Role.SECRETARY, Role.GRID_WORKER, Role.UNIT_STAFF))]
Responsible = Annotated[Principal, Depends(requires(Role.OFFICER, Role.SECRETARY, Role.UNIT_STAFF))]


@router.post("/v1/projects", status_code=201, summary="Open a project 立项")
async def open_project(caller: Opener, session: Writing, response: Response, wanted: ProjectIn) -> ProjectOut:
    """Open a project straight from a case: by an officer, or by the unit that has claimed it."""
    new = NewProject(
        id=wanted.id,
        title=wanted.title,
        area_id=wanted.area_id,
        case_id=wanted.case_id,
        need_ids=tuple(dict.fromkeys(wanted.need_ids)),
        lead_unit_id=wanted.lead_unit_id,
        helping_unit_ids=tuple(wanted.helping_unit_ids),
        milestones=tuple((item.title, item.due_on) for item in wanted.milestones),
    )
    earlier = await service.find_sent_before(session, caller, new)
    response.status_code = 201 if earlier is None else 200
    project = earlier
    if project is None:
        project = await service.open_project(session, caller, new)
        for need_id in new.need_ids:
            await changing.join_need(session, caller, project, need_id)
    response.headers["Location"] = f"/v1/projects/{project.id}"
    set_etag(response, project.version)
    return await project_out(session, project, caller)


@router.get("/v1/projects", summary="Project list 项目清单")
async def list_projects(
    _: Caller,
    session: Reading,
    paging: Paging,
    under: Annotated[UUID | None, Query(description="At or below this area 区域")] = None,
    state: ProjectState | None = None,
    case_id: UUID | None = None,
    q: Annotated[str | None, Query(min_length=1, max_length=100, description="Words in the text 关键词")] = None,
) -> Page[ProjectSummary]:
    """Return projects, the newest first."""
    path = (await known_area(session, under, pointer="/query/under")).path if under else None
    rows = await repository.list_projects(
        session, under=path, state=state, case_id=case_id, text=q, after=paging.after, limit=paging.size + 1
    )
    return paging.page(rows, key=lambda row: (row.opened_at, row.id), view=ProjectSummary.model_validate)


@router.get("/v1/projects/{project_id}", summary="Read a project 项目详情")
async def read_project(caller: Caller, session: Reading, response: Response, project_id: UUID) -> ProjectOut:
    """Return a project whole."""
    project = await repository.find_project(session, project_id)
    if project is None:
        raise NotFound
    set_etag(response, project.version)
    return await project_out(session, project, caller)


@router.get("/v1/projects/{project_id}/history", summary="History of a project 项目过程")
async def read_history(_: Caller, session: Reading, paging: Paging, project_id: UUID) -> Page[StepOut]:
    """Return every step of a project in its order."""
    if await repository.find_project(session, project_id) is None:
        raise NotFound
    after = paging.after[0] if paging.after else 0
    rows = await repository.steps_of(session, project_id, after=after, limit=paging.size + 1)
    return paging.page(rows, key=lambda row: (row.position,), view=StepOut.model_validate)


async def _begin(session: WriteSession, caller: Principal, project_id: UUID, expected: int) -> Project:
    project = await service.lock_project(session, project_id)
    if expected != project.version:
        check_version(expected, project.version, await project_out(session, project, caller))
    return project


@router.post("/v1/projects/{project_id}/budget-requests", summary="Ask a fund for the budget 申请经费")
async def request_budget(
    caller: Responsible,
    session: Writing,
    response: Response,
    expected: ExpectedVersion,
    project_id: UUID,
    wanted: BudgetIn,
) -> ProjectOut:
    """Ask a fund for money; its answer appears in the project's budget."""
    project = await _begin(session, caller, project_id, expected)
    await service.request_budget(session, caller, project, wanted)
    set_etag(response, project.version)
    return await project_out(session, project, caller)


@router.post("/v1/projects/{project_id}/milestones/{milestone_id}/reach", summary="Reach a milestone 完成里程碑")
async def reach_milestone(
    caller: Responsible,
    session: Writing,
    response: Response,
    expected: ExpectedVersion,
    project_id: UUID,
    milestone_id: UUID,
    wanted: ReachIn,
) -> ProjectOut:
    """Note that a milestone is reached, with proof; the requesters hear of it."""
    project = await _begin(session, caller, project_id, expected)
    await service.reach_milestone(session, caller, project, milestone_id, wanted)
    set_etag(response, project.version)
    return await project_out(session, project, caller)


@router.post("/v1/projects/{project_id}/complete", summary="Complete a project 项目验收")
async def complete_project(
    caller: Responsible,
    session: Writing,
    response: Response,
    expected: ExpectedVersion,
    project_id: UUID,
    wanted: CompleteIn,
) -> ProjectOut:
    """Accept a project as done, with proof and by somebody else than its lead; all milestones must be reached."""
    project = await _begin(session, caller, project_id, expected)
    await service.complete_project(session, caller, project, wanted)
    set_etag(response, project.version)
    return await project_out(session, project, caller)


@router.post("/v1/projects/{project_id}/needs", summary="Take on a need 纳入需求")
async def join_need(
    caller: Responsible,
    session: Writing,
    response: Response,
    expected: ExpectedVersion,
    project_id: UUID,
    wanted: JoinNeedIn,
) -> ProjectOut:
    """Let a project take on another open need; the requesters of its case hear every milestone from now on."""
    project = await _begin(session, caller, project_id, expected)
    await changing.join_need(session, caller, project, wanted.need_id)
    set_etag(response, project.version)
    return await project_out(session, project, caller)


@router.post("/v1/projects/{project_id}/helping-units", summary="Add a helping unit 增加协助单位")
async def add_helper(
    caller: Responsible,
    session: Writing,
    response: Response,
    expected: ExpectedVersion,
    project_id: UUID,
    wanted: HelperIn,
) -> ProjectOut:
    """Let a unit help."""
    project = await _begin(session, caller, project_id, expected)
    await changing.add_helper(session, caller, project, wanted.unit_id)
    set_etag(response, project.version)
    return await project_out(session, project, caller)


@router.delete("/v1/projects/{project_id}/helping-units/{unit_id}", summary="Remove a helping unit 移除协助单位")
async def remove_helper(
    caller: Responsible,
    session: Writing,
    response: Response,
    expected: ExpectedVersion,
    project_id: UUID,
    unit_id: UUID,
) -> ProjectOut:
    """Let a unit help no longer."""
    project = await _begin(session, caller, project_id, expected)
    await changing.remove_helper(session, caller, project, unit_id)
    set_etag(response, project.version)
    return await project_out(session, project, caller)


@router.post("/v1/projects/{project_id}/cancel", summary="Cancel a project 取消项目")
async def cancel_project(
    caller: Responsible,
    session: Writing,
    response: Response,
    expected: ExpectedVersion,
    project_id: UUID,
    wanted: CancelIn,
) -> ProjectOut:
    """End a project that will not be done: offers and needs are free again, and the fund is asked no more."""
    project = await _begin(session, caller, project_id, expected)
    await changing.cancel_project(session, caller, project, wanted.reason)
    set_etag(response, project.version)
    return await project_out(session, project, caller)
