"""Attachments live in the database, so that a backup of one is a backup of the other."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Index, Integer, LargeBinary, String, text
from sqlalchemy.orm import Mapped, mapped_column

from services.intake.models import Base
from shared.db import TenantRow

__all__ = ["Attachment"]


class Attachment(TenantRow, Base):
    """One picture, without what its camera wrote into it."""

    __tablename__ = "attachments"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "case_id"], ["intake.cases.tenant_id", "intake.cases.id"]),
        Index("attachments_case_idx", "tenant_id", "case_id", postgresql_where=text("case_id IS NOT NULL")),
    )
    media_type: Mapped[str] = mapped_column(String(40))
    sha256: Mapped[bytes] = mapped_column(LargeBinary)
    size_bytes: Mapped[int] = mapped_column(Integer)
    content: Mapped[bytes] = mapped_column(LargeBinary, deferred=True, nullable=False)
    uploaded_by: Mapped[UUID]
    uploaded_at: Mapped[datetime]
    case_id: Mapped[UUID | None]
    purpose: Mapped[str | None] = mapped_column(String(10))
