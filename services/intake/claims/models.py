"""Offers to take a case, claims as leases, and the units that help."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKeyConstraint, Index, Integer, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from services.intake.claims.rules import ClaimState, OfferState
from services.intake.models import Base
from shared.db import TenantRow

__all__ = ["Claim", "ClaimHelper", "ClaimOffer"]

_OFFER_STATES = ", ".join(f"'{state.value}'" for state in OfferState)
_CLAIM_STATES = ", ".join(f"'{state.value}'" for state in ClaimState)


def _of_a_case() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(["tenant_id", "case_id"], ["intake.cases.tenant_id", "intake.cases.id"])


class ClaimOffer(TenantRow, Base):
    """A unit says what it would do: until when, at what cost."""

    __tablename__ = "claim_offers"
    __table_args__ = (
        _of_a_case(),
        CheckConstraint(f"state IN ({_OFFER_STATES})", name="state"),
        CheckConstraint("cost_fen >= 0", name="cost"),
        Index(
            "claim_offers_open_key",
            "tenant_id",
            "case_id",
            "unit_id",
            unique=True,
            postgresql_where=text("state = 'open'"),
        ),
    )
    case_id: Mapped[UUID]
    unit_id: Mapped[UUID]
    unit_name: Mapped[str] = mapped_column(String(200))
    due_at: Mapped[datetime]
    cost_fen: Mapped[int | None] = mapped_column(BigInteger)
    note: Mapped[str | None] = mapped_column(Text)
    state: Mapped[str] = mapped_column(String(12))
    made_by: Mapped[str] = mapped_column(String(80))
    made_at: Mapped[datetime]


class Claim(TenantRow, Base):
    """A unit holds a case: a lease, one at a time for a case.

    `lease_left_s` is what is left of the lease, in working seconds, while the clock of its case stands still, and the
    lease with it. `overdue_at` is when it was written down that the unit did not keep the time that it had promised.
    """

    __tablename__ = "claims"
    __table_args__ = (
        _of_a_case(),
        CheckConstraint(f"state IN ({_CLAIM_STATES})", name="state"),
        CheckConstraint("(state = 'active') = (ended_at IS NULL)", name="ended"),
        Index("claims_active_key", "tenant_id", "case_id", unique=True, postgresql_where=text("state = 'active'")),
        Index("claims_lease_idx", "tenant_id", "lease_until", postgresql_where=text("state = 'active'")),
        CheckConstraint("lease_left_s >= 0", name="lease_left"),
        Index("claims_case_idx", "tenant_id", "case_id"),
        Index(
            "claims_due_idx",
            "tenant_id",
            "due_at",
            "id",
            postgresql_where=text("state = 'active' AND overdue_at IS NULL"),
        ),
    )
    case_id: Mapped[UUID]
    unit_id: Mapped[UUID]
    taken_by: Mapped[str] = mapped_column(String(80))
    offer_id: Mapped[UUID | None]
    due_at: Mapped[datetime]
    cost_fen: Mapped[int | None] = mapped_column(BigInteger)
    lease_until: Mapped[datetime]
    renewals: Mapped[int] = mapped_column(Integer)
    state: Mapped[str] = mapped_column(String(12))
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    lease_left_s: Mapped[int | None] = mapped_column(Integer)
    overdue_at: Mapped[datetime | None]


class ClaimHelper(Base):
    """A unit that helps the one that leads."""

    __tablename__ = "claim_helpers"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "claim_id"], ["intake.claims.tenant_id", "intake.claims.id"]),
        Index("claim_helpers_unit_idx", "tenant_id", "unit_id", "case_id"),
    )
    tenant_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    claim_id: Mapped[UUID] = mapped_column(primary_key=True)
    unit_id: Mapped[UUID] = mapped_column(primary_key=True)
    case_id: Mapped[UUID]
    unit_name: Mapped[str] = mapped_column(String(200))
    task: Mapped[str | None] = mapped_column(Text)
