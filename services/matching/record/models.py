"""Tables of records of fulfilment."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from services.matching.models import Base
from services.matching.record.rules import EntryState, Fulfilment
from shared.db import TenantRow

__all__ = ["FulfilmentEntry"]


class FulfilmentEntry(TenantRow, Base):
    """How one promise ended; a thing that was promised has one entry. The partner's counts are the sums of these."""

    __tablename__ = "fulfilment_entries"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "partner_id"], ["matching.partners.tenant_id", "matching.partners.id"]),
        CheckConstraint(f"outcome IN ({', '.join(repr(o.value) for o in Fulfilment)})", name="outcome"),
        CheckConstraint(f"state IN ({', '.join(repr(s.value) for s in EntryState)})", name="state"),
        Index("fulfilment_entries_about_key", "tenant_id", "partner_id", "about_kind", "about_id", unique=True),
        Index("fulfilment_entries_partner_idx", "tenant_id", "partner_id", text("noted_at DESC"), text("id DESC")),
    )
    partner_id: Mapped[UUID]
    outcome: Mapped[str] = mapped_column(String(6))
    about_kind: Mapped[str] = mapped_column(String(20))
    about_id: Mapped[UUID]
    note: Mapped[str | None] = mapped_column(Text)
    actor: Mapped[str] = mapped_column(String(80))
    state: Mapped[str] = mapped_column(String(8))
    appeal: Mapped[str | None] = mapped_column(Text)
    appealed_at: Mapped[datetime | None]
    appealed_by: Mapped[str | None] = mapped_column(String(80))
    answer: Mapped[str | None] = mapped_column(Text)
    answered_at: Mapped[datetime | None]
    answered_by: Mapped[str | None] = mapped_column(String(80))
    noted_at: Mapped[datetime]
    version: Mapped[int]
