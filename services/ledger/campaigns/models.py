"""Tables of campaigns."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKeyConstraint, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from services.ledger.models import Base
from shared.db import Ltree, TenantRow

__all__ = ["Campaign", "CampaignAnswer", "CampaignApproval", "CampaignChange", "CampaignGift"]

_CAMPAIGN = ["ledger.campaigns.tenant_id", "ledger.campaigns.id"]


class Campaign(TenantRow, Base):
    """A goal, a day, and an account that holds what was given until it is settled or goes back."""

    __tablename__ = "campaigns"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "fund_id"], ["ledger.funds.tenant_id", "ledger.funds.id"]),
        CheckConstraint("state IN ('proposed', 'open', 'settled', 'refunded')", name="state"),
        CheckConstraint("(state = 'settled') = (settled_at IS NOT NULL)", name="settled"),
        CheckConstraint("(state = 'refunded') = (refunded_at IS NOT NULL)", name="refunded"),
        CheckConstraint("goal_fen > 0 AND min_fen BETWEEN 1 AND goal_fen", name="goal"),
        CheckConstraint("excess IN ('refuse', 'to_fund')", name="excess"),
        CheckConstraint(
            "(unlock_fen IS NULL) = (share_fen IS NULL) AND unlock_fen BETWEEN 1 AND goal_fen AND share_fen > 0",
            name="match",
        ),
        Index("campaigns_fund_idx", "tenant_id", "fund_id", "id"),
        Index("campaigns_due_idx", "tenant_id", "deadline", postgresql_where=text("state IN ('proposed', 'open')")),
    )
    fund_id: Mapped[UUID]
    area_path: Mapped[str] = mapped_column(Ltree())
    title: Mapped[str] = mapped_column(String(200))
    category: Mapped[str] = mapped_column(String(40))
    goal_fen: Mapped[int] = mapped_column(BigInteger)
    min_fen: Mapped[int] = mapped_column(BigInteger)
    deadline: Mapped[datetime]
    giver_cap_fen: Mapped[int | None] = mapped_column(BigInteger)
    excess: Mapped[str] = mapped_column(String(8))
    unlock_fen: Mapped[int | None] = mapped_column(BigInteger)
    share_fen: Mapped[int | None] = mapped_column(BigInteger)
    hold_id: Mapped[UUID | None]
    account_id: Mapped[UUID]
    result_account_id: Mapped[UUID]
    state: Mapped[str] = mapped_column(String(10))
    because: Mapped[str | None] = mapped_column(Text)
    opened_by: Mapped[UUID]
    opened_at: Mapped[datetime]
    settled_at: Mapped[datetime | None]
    refunded_at: Mapped[datetime | None]
    version: Mapped[int]


class CampaignApproval(Base):
    """An approver who lets the fund promise its share; never who has opened the campaign."""

    __tablename__ = "campaign_approvals"
    __table_args__ = (ForeignKeyConstraint(["tenant_id", "campaign_id"], _CAMPAIGN),)
    tenant_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    campaign_id: Mapped[UUID] = mapped_column(primary_key=True)
    person_id: Mapped[UUID] = mapped_column(primary_key=True)
    approved_at: Mapped[datetime]


class CampaignGift(TenantRow, Base):
    """What somebody has promised or given; received ones have their posting, refunded ones another."""

    __tablename__ = "campaign_gifts"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "campaign_id"], _CAMPAIGN),
        CheckConstraint("amount_fen > 0", name="amount"),
        CheckConstraint("giver_kind IN ('unit', 'person', 'household')", name="giver_kind"),
        CheckConstraint("(received_at IS NULL) = (transaction_id IS NULL)", name="received"),
        CheckConstraint("(refunded_at IS NULL) = (refund_id IS NULL)", name="refunded"),
        CheckConstraint("refunded_at IS NULL OR received_at IS NOT NULL", name="order"),
        Index("campaign_gifts_campaign_idx", "tenant_id", "campaign_id", "id"),
    )
    campaign_id: Mapped[UUID]
    giver_kind: Mapped[str] = mapped_column(String(10))
    giver_id: Mapped[UUID]
    amount_fen: Mapped[int] = mapped_column(BigInteger)
    due_on: Mapped[date | None]
    pledged_at: Mapped[datetime]
    received_at: Mapped[datetime | None]
    transaction_id: Mapped[UUID | None]
    refunded_at: Mapped[datetime | None]
    refund_id: Mapped[UUID | None]
    version: Mapped[int]


class CampaignChange(TenantRow, Base):
    """Another goal or day, which takes effect when every giver has agreed or left."""

    __tablename__ = "campaign_changes"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "campaign_id"], _CAMPAIGN),
        CheckConstraint("goal_fen IS NOT NULL OR deadline IS NOT NULL", name="content"),
        CheckConstraint("outcome IN ('accepted', 'withdrawn')", name="outcome"),
        CheckConstraint("(outcome IS NULL) = (decided_at IS NULL)", name="decided"),
        Index(
            "campaign_changes_open_key",
            "tenant_id",
            "campaign_id",
            unique=True,
            postgresql_where=text("decided_at IS NULL"),
        ),
    )
    campaign_id: Mapped[UUID]
    goal_fen: Mapped[int | None] = mapped_column(BigInteger)
    deadline: Mapped[datetime | None]
    reason: Mapped[str] = mapped_column(Text)
    asked_at: Mapped[datetime]
    outcome: Mapped[str | None] = mapped_column(String(10))
    decided_at: Mapped[datetime | None]


class CampaignAnswer(Base):
    """What one giver said to a change."""

    __tablename__ = "campaign_answers"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "change_id"], ["ledger.campaign_changes.tenant_id", "ledger.campaign_changes.id"]
        ),
        CheckConstraint("answer IN ('consent', 'leave')", name="answer"),
    )
    tenant_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    change_id: Mapped[UUID] = mapped_column(primary_key=True)
    giver_id: Mapped[UUID] = mapped_column(primary_key=True)
    answer: Mapped[str] = mapped_column(String(8))
    answered_by: Mapped[UUID]
    answered_at: Mapped[datetime]
