"""Merges, and that they were taken back."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from services.intake.models import Base
from shared.db import TenantRow

__all__ = ["CaseMerge"]


class CaseMerge(TenantRow, Base):
    """One case went into another."""

    __tablename__ = "case_merges"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "from_case_id"], ["intake.cases.tenant_id", "intake.cases.id"]),
        ForeignKeyConstraint(["tenant_id", "into_case_id"], ["intake.cases.tenant_id", "intake.cases.id"]),
        CheckConstraint("from_case_id <> into_case_id", name="two"),
        Index(
            "case_merges_from_key", "tenant_id", "from_case_id", unique=True, postgresql_where=text("undone_at IS NULL")
        ),
        Index("case_merges_into_idx", "tenant_id", "into_case_id"),
    )
    from_case_id: Mapped[UUID]
    into_case_id: Mapped[UUID]
    from_state: Mapped[str] = mapped_column(String(12))
    reason: Mapped[str] = mapped_column(Text)
    merged_by: Mapped[str] = mapped_column(String(80))
    merged_at: Mapped[datetime]
    undone_by: Mapped[str | None] = mapped_column(String(80))
    undone_at: Mapped[datetime | None]
