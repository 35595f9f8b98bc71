"""Use cases of campaigns: opening, the fund's promise, and giving."""

from datetime import UTC
from uuid import UUID

from services.ledger.books import repository as books
from services.ledger.books.rules import AccountClass, Leg, NewAccount, TransactionKind, TransactionRequest
from services.ledger.books.service import post_all
from services.ledger.campaigns import repository
from services.ledger.campaigns.models import Campaign, CampaignApproval, CampaignGift
from services.ledger.campaigns.rules import (
    STEPS,
    AlreadyApproved,
    AlreadyReceived,
    BadGoal,
    CampaignAction,
    CampaignFacts,
    CampaignState,
    ChangeOpen,
    DeadlinePassed,
    GiverCap,
    OpenerApproves,
    OverFunded,
)
from services.ledger.campaigns.schemas import CampaignIn, GiftIn
from services.ledger.funds import repository as funds
from services.ledger.funds.giving import require_unit
from services.ledger.funds.models import Fund
from services.ledger.funds.rules import GiverNotAllowed, is_match_unlocked, tier_of
from services.ledger.funds.service import charter_of
from services.ledger.grants.rules import CategoryNotAllowed
from shared.auth import Principal, Role
from shared.clock import today, utc_now
from shared.db import Session, WriteSession
from shared.ids import new_id
from shared.problems import IdTaken, NotFound, Unauthenticated
from shared.steps import check_step

__all__ = [
    "approve_share",
    "facts_of",
    "fund_of",
    "give",
    "lock_campaign",
    "open_campaign",
    "posting",
    "receive_gift",
    "require_no_change",
    "withdraw_change",
]


def facts_of(campaign: Campaign) -> CampaignFacts:
    """Return what the rules know of a campaign."""
    return CampaignFacts(CampaignState(campaign.state), campaign.area_path)


async def fund_of(session: Session, campaign: Campaign) -> Fund:
    """Return the fund of a campaign."""
    fund = await funds.find_fund(session, campaign.fund_id)
    if fund is None:
        raise NotFound
    return fund


async def lock_campaign(session: WriteSession, campaign_id: UUID) -> Campaign:
    """Return a campaign for a change, or NotFound."""
    campaign = await repository.lock_campaign(session, campaign_id)
    if campaign is None:
        raise NotFound
    return campaign


def posting(
    fund: Fund,
    kind: TransactionKind,
    legs: tuple[Leg, ...],
    description: str,
    *,
    original_id: UUID | None = None,
    hold_id: UUID | None = None,
) -> TransactionRequest:
    """Return a transaction in the fund's book, today."""
    return TransactionRequest(
        id=new_id(),
        book_id=fund.book_id,
        kind=kind,
        legs=legs,
        description=description,
        effective_on=today(),
        hold_id=hold_id,
        is_final=kind is TransactionKind.SETTLE,
        original_id=original_id,
    )


async def open_campaign(
    session: WriteSession, caller: Principal, fund: Fund, wanted: CampaignIn
) -> tuple[Campaign, bool]:
    """Open a campaign of a fund; returns it and whether it is new. With a share of the fund it waits for approval."""
    caller.must(Role.TREASURER, at=fund.area_path, rule="treasurers_keep_campaigns")
    if caller.subject_id is None:
        raise Unauthenticated
    members = wanted.model_dump(exclude={"id", "match", "min_fen"})
    members |= {"min_fen": wanted.min_fen or wanted.goal_fen, "deadline": wanted.deadline.astimezone(UTC)}
    members["unlock_fen"], members["share_fen"] = (
        (wanted.match.unlock_fen, wanted.match.share_fen) if wanted.match else (None, None)
    )
    earlier = await repository.find_campaign(session, wanted.id) if wanted.id else None
    if earlier is not None:
        if any(getattr(earlier, name) != value for name, value in members.items()) or earlier.fund_id != fund.id:
            raise IdTaken(pointer="/id")
        return earlier, False
    _check(fund, wanted)
    campaign_id, account_id, result_id = wanted.id or new_id(), new_id(), new_id()
    for account in (
        NewAccount(
            account_id, fund.book_id, f"campaign:{campaign_id}", wanted.title, AccountClass.LIABILITY, floor_fen=0
        ),
        NewAccount(
            result_id,
            fund.book_id,
            f"restricted:campaign:{campaign_id}",
            f"限定资金 Restricted: {wanted.title}"[:200],
            AccountClass.NET_ASSETS,
            floor_fen=0,
            purpose=wanted.category,
        ),
    ):
        await books.open_account(session, account)
    campaign = Campaign(
        tenant_id=session.tenant,
        id=campaign_id,
        fund_id=fund.id,
        area_path=fund.area_path,
        account_id=account_id,
        result_account_id=result_id,
        state=(CampaignState.PROPOSED if wanted.match else CampaignState.OPEN).value,
        opened_by=caller.subject_id,
        opened_at=utc_now(),
        version=1,
        **members,
    )
    session.add(campaign)
    await session.flush()
    return campaign, True


def _check(fund: Fund, wanted: CampaignIn) -> None:
    """Refuse a campaign that its fund's charter does not know, or that could never come to an end."""
    charter = charter_of(fund)
    if wanted.category not in charter.categories:
        raise CategoryNotAllowed(pointer="/category")
    if wanted.min_fen is not None and wanted.min_fen > wanted.goal_fen:
        raise BadGoal(pointer="/min_fen")
    if wanted.deadline <= utc_now():
        raise BadGoal(pointer="/deadline")
    match = wanted.match
    if match is None:
        return
    if match.unlock_fen > wanted.goal_fen:
        raise BadGoal(pointer="/match/unlock_fen")
    is_above_cap = charter.cap_fen is not None and match.share_fen > charter.cap_fen
    if is_above_cap or not is_match_unlocked(charter, share_fen=match.share_fen, raised_fen=match.unlock_fen):
        raise BadGoal(pointer="/match/share_fen")
    tier_of(charter.tiers, match.share_fen)


async def approve_share(session: WriteSession, caller: Principal, campaign: Campaign) -> None:
    """Let the fund promise its share; with the last approval that the charter asks for it is held, and gifts begin."""
    check_step(STEPS, CampaignAction.APPROVE, facts_of(campaign), caller)
    if caller.subject_id is None:
        raise Unauthenticated
    if caller.subject_id == campaign.opened_by:
        raise OpenerApproves(rule="opener_is_not_approver")
    approvals = await repository.approvals_of(session, campaign.id)
    if caller.subject_id in approvals:
        raise AlreadyApproved
    session.add(
        CampaignApproval(
            tenant_id=session.tenant, campaign_id=campaign.id, person_id=caller.subject_id, approved_at=utc_now()
        )
    )
    campaign.version += 1
    await session.flush()
    fund, share_fen = await fund_of(session, campaign), campaign.share_fen or 0
    if len(approvals) + 1 < tier_of(charter_of(fund).tiers, share_fen).approvals:
        return
    leg = Leg(fund.fund_account, campaign.result_account_id, share_fen)
    request = posting(fund, TransactionKind.HOLD, (leg,), f"share of campaign {campaign.id}")
    await post_all(session, caller.actor, request)
    campaign.hold_id, campaign.state = request.id, CampaignState.OPEN.value
    await session.flush()


async def require_no_change(session: Session, campaign: Campaign) -> None:
    """Refuse while the givers are being asked about a change."""
    if await repository.open_change(session, campaign.id) is not None:
        raise ChangeOpen


async def withdraw_change(session: WriteSession, campaign: Campaign) -> None:
    """End the asking without an answer, if givers are being asked: what they have given for stands."""
    change = await repository.open_change(session, campaign.id)
    if change is not None:
        change.outcome, change.decided_at = "withdrawn", utc_now()
        await session.flush()


async def give(
    session: WriteSession, caller: Principal, campaign: Campaign, wanted: GiftIn
) -> tuple[CampaignGift, bool]:
    """Note what somebody promises or has given to a campaign; returns it and whether it is new.

    Asked again it is the same gift, also after the end of the campaign.
    """
    caller.must(Role.TREASURER, at=campaign.area_path, rule="treasurers_keep_campaigns")
    earlier = await repository.lock_gift(session, wanted.id) if wanted.id else None
    if earlier is not None:
        kept = (earlier.campaign_id, earlier.giver_kind, earlier.giver_id, earlier.amount_fen, earlier.due_on)
        is_other = kept != (campaign.id, wanted.giver_kind, wanted.giver_id, wanted.amount_fen, wanted.due_on)
        # A promise that has not arrived is never answered for money that is said to have.
        if is_other or (wanted.received and earlier.received_at is None):
            raise IdTaken(pointer="/id")
        return earlier, False
    check_step(STEPS, CampaignAction.GIVE, facts_of(campaign), caller)
    fund = await fund_of(session, campaign)
    if wanted.giver_kind not in charter_of(fund).giver_kinds:
        raise GiverNotAllowed(rule="charter_giver_kinds")
    await require_unit(session, wanted.giver_kind, wanted.giver_id)
    await _check_room(session, campaign, wanted)
    gift = CampaignGift(
        tenant_id=session.tenant,
        id=wanted.id or new_id(),
        campaign_id=campaign.id,
        pledged_at=utc_now(),
        version=1,
        **wanted.model_dump(exclude={"id", "received"}),
    )
    session.add(gift)
    await session.flush()
    if wanted.received:
        await _receive(session, caller, fund, campaign, gift)
    campaign.version += 1
    await session.flush()
    return gift, True


async def _check_room(session: Session, campaign: Campaign, wanted: GiftIn) -> None:
    """Refuse what comes too late, what is more than one may give, and what is more than the goal."""
    await require_no_change(session, campaign)
    if campaign.deadline <= utc_now():
        raise DeadlinePassed
    given_fen = await repository.given_by(session, campaign.id, wanted.giver_id)
    cap_fen = campaign.giver_cap_fen
    if cap_fen is not None and given_fen + wanted.amount_fen > cap_fen:
        raise GiverCap(pointer="/amount_fen", giver_cap_fen=cap_fen, given_fen=given_fen)
    raised_fen, pledged_fen, _ = await repository.sums_of(session, campaign.id)
    if campaign.excess == "refuse" and raised_fen + pledged_fen + wanted.amount_fen > campaign.goal_fen:
        raise OverFunded(goal_fen=campaign.goal_fen, raised_fen=raised_fen, pledged_fen=pledged_fen)


async def receive_gift(session: WriteSession, caller: Principal, campaign: Campaign, gift_id: UUID) -> CampaignGift:
    """Note that a promised gift has arrived."""
    check_step(STEPS, CampaignAction.GIVE, facts_of(campaign), caller)
    gift = await repository.lock_gift(session, gift_id)
    if gift is None or gift.campaign_id != campaign.id:
        raise NotFound
    if gift.received_at is not None:
        raise AlreadyReceived
    await require_no_change(session, campaign)
    if campaign.deadline <= utc_now():
        raise DeadlinePassed
    await _receive(session, caller, await fund_of(session, campaign), campaign, gift)
    gift.version += 1
    campaign.version += 1
    await session.flush()
    return gift


async def _receive(
    session: WriteSession, caller: Principal, fund: Fund, campaign: Campaign, gift: CampaignGift
) -> None:
    """Post what has arrived in the bank: it is owed to the givers until the campaign is settled."""
    leg = Leg(fund.bank_account, campaign.account_id, gift.amount_fen)
    request = posting(fund, TransactionKind.POST, (leg,), f"gift {gift.id} to campaign {campaign.id}")
    await post_all(session, caller.actor, request)
    gift.received_at, gift.transaction_id = utc_now(), request.id
    await session.flush()
