"""Attachments live in the database, so that a backup of one is a backup of the other."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, Integer, LargeBinary, String, text
from sqlalchemy.orm import Mapped, mapped_column

from services.intake.models import Base
from shared.db import Ltree, TenantRow

__all__ = ["Attachment", "AttachmentUse", "HeldAttachment"]


class Attachment(TenantRow, Base):
    """One picture or document, without what its maker's device wrote into it; of a refused one no byte is kept."""

    __tablename__ = "attachments"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "case_id"], ["intake.cases.tenant_id", "intake.cases.id"]),
        CheckConstraint("state IN ('held', 'clean', 'refused')", name="state"),
        CheckConstraint("(state = 'refused') = (reason IS NOT NULL)", name="reason"),
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
    state: Mapped[str] = mapped_column(String(8), server_default="clean")
    reason: Mapped[str | None] = mapped_column(String(40))
    scanned_at: Mapped[datetime | None]


class HeldAttachment(Base):
    """An attachment that nobody has judged yet, and when somebody is asked again."""

    __tablename__ = "held_attachments"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "attachment_id"], ["intake.attachments.tenant_id", "intake.attachments.id"]),
    )
    tenant_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    attachment_id: Mapped[UUID] = mapped_column(primary_key=True)
    tries: Mapped[int]
    next_at: Mapped[datetime]


class AttachmentUse(Base):
    """What an attachment belongs to, if that is no case; whoever works at its area, or for its unit, may see it."""

    __tablename__ = "attachment_uses"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "attachment_id"], ["intake.attachments.tenant_id", "intake.attachments.id"]),
        Index("attachment_uses_owner_idx", "tenant_id", "owner_id", "attachment_id"),
    )
    tenant_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    attachment_id: Mapped[UUID] = mapped_column(primary_key=True)
    owner_kind: Mapped[str] = mapped_column(String(12))
    owner_id: Mapped[UUID]
    purpose: Mapped[str] = mapped_column(String(10))
    area_path: Mapped[str] = mapped_column(Ltree())
    unit_id: Mapped[UUID | None]
