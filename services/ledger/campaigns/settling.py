"""Use cases of ending: settled when enough was raised, else everybody gets theirs back to the fen; never both."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

import structlog

from services.ledger.books.rules import Leg, TransactionKind, TransactionRequest
from services.ledger.books.service import post_all
from services.ledger.campaigns import repository
from services.ledger.campaigns.models import Campaign, CampaignGift
from services.ledger.campaigns.rules import STEPS, CampaignAction, CampaignState, GoalMissed
from services.ledger.campaigns.service import (
    facts_of,
    fund_of,
    lock_campaign,
    posting,
    require_no_change,
    withdraw_change,
)
from services.ledger.funds.models import Fund
from services.ledger.funds.rules import is_match_unlocked
from services.ledger.funds.service import charter_of
from shared.auth import Principal
from shared.clock import utc_now
from shared.contracts.ledger import CampaignRefunded, CampaignSettled
from shared.db import Database, WriteSession
from shared.messaging import publish
from shared.problems import Problem
from shared.steps import check_step

__all__ = ["cancel", "end_due", "refund_all", "settle"]

log = structlog.get_logger()

_GIFTS_AT_ONCE: Final = 500
_CAMPAIGNS_AT_ONCE: Final = 100
_SYSTEM: Final = "system"


async def settle(session: WriteSession, caller: Principal, campaign: Campaign) -> None:
    """Settle a campaign that has raised its minimum."""
    check_step(STEPS, CampaignAction.SETTLE, facts_of(campaign), caller)
    await require_no_change(session, campaign)
    await _settle(session, caller.actor, campaign)


async def _settle(session: WriteSession, actor: str, campaign: Campaign) -> None:
    """Move what was raised to what it was raised for, what is beyond the goal to the fund, and the fund's share."""
    raised_fen, _, _ = await repository.sums_of(session, campaign.id)
    if raised_fen < campaign.min_fen:
        raise GoalMissed(raised_fen=raised_fen, min_fen=campaign.min_fen)
    fund = await fund_of(session, campaign)
    kept_fen = min(raised_fen, campaign.goal_fen)
    legs = [Leg(campaign.account_id, campaign.result_account_id, kept_fen)]
    if raised_fen > kept_fen:
        legs.append(Leg(campaign.account_id, fund.fund_account, raised_fen - kept_fen))
    requests = [posting(fund, TransactionKind.POST, tuple(legs), f"campaign {campaign.id} settled")]
    share_fen = 0
    if campaign.hold_id is not None:
        share_fen = campaign.share_fen or 0
        is_unlocked = raised_fen >= (campaign.unlock_fen or 0)
        if not is_unlocked or not is_match_unlocked(charter_of(fund), share_fen=share_fen, raised_fen=raised_fen):
            share_fen = 0
        requests.append(_end_of_share(fund, campaign, share_fen))
    await post_all(session, actor, *requests)
    campaign.state, campaign.settled_at = CampaignState.SETTLED.value, utc_now()
    campaign.version += 1
    await session.flush()
    told = CampaignSettled(
        campaign_id=campaign.id, fund_id=fund.id, raised_fen=raised_fen, share_fen=share_fen, at=campaign.settled_at
    )
    await publish(session, f"campaign/{campaign.id}", told)


def _end_of_share(fund: Fund, campaign: Campaign, share_fen: int) -> TransactionRequest:
    """Return what spends the share that is held, or lets go of it."""
    description = f"share of campaign {campaign.id}"
    if share_fen:
        leg = Leg(fund.fund_account, campaign.result_account_id, share_fen)
        return posting(fund, TransactionKind.SETTLE, (leg,), description, hold_id=campaign.hold_id)
    return posting(fund, TransactionKind.VOID, (), description, hold_id=campaign.hold_id)


async def cancel(session: WriteSession, caller: Principal, campaign: Campaign, reason: str) -> None:
    """Give a campaign up, also while its givers are being asked about a change; everybody gets theirs back."""
    check_step(STEPS, CampaignAction.CANCEL, facts_of(campaign), caller)
    await withdraw_change(session, campaign)
    await _give_up(session, caller.actor, campaign, reason)


async def _give_up(session: WriteSession, actor: str, campaign: Campaign, reason: str) -> None:
    """Give every gift back, and let go of the fund's share."""
    fund = await fund_of(session, campaign)
    refunded_fen = await refund_all(session, actor, fund, campaign)
    if campaign.hold_id is not None:
        await post_all(session, actor, _end_of_share(fund, campaign, 0))
    campaign.state, campaign.refunded_at, campaign.because = CampaignState.REFUNDED.value, utc_now(), reason
    campaign.version += 1
    await session.flush()
    told = CampaignRefunded(
        campaign_id=campaign.id, fund_id=fund.id, refunded_fen=refunded_fen, reason=reason, at=campaign.refunded_at
    )
    await publish(session, f"campaign/{campaign.id}", told)


async def refund_all(
    session: WriteSession, actor: str, fund: Fund, campaign: Campaign, *, giver_id: UUID | None = None
) -> int:
    """Send all gifts back to where they came from, or all of one giver; returns the sum in fen."""
    refunded_fen = 0
    while gifts := await repository.received_gifts(session, campaign.id, giver_id=giver_id, limit=_GIFTS_AT_ONCE):
        refunded_fen += await _refund(session, actor, fund, campaign, gifts)
    return refunded_fen


async def _refund(
    session: WriteSession, actor: str, fund: Fund, campaign: Campaign, gifts: Sequence[CampaignGift]
) -> int:
    """Send as many gifts back as one batch takes, each by a refund of its own posting; returns the sum in fen."""
    requests = [
        posting(
            fund,
            TransactionKind.REFUND,
            (Leg(campaign.account_id, fund.bank_account, gift.amount_fen),),
            f"refund of gift {gift.id}",
            original_id=gift.transaction_id,
        )
        for gift in gifts
    ]
    await post_all(session, actor, *requests)
    now = utc_now()
    for gift, request in zip(gifts, requests, strict=True):
        gift.refunded_at, gift.refund_id = now, request.id
        gift.version += 1
    await session.flush()
    return sum(gift.amount_fen for gift in gifts)


async def end_due(database: Database, tenant: str) -> int:
    """Settle or refund the campaigns of a tenant whose day has passed; returns how many.

    One that cannot end is told in the log and tried again next time; it does not keep the others.
    """
    ended, now, after = 0, utc_now(), None
    while True:
        async with database.read(tenant) as session:
            due = await repository.due_campaigns(session, now, after=after, limit=_CAMPAIGNS_AT_ONCE)
        for campaign_id in due:
            try:
                ended += await _end(database, tenant, campaign_id)
            except Problem as problem:
                log.error("campaign_cannot_end", tenant=tenant, campaign=str(campaign_id), code=problem.code)
        if len(due) < _CAMPAIGNS_AT_ONCE:
            return ended
        after = due[-1]


async def _end(database: Database, tenant: str, campaign_id: UUID) -> bool:
    """End one campaign, if nobody else has; a change without all its answers lapses, so no money waits for them."""
    async with database.write(tenant) as session:
        campaign = await lock_campaign(session, campaign_id)
        if campaign.state not in {CampaignState.PROPOSED, CampaignState.OPEN} or campaign.deadline > utc_now():
            return False
        await withdraw_change(session, campaign)
        raised_fen, _, _ = await repository.sums_of(session, campaign.id)
        if campaign.state == CampaignState.OPEN and raised_fen >= campaign.min_fen:
            await _settle(session, _SYSTEM, campaign)
        else:
            await _give_up(session, _SYSTEM, campaign, "goal_missed")
        return True
