"""HTTP of campaigns."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Response

from services.ledger.books.service import READERS
from services.ledger.campaigns import changing, repository, service, settling
from services.ledger.campaigns.models import Campaign
from services.ledger.campaigns.rules import CampaignState
from services.ledger.campaigns.schemas import (
    AnswerIn,
    CampaignIn,
    CampaignOut,
    CancelIn,
    ChangeIn,
    ChangeOut,
    GiftIn,
    GiftOut,
)
from services.ledger.campaigns.views import campaign_out, change_out
from services.ledger.funds.service import get_fund
from shared.auth import Principal, Role, authenticated, requires
from shared.db import WriteSession
from shared.pagination import Page, Paging
from shared.problems import NotFound
from shared.web import ExpectedVersion, Reading, Writing, check_version, money_moves, service_router, set_etag

__all__ = ["router"]

router = service_router(tags=["campaigns 众筹"])

Caller = Annotated[Principal, Depends(authenticated)]
Treasurer = Annotated[Principal, Depends(requires(Role.TREASURER))]


async def _begin(session: WriteSession, caller: Principal, campaign_id: UUID, expected: int) -> Campaign:
    campaign = await service.lock_campaign(session, campaign_id)
    if expected != campaign.version:
        check_version(expected, campaign.version, await campaign_out(session, campaign, caller))
    return campaign


async def _told(session: WriteSession, caller: Principal, campaign: Campaign, response: Response) -> CampaignOut:
    set_etag(response, campaign.version)
    return await campaign_out(session, campaign, caller)


@router.post("/v1/funds/{fund_id}/campaigns", status_code=201, summary="Open a campaign 发起众筹")
async def open_campaign(
    caller: Treasurer, session: Writing, response: Response, fund_id: UUID, wanted: CampaignIn
) -> CampaignOut:
    """Open a campaign of a fund. With a share of the fund it waits until enough approvers have agreed."""
    campaign, is_new = await service.open_campaign(session, caller, await get_fund(session, fund_id), wanted)
    response.status_code = 201 if is_new else 200
    response.headers["Location"] = f"/v1/campaigns/{campaign.id}"
    return await _told(session, caller, campaign, response)


@router.get("/v1/funds/{fund_id}/campaigns", summary="Campaigns of a fund 众筹列表")
async def list_campaigns(
    caller: Caller, session: Reading, paging: Paging, fund_id: UUID, state: CampaignState | None = None
) -> Page[CampaignOut]:
    """Return the campaigns of a fund, the newest first."""
    await get_fund(session, fund_id)
    after = paging.after[0] if paging.after else None
    rows = await repository.campaigns_of(session, fund_id, state=state, after=after, limit=paging.size + 1)
    shown = {row.id: await campaign_out(session, row, caller) for row in rows}
    return paging.page(rows, key=lambda row: (row.id,), view=lambda row: shown[row.id])


@router.get("/v1/campaigns/{campaign_id}", summary="Read a campaign 众筹详情")
async def read_campaign(caller: Caller, session: Reading, response: Response, campaign_id: UUID) -> CampaignOut:
    """Return a campaign with what it has raised."""
    campaign = await repository.find_campaign(session, campaign_id)
    if campaign is None:
        raise NotFound
    set_etag(response, campaign.version)
    return await campaign_out(session, campaign, caller)


@router.post(
    "/v1/campaigns/{campaign_id}/approve",
    dependencies=[Depends(money_moves)],
    summary="Approve the fund's share 批准配比",
)
async def approve_share(
    caller: Annotated[Principal, Depends(requires(Role.APPROVER))],
    session: Writing,
    response: Response,
    expected: ExpectedVersion,
    campaign_id: UUID,
) -> CampaignOut:
    """Let the fund promise its share; the last approval that is needed holds it."""
    campaign = await _begin(session, caller, campaign_id, expected)
    await service.approve_share(session, caller, campaign)
    return await _told(session, caller, campaign, response)


@router.post(
    "/v1/campaigns/{campaign_id}/gifts",
    status_code=201,
    dependencies=[Depends(money_moves)],
    summary="Note a gift 登记众筹捐款",
)
async def give_to_campaign(
    caller: Treasurer, session: Writing, response: Response, campaign_id: UUID, wanted: GiftIn
) -> GiftOut:
    """Note a promise, or money that has arrived. Needs no version: it only adds."""
    campaign = await service.lock_campaign(session, campaign_id)
    gift, is_new = await service.give(session, caller, campaign, wanted)
    response.status_code = 201 if is_new else 200
    set_etag(response, gift.version)
    return GiftOut.model_validate(gift)


@router.get("/v1/campaigns/{campaign_id}/gifts", summary="Gifts to a campaign 众筹捐款列表")
async def list_gifts(
    caller: Annotated[Principal, Depends(requires(*READERS))], session: Reading, paging: Paging, campaign_id: UUID
) -> Page[GiftOut]:
    """Return the gifts to a campaign, the newest first, to who keeps or audits the fund."""
    campaign = await repository.find_campaign(session, campaign_id)
    if campaign is None:
        raise NotFound
    caller.must(*READERS, at=campaign.area_path, rule="book_readers")
    after = paging.after[0] if paging.after else None
    rows = await repository.gifts_of(session, campaign_id, after=after, limit=paging.size + 1)
    return paging.page(rows, key=lambda row: (row.id,), view=GiftOut.model_validate)


@router.post(
    "/v1/campaigns/{campaign_id}/gifts/{gift_id}/receive",
    dependencies=[Depends(money_moves)],
    summary="A promised gift has arrived 认捐到账",
)
async def receive_gift(
    caller: Treasurer, session: Writing, response: Response, campaign_id: UUID, gift_id: UUID
) -> GiftOut:
    """Note that a promised gift has arrived; the second time it is refused."""
    campaign = await service.lock_campaign(session, campaign_id)
    gift = await service.receive_gift(session, caller, campaign, gift_id)
    set_etag(response, gift.version)
    return GiftOut.model_validate(gift)


@router.post(
    "/v1/campaigns/{campaign_id}/settle", dependencies=[Depends(money_moves)], summary="Settle a campaign 众筹成功结算"
)
async def settle_campaign(
    caller: Treasurer, session: Writing, response: Response, expected: ExpectedVersion, campaign_id: UUID
) -> CampaignOut:
    """Settle a campaign that has raised its minimum; after the deadline that happens by itself."""
    campaign = await _begin(session, caller, campaign_id, expected)
    await settling.settle(session, caller, campaign)
    return await _told(session, caller, campaign, response)


@router.post(
    "/v1/campaigns/{campaign_id}/cancel", dependencies=[Depends(money_moves)], summary="Give a campaign up 取消众筹"
)
async def cancel_campaign(
    caller: Treasurer,
    session: Writing,
    response: Response,
    expected: ExpectedVersion,
    campaign_id: UUID,
    wanted: CancelIn,
) -> CampaignOut:
    """Give a campaign up; everybody gets theirs back to the fen."""
    campaign = await _begin(session, caller, campaign_id, expected)
    await settling.cancel(session, caller, campaign, wanted.reason)
    return await _told(session, caller, campaign, response)


@router.post("/v1/campaigns/{campaign_id}/changes", status_code=201, summary="Ask for a change 征求变更同意")
async def ask_change(
    caller: Treasurer, session: Writing, response: Response, campaign_id: UUID, wanted: ChangeIn
) -> ChangeOut:
    """Ask the givers about another goal or day; it takes effect when all have consented or left."""
    campaign = await service.lock_campaign(session, campaign_id)
    change, is_new = await changing.ask_change(session, caller, campaign, wanted)
    response.status_code = 201 if is_new else 200
    return await change_out(session, change)


@router.post(
    "/v1/campaigns/{campaign_id}/changes/{change_id}/answers",
    dependencies=[Depends(money_moves)],
    summary="A giver answers 捐赠人答复变更",
)
async def answer_change(
    caller: Caller, session: Writing, campaign_id: UUID, change_id: UUID, wanted: AnswerIn
) -> ChangeOut:
    """Hear one giver: stay, or leave with the gift."""
    campaign = await service.lock_campaign(session, campaign_id)
    return await change_out(session, await changing.answer_change(session, caller, campaign, change_id, wanted))
