"""Tables of grants. That applicant, approvers and payer are different people is also the database's business."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKeyConstraint, Index, Integer, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from services.ledger.grants.rules import GrantState
from services.ledger.models import Base
from shared.db import Ltree, TenantRow

__all__ = ["Grant", "GrantReview", "GrantSource", "GrantVote"]


class Grant(TenantRow, Base):
    """An application to a fund and what became of it; asked + own = total."""

    __tablename__ = "grants"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "fund_id"], ["ledger.funds.tenant_id", "ledger.funds.id"]),
        CheckConstraint(f"state IN ({', '.join(repr(s.value) for s in GrantState)})", name="state"),
        CheckConstraint("asked_fen > 0 AND own_fen >= 0 AND asked_fen + own_fen = total_fen", name="sum"),
        Index("grants_request_key", "tenant_id", "request_id", unique=True),
        Index("grants_fund_idx", "tenant_id", "fund_id", text("submitted_at DESC"), text("id DESC")),
    )
    fund_id: Mapped[UUID]
    area_path: Mapped[str] = mapped_column(Ltree())
    project_id: Mapped[UUID | None]
    request_id: Mapped[UUID | None]
    applicant_id: Mapped[UUID]
    category: Mapped[str] = mapped_column(String(40))
    purpose: Mapped[str] = mapped_column(String(200))
    total_fen: Mapped[int] = mapped_column(BigInteger)
    own_fen: Mapped[int] = mapped_column(BigInteger)
    asked_fen: Mapped[int] = mapped_column(BigInteger)
    approvals_needed: Mapped[int] = mapped_column(Integer)
    state: Mapped[str] = mapped_column(String(10))
    reason: Mapped[str | None] = mapped_column(Text)
    account_id: Mapped[UUID]
    hold_id: Mapped[UUID | None]
    submitted_at: Mapped[datetime]
    decided_at: Mapped[datetime | None]
    version: Mapped[int]
    voters: Mapped[int | None] = mapped_column(Integer)
    quorum: Mapped[int] = mapped_column(Integer, server_default=text("1"))
    back_to_fund_fen: Mapped[int | None] = mapped_column(BigInteger)
    back_to_households_fen: Mapped[int | None] = mapped_column(BigInteger)


class GrantVote(Base):
    """What one person said: approve, refuse, or a declared conflict of interest."""

    __tablename__ = "grant_votes"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "grant_id"], ["ledger.grants.tenant_id", "ledger.grants.id"]),
        CheckConstraint("vote IN ('approve', 'refuse', 'recuse')", name="vote"),
    )
    tenant_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    grant_id: Mapped[UUID] = mapped_column(primary_key=True)
    person_id: Mapped[UUID] = mapped_column(primary_key=True)
    vote: Mapped[str] = mapped_column(String(8))
    reason: Mapped[str | None] = mapped_column(Text)
    voted_at: Mapped[datetime]


class GrantSource(Base):
    """Where a part of the fund's share comes from, the hold on it, and the account of the grant that it goes to."""

    __tablename__ = "grant_sources"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "grant_id"], ["ledger.grants.tenant_id", "ledger.grants.id"]),
        ForeignKeyConstraint(["tenant_id", "hold_id"], ["ledger.holds.tenant_id", "ledger.holds.id"]),
        CheckConstraint("amount_fen > 0", name="amount"),
    )
    tenant_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    grant_id: Mapped[UUID] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    from_account: Mapped[UUID]
    to_account: Mapped[UUID]
    hold_id: Mapped[UUID]
    amount_fen: Mapped[int] = mapped_column(BigInteger)


class GrantReview(Base):
    """What an independent reviewer found before the vote."""

    __tablename__ = "grant_reviews"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "grant_id"], ["ledger.grants.tenant_id", "ledger.grants.id"]),
        CheckConstraint("opinion IN ('recommend', 'advise_against', 'conflict')", name="opinion"),
    )
    tenant_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    grant_id: Mapped[UUID] = mapped_column(primary_key=True)
    reviewer_id: Mapped[UUID] = mapped_column(primary_key=True)
    opinion: Mapped[str] = mapped_column(String(16))
    note: Mapped[str] = mapped_column(Text)
    reviewed_at: Mapped[datetime]
