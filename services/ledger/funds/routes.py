"""HTTP of funds."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Response

from services.ledger.funds import giving, repository, service
from services.ledger.funds.schemas import ContributionIn, ContributionOut, FundIn, FundOut, StatementOut
from shared.auth import Principal, Role, authenticated, requires
from shared.clock import today
from shared.pagination import Page, Paging
from shared.web import ExpectedVersion, Reading, Writing, check_version, money_moves, service_router, set_etag

__all__ = ["router"]

router = service_router(tags=["funds 基金"])

Caller = Annotated[Principal, Depends(authenticated)]
Treasurer = Annotated[Principal, Depends(requires(Role.TREASURER))]


@router.post("/v1/funds", status_code=201, summary="Open a fund with its charter 设立基金")
async def open_fund(
    caller: Annotated[Principal, Depends(requires(Role.TREASURER, Role.ADMINISTRATOR))],
    session: Writing,
    response: Response,
    wanted: FundIn,
) -> FundOut:
    """Open a fund; its book and accounts are opened with it."""
    fund, is_new = await service.open_fund(session, caller, wanted)
    response.status_code = 201 if is_new else 200
    response.headers["Location"] = f"/v1/funds/{fund.id}"
    set_etag(response, fund.version)
    return await service.fund_out(session, fund)


@router.get("/v1/funds", summary="List funds 基金列表")
async def list_funds(_: Caller, session: Reading, paging: Paging) -> Page[FundOut]:
    """Return the tenant's funds with what they have."""
    rows = await repository.list_funds(session, after=paging.after, limit=paging.size + 1)
    shown = {row.id: await service.fund_out(session, row) for row in rows}
    return paging.page(rows, key=lambda row: (row.opened_at, row.id), view=lambda row: shown[row.id])


@router.get("/v1/funds/{fund_id}", summary="Read a fund 基金详情")
async def read_fund(_: Caller, session: Reading, response: Response, fund_id: UUID) -> FundOut:
    """Return one fund: charter, balance, what is held and what is free."""
    fund = await service.get_fund(session, fund_id)
    set_etag(response, fund.version)
    return await service.fund_out(session, fund)


@router.post(
    "/v1/funds/{fund_id}/contributions",
    status_code=201,
    dependencies=[Depends(money_moves)],
    summary="Note a contribution 登记捐赠",
)
async def contribute(
    caller: Treasurer, session: Writing, response: Response, fund_id: UUID, wanted: ContributionIn
) -> ContributionOut:
    """Note a pledge, or money that has arrived."""
    fund = await service.get_fund(session, fund_id)
    contribution, is_new = await giving.contribute(session, caller, fund, wanted)
    response.status_code = 201 if is_new else 200
    set_etag(response, contribution.version)
    return giving.contribution_out(contribution, today())


@router.get("/v1/funds/{fund_id}/contributions", summary="Contributions, and who is late 捐赠与拖欠")
async def list_contributions(caller: Caller, session: Reading, paging: Paging, fund_id: UUID) -> Page[ContributionOut]:
    """Return the contributions to a fund, the newest first: all to who keeps or audits it, the own to everybody."""
    fund = await service.get_fund(session, fund_id)
    seen = giving.givers_seen_by(caller, fund)
    rows = await repository.contributions_of(
        session, fund_id=fund_id, grant_id=None, givers=seen, after=paging.after, limit=paging.size + 1
    )
    day = today()
    return paging.page(
        rows, key=lambda row: (row.pledged_at, row.id), view=lambda row: giving.contribution_out(row, day)
    )


@router.post(
    "/v1/funds/{fund_id}/contributions/{contribution_id}/receive",
    dependencies=[Depends(money_moves)],
    summary="A pledge has arrived 捐赠到账",
)
async def receive_contribution(
    caller: Treasurer,
    session: Writing,
    response: Response,
    expected: ExpectedVersion,
    fund_id: UUID,
    contribution_id: UUID,
) -> ContributionOut:
    """Note that a pledge has arrived in the bank."""
    fund = await service.get_fund(session, fund_id)
    day = today()
    current = await repository.find_contribution(session, contribution_id)
    if current is not None and current.fund_id == fund.id:
        check_version(expected, current.version, giving.contribution_out(current, day))
    contribution = await giving.receive_contribution(session, caller, fund, contribution_id)
    set_etag(response, contribution.version)
    return giving.contribution_out(contribution, day)


@router.get("/v1/funds/{fund_id}/statement", summary="Statement of a fund 基金公示")
async def read_statement(_: Caller, session: Reading, fund_id: UUID) -> StatementOut:
    """Return where the fund's money came from and went to."""
    return await service.statement_of(session, await service.get_fund(session, fund_id))
