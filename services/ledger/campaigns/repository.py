"""SQL of campaigns."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, func, select

from services.ledger.campaigns.models import Campaign, CampaignAnswer, CampaignApproval, CampaignChange, CampaignGift
from shared.db import Session, WriteSession

__all__ = [
    "answers_to",
    "approvals_of",
    "campaigns_of",
    "due_campaigns",
    "find_campaign",
    "find_change",
    "gifts_of",
    "given_by",
    "givers_of",
    "holds_gifts",
    "lock_campaign",
    "lock_gift",
    "open_change",
    "received_gifts",
    "sums_of",
]


async def find_campaign(session: Session, campaign_id: UUID) -> Campaign | None:
    """Return a campaign."""
    return await session.scalar(
        select(Campaign).where(Campaign.tenant_id == session.tenant, Campaign.id == campaign_id)
    )


async def lock_campaign(session: WriteSession, campaign_id: UUID) -> Campaign | None:
    """Return a campaign and keep others from changing it, or giving to it, meanwhile."""
    statement = select(Campaign).where(Campaign.tenant_id == session.tenant, Campaign.id == campaign_id)
    return await session.scalar(statement.with_for_update())


async def campaigns_of(
    session: Session, fund_id: UUID, *, state: str | None, after: UUID | None, limit: int
) -> Sequence[Campaign]:
    """Return the campaigns of a fund, the newest first."""
    statement = select(Campaign).where(Campaign.tenant_id == session.tenant, Campaign.fund_id == fund_id)
    if state is not None:
        statement = statement.where(Campaign.state == state)
    if after is not None:
        statement = statement.where(Campaign.id < after)
    return (await session.scalars(statement.order_by(Campaign.id.desc()).limit(limit))).all()


async def due_campaigns(session: Session, now: datetime, *, after: UUID | None, limit: int) -> Sequence[UUID]:
    """Return the campaigns whose day has passed, by id."""
    statement = select(Campaign.id).where(
        Campaign.tenant_id == session.tenant, Campaign.state.in_(("proposed", "open")), Campaign.deadline <= now
    )
    if after is not None:
        statement = statement.where(Campaign.id > after)
    return (await session.scalars(statement.order_by(Campaign.id).limit(limit))).all()


async def holds_gifts(session: Session, account_ids: Collection[UUID]) -> bool:
    """Tell whether one of some accounts is that of a campaign's gifts."""
    statement = select(Campaign.id).where(Campaign.tenant_id == session.tenant, Campaign.account_id.in_(account_ids))
    return await session.scalar(statement.limit(1)) is not None


def _standing(campaign_id: UUID, tenant: str) -> list[ColumnElement[bool]]:
    return [
        CampaignGift.tenant_id == tenant,
        CampaignGift.campaign_id == campaign_id,
        CampaignGift.refunded_at.is_(None),
    ]


async def sums_of(session: Session, campaign_id: UUID) -> tuple[int, int, int]:
    """Sum what has been received and not gone back, what is only promised, and count the givers."""
    received = CampaignGift.received_at.is_not(None)
    statement = select(
        func.coalesce(func.sum(CampaignGift.amount_fen).filter(received), 0),
        func.coalesce(func.sum(CampaignGift.amount_fen).filter(~received), 0),
        func.count(CampaignGift.giver_id.distinct()),
    ).where(*_standing(campaign_id, session.tenant))
    row = (await session.execute(statement)).one()
    return int(row[0]), int(row[1]), int(row[2])


async def given_by(session: Session, campaign_id: UUID, giver_id: UUID) -> int:
    """Sum what one giver has given or promised."""
    statement = select(func.coalesce(func.sum(CampaignGift.amount_fen), 0)).where(
        *_standing(campaign_id, session.tenant), CampaignGift.giver_id == giver_id
    )
    return int(await session.scalar(statement) or 0)


async def givers_of(session: Session, campaign_id: UUID) -> set[UUID]:
    """Return who has money in a campaign."""
    statement = select(CampaignGift.giver_id).where(
        *_standing(campaign_id, session.tenant), CampaignGift.received_at.is_not(None)
    )
    return set(await session.scalars(statement.distinct()))


async def received_gifts(
    session: Session, campaign_id: UUID, *, giver_id: UUID | None = None, limit: int
) -> Sequence[CampaignGift]:
    """Return gifts that are in a campaign, by id."""
    statement = select(CampaignGift).where(
        *_standing(campaign_id, session.tenant), CampaignGift.received_at.is_not(None)
    )
    if giver_id is not None:
        statement = statement.where(CampaignGift.giver_id == giver_id)
    return (await session.scalars(statement.order_by(CampaignGift.id).limit(limit))).all()


async def gifts_of(session: Session, campaign_id: UUID, *, after: UUID | None, limit: int) -> Sequence[CampaignGift]:
    """Return the gifts to a campaign, the newest first."""
    statement = select(CampaignGift).where(
        CampaignGift.tenant_id == session.tenant, CampaignGift.campaign_id == campaign_id
    )
    if after is not None:
        statement = statement.where(CampaignGift.id < after)
    return (await session.scalars(statement.order_by(CampaignGift.id.desc()).limit(limit))).all()


async def lock_gift(session: WriteSession, gift_id: UUID) -> CampaignGift | None:
    """Return a gift and keep others from changing it meanwhile."""
    statement = select(CampaignGift).where(CampaignGift.tenant_id == session.tenant, CampaignGift.id == gift_id)
    return await session.scalar(statement.with_for_update())


async def approvals_of(session: Session, campaign_id: UUID) -> set[UUID]:
    """Return who has approved the fund's share."""
    statement = select(CampaignApproval.person_id).where(
        CampaignApproval.tenant_id == session.tenant, CampaignApproval.campaign_id == campaign_id
    )
    return set(await session.scalars(statement))


async def open_change(session: Session, campaign_id: UUID) -> CampaignChange | None:
    """Return the change about which the givers are being asked."""
    return await session.scalar(
        select(CampaignChange).where(
            CampaignChange.tenant_id == session.tenant,
            CampaignChange.campaign_id == campaign_id,
            CampaignChange.decided_at.is_(None),
        )
    )


async def find_change(session: Session, change_id: UUID) -> CampaignChange | None:
    """Return a change."""
    return await session.scalar(
        select(CampaignChange).where(CampaignChange.tenant_id == session.tenant, CampaignChange.id == change_id)
    )


async def answers_to(session: Session, change_id: UUID) -> dict[UUID, str]:
    """Return what each giver has said to a change."""
    statement = select(CampaignAnswer.giver_id, CampaignAnswer.answer).where(
        CampaignAnswer.tenant_id == session.tenant, CampaignAnswer.change_id == change_id
    )
    return {row.giver_id: row.answer for row in await session.execute(statement)}
