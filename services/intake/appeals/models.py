"""Appeals and their answers."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, SmallInteger, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from services.intake.models import Base
from shared.db import TenantRow

__all__ = ["Appeal"]


class Appeal(TenantRow, Base):
    """One appeal; a case has one open at a time.

    `rung` counts how often somebody further up was told that it is late; `next_at` is when the next one is.
    """

    __tablename__ = "appeals"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "case_id"], ["intake.cases.tenant_id", "intake.cases.id"]),
        CheckConstraint("against IN ('triage', 'decline')", name="against"),
        CheckConstraint("state IN ('open', 'upheld', 'rejected')", name="state"),
        CheckConstraint("state = 'open' OR next_at IS NULL", name="next"),
        Index("appeals_case_idx", "tenant_id", "case_id"),
        Index("appeals_next_idx", "tenant_id", "next_at", "id", postgresql_where=text("next_at IS NOT NULL")),
        Index("appeals_open_key", "tenant_id", "case_id", unique=True, postgresql_where=text("state = 'open'")),
    )
    case_id: Mapped[UUID]
    against: Mapped[str] = mapped_column(String(8))
    decided_by: Mapped[str] = mapped_column(String(80))
    reason: Mapped[str] = mapped_column(Text)
    made_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(String(8))
    answer: Mapped[str | None] = mapped_column(Text)
    answered_by: Mapped[str | None] = mapped_column(String(80))
    answered_at: Mapped[datetime | None]
    due_at: Mapped[datetime]
    rung: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    next_at: Mapped[datetime | None]
