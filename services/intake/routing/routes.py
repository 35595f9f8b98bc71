"""HTTP of routing."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Path, Response

from services.intake.cases.repository import find_case
from services.intake.routing import repository, service
from services.intake.routing.dry_run import dry_run
from services.intake.routing.models import RoutingSet
from services.intake.routing.rules import SetState
from services.intake.routing.schemas import (
    CaseRoutingOut,
    DifferenceOut,
    DryRunIn,
    DryRunOut,
    ExplainIn,
    ExplanationOut,
    RuleSetIn,
    RuleSetOut,
    RuleSetSummary,
)
from services.intake.routing.views import (
    case_routing_out,
    difference_out,
    dry_run_out,
    explanation_out,
    set_out,
    set_summary,
)
from shared.auth import Principal, Role, requires
from shared.db import Session, WriteSession
from shared.pagination import Page, Paging
from shared.problems import NotFound
from shared.web import ExpectedVersion, Reading, Writing, check_version, service_router, set_etag

__all__ = ["router"]

router = service_router(tags=["routing 派单规则"])

_STAFF = (Role.GRID_WORKER, Role.OFFICER, Role.SECRETARY, Role.CONVENOR, Role.ADMINISTRATOR, Role.AUDITOR)
Keeper = Annotated[Principal, Depends(requires(Role.ADMINISTRATOR))]
Staff = Annotated[Principal, Depends(requires(*_STAFF))]
Handler = Annotated[Principal, Depends(requires(*_STAFF, Role.UNIT_STAFF))]
Number = Annotated[int, Path(ge=1, le=2_147_483_647)]


async def _told(session: Session, head: RoutingSet | None, response: Response) -> RuleSetOut:
    if head is None:
        raise NotFound
    set_etag(response, head.version)
    return set_out(await service.load_set(session, head))


async def _lock(session: WriteSession, expected: int) -> RoutingSet:
    draft = await service.lock_draft(session)
    if expected != draft.version:
        check_version(expected, draft.version, set_out(await service.load_set(session, draft)))
    return draft


@router.post("/v1/routing/draft", status_code=201, summary="Begin a draft 新建草稿")
async def begin_routing_draft(caller: Keeper, session: Writing, response: Response) -> RuleSetOut:
    """Make a draft of what is published; one that is there already is answered with 200."""
    draft, is_new = await service.begin_draft(session, caller)
    response.status_code = 201 if is_new else 200
    response.headers["Location"] = "/v1/routing/draft"
    return await _told(session, draft, response)


@router.get("/v1/routing/draft", summary="Read the draft 查看草稿")
async def read_routing_draft(_: Staff, session: Reading, response: Response) -> RuleSetOut:
    """Return the draft with its rules and its tests, tried."""
    return await _told(session, await repository.find_in_state(session, SetState.DRAFT), response)


@router.put("/v1/routing/draft", summary="Save the draft 保存草稿")
async def save_routing_draft(
    caller: Keeper, session: Writing, response: Response, expected: ExpectedVersion, wanted: RuleSetIn
) -> RuleSetOut:
    """Replace all rules and tests of the draft."""
    draft = await _lock(session, expected)
    await service.save_draft(session, caller, draft, wanted)
    return await _told(session, draft, response)


@router.delete("/v1/routing/draft", status_code=204, summary="Throw the draft away 放弃草稿")
async def remove_routing_draft(caller: Keeper, session: Writing, expected: ExpectedVersion) -> None:
    """Throw the draft away; what is published stays."""
    await service.remove_draft(session, caller, await _lock(session, expected))


@router.get("/v1/routing/draft/diff", summary="Compare with what is published 与已发布规则比较")
async def compare_routing_draft(_: Staff, session: Reading) -> DifferenceOut:
    """Return the rules that the draft adds, removes or changes."""
    return difference_out(*await service.compare_draft(session))


@router.post("/v1/routing/draft/dry-run", summary="Try the draft on past cases 试运行")
async def dry_run_routing_draft(caller: Keeper, session: Reading, wanted: DryRunIn) -> DryRunOut:
    """Count what each unit handled and would have handled, and show cases that would go elsewhere."""
    return dry_run_out(await dry_run(session, caller, wanted))


@router.post("/v1/routing/draft/publish", summary="Publish the draft 发布草稿")
async def publish_routing_draft(
    caller: Keeper, session: Writing, response: Response, expected: ExpectedVersion
) -> RuleSetOut:
    """Put the draft into force, if every test beside it passes; what was published is retired."""
    draft = await _lock(session, expected)
    return await _told(session, await service.publish_draft(session, caller, draft), response)


@router.get("/v1/routing/published", summary="Read what is published 查看已发布规则")
async def read_published_routing(_: Staff, session: Reading, response: Response) -> RuleSetOut:
    """Return the rules in force; `gone` tells which name what has been closed since."""
    return await _told(session, await repository.find_in_state(session, SetState.PUBLISHED), response)


@router.get("/v1/routing/versions", summary="List rule sets 规则版本列表")
async def list_routing_versions(_: Staff, session: Reading, paging: Paging) -> Page[RuleSetSummary]:
    """Return all sets, the newest first: who made and published each, and when."""
    after = paging.after[0] if paging.after else None
    rows = await repository.list_sets(session, after=after, limit=paging.size + 1)
    return paging.page(rows, key=lambda row: (row.number,), view=set_summary)


@router.get("/v1/routing/versions/{number}", summary="Read a rule set 查看规则版本")
async def read_routing_version(_: Staff, session: Reading, response: Response, number: Number) -> RuleSetOut:
    """Return one set as it was published."""
    return await _told(session, await repository.find_set(session, number), response)


@router.post("/v1/routing/explain", summary="Explain a routing 解释派单")
async def explain_routing(_: Staff, session: Reading, wanted: ExplainIn) -> ExplanationOut:
    """Explain how what is published, or the draft, routes given facts."""
    return explanation_out(await service.explain_facts(session, wanted))


@router.get("/v1/cases/{case_id}/routing", summary="Explain a case's routing 解释诉求派单")
async def explain_case_routing(caller: Handler, session: Reading, case_id: UUID) -> CaseRoutingOut:
    """Return every published rule in order of precedence: why it does not fit, and which wins."""
    case = await find_case(session, caller, case_id)
    if case is None:
        raise NotFound
    return case_routing_out(case, await service.explain_case(session, case))
