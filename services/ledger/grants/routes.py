"""HTTP of grants."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Response

from services.ledger.funds.giving import contribution_out
from services.ledger.funds.schemas import ContributionOut
from services.ledger.funds.service import get_fund
from services.ledger.grants import money, repository, service, voting
from services.ledger.grants.models import Grant
from services.ledger.grants.problems import UnknownProject
from services.ledger.grants.projects import is_known_project
from services.ledger.grants.rules import GrantAction, GrantState
from services.ledger.grants.schemas import GrantIn, GrantOut, GrantSummary, OwnMoneyIn, ReasonIn, ReviewIn, VoteIn
from services.ledger.grants.views import grant_out
from shared.auth import Principal, Role, authenticated, requires
from shared.clock import today
from shared.db import WriteSession
from shared.pagination import Page, Paging
from shared.problems import NotFound, Unauthenticated
from shared.web import (
    ExpectedVersion,
    Reading,
    Writing,
    check_version,
    money_moves,
    service_router,
    set_etag,
)

__all__ = ["router"]

router = service_router(tags=["grants 资助"])

Caller = Annotated[Principal, Depends(authenticated)]
Approver = Annotated[Principal, Depends(requires(Role.APPROVER))]
Treasurer = Annotated[Principal, Depends(requires(Role.TREASURER))]
Applicant = Annotated[Principal, Depends(requires(Role.OFFICER, Role.SECRETARY, Role.UNIT_STAFF))]


@router.post("/v1/grants", status_code=201, summary="Apply for a grant 申请资助")
async def apply_for_grant(caller: Applicant, session: Writing, response: Response, wanted: GrantIn) -> GrantOut:
    """Ask a fund for money by hand; projects ask by themselves."""
    if caller.subject_id is None:
        raise Unauthenticated
    await get_fund(session, wanted.fund_id)
    if wanted.project_id is not None and not await is_known_project(session, wanted.project_id):
        raise UnknownProject(pointer="/project_id")
    asked = service.Application(request_id=None, applicant_id=caller.subject_id, **wanted.model_dump())
    grant, is_new = await service.apply_for_grant(session, asked)
    response.status_code = 201 if is_new else 200
    response.headers["Location"] = f"/v1/grants/{grant.id}"
    set_etag(response, grant.version)
    return await grant_out(session, grant, caller)


@router.get("/v1/grants", summary="List grants 资助列表")
async def list_grants(
    _: Caller,
    session: Reading,
    paging: Paging,
    fund_id: UUID | None = None,
    project_id: UUID | None = None,
    state: GrantState | None = None,
) -> Page[GrantSummary]:
    """Return grants, the newest first."""
    rows = await repository.list_grants(
        session, fund_id=fund_id, project_id=project_id, state=state, after=paging.after, limit=paging.size + 1
    )
    return paging.page(rows, key=lambda row: (row.submitted_at, row.id), view=GrantSummary.model_validate)


@router.get("/v1/grants/{grant_id}", summary="Read a grant 资助详情")
async def read_grant(caller: Caller, session: Reading, response: Response, grant_id: UUID) -> GrantOut:
    """Return a grant whole."""
    grant = await repository.find_grant(session, grant_id)
    if grant is None:
        raise NotFound
    set_etag(response, grant.version)
    return await grant_out(session, grant, caller)


async def _begin(session: WriteSession, caller: Principal, grant_id: UUID, expected: int) -> Grant:
    grant = await service.lock_grant(session, grant_id)
    if expected != grant.version:
        check_version(expected, grant.version, await grant_out(session, grant, caller))
    return grant


async def _told(session: WriteSession, caller: Principal, grant: Grant, response: Response) -> GrantOut:
    set_etag(response, grant.version)
    return await grant_out(session, grant, caller)


@router.post("/v1/grants/{grant_id}/review", summary="Review an application 评审")
async def review_grant(
    caller: Annotated[Principal, Depends(requires(Role.REVIEWER))],
    session: Writing,
    response: Response,
    expected: ExpectedVersion,
    grant_id: UUID,
    wanted: ReviewIn,
) -> GrantOut:
    """Say what an independent look at the application has found; a reviewer does not vote."""
    grant = await _begin(session, caller, grant_id, expected)
    await voting.review(session, caller, grant, wanted)
    return await _told(session, caller, grant, response)


@router.post("/v1/grants/{grant_id}/approve", dependencies=[Depends(money_moves)], summary="Approve 同意")
async def approve_grant(
    caller: Approver, session: Writing, response: Response, expected: ExpectedVersion, grant_id: UUID, wanted: VoteIn
) -> GrantOut:
    """Approve; the last approval that is needed holds the money."""
    grant = await _begin(session, caller, grant_id, expected)
    await voting.vote(session, caller, grant, GrantAction.APPROVE, wanted.reason)
    return await _told(session, caller, grant, response)


@router.post("/v1/grants/{grant_id}/refuse", dependencies=[Depends(money_moves)], summary="Refuse 不同意")
async def refuse_grant(
    caller: Approver, session: Writing, response: Response, expected: ExpectedVersion, grant_id: UUID, wanted: ReasonIn
) -> GrantOut:
    """Refuse, with a reason; households get their own money back."""
    grant = await _begin(session, caller, grant_id, expected)
    await voting.vote(session, caller, grant, GrantAction.REFUSE, wanted.reason)
    return await _told(session, caller, grant, response)


@router.post("/v1/grants/{grant_id}/recuse", summary="Declare a conflict of interest 声明回避")
async def recuse(
    caller: Approver, session: Writing, response: Response, expected: ExpectedVersion, grant_id: UUID, wanted: ReasonIn
) -> GrantOut:
    """Declare a conflict of interest; who has declared one does not vote."""
    grant = await _begin(session, caller, grant_id, expected)
    await voting.vote(session, caller, grant, GrantAction.RECUSE, wanted.reason)
    return await _told(session, caller, grant, response)


@router.post("/v1/grants/{grant_id}/withdraw", dependencies=[Depends(money_moves)], summary="Withdraw 撤回")
async def withdraw_grant(
    caller: Applicant, session: Writing, response: Response, expected: ExpectedVersion, grant_id: UUID, wanted: ReasonIn
) -> GrantOut:
    """Take an application back."""
    grant = await _begin(session, caller, grant_id, expected)
    await voting.withdraw(session, caller, grant, wanted.reason)
    return await _told(session, caller, grant, response)


@router.post(
    "/v1/grants/{grant_id}/contributions",
    status_code=201,
    dependencies=[Depends(money_moves)],
    summary="A household's own money 居民自筹",
)
async def give_own_money(
    caller: Treasurer, session: Writing, response: Response, grant_id: UUID, wanted: OwnMoneyIn
) -> ContributionOut:
    """Note what a household has paid in. Needs no version: it only adds."""
    grant = await service.lock_grant(session, grant_id)
    contribution, is_new = await money.give_own_money(session, caller, grant, wanted)
    response.status_code = 201 if is_new else 200
    return contribution_out(contribution, today())


@router.post(
    "/v1/grants/{grant_id}/close", dependencies=[Depends(money_moves)], summary="Close and share what is left 结项"
)
async def close_grant(
    caller: Treasurer, session: Writing, response: Response, expected: ExpectedVersion, grant_id: UUID
) -> GrantOut:
    """End a grant; what is left goes back to fund and households in proportion."""
    grant = await _begin(session, caller, grant_id, expected)
    await money.close_grant(session, caller, grant)
    return await _told(session, caller, grant, response)
