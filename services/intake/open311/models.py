"""What came with a case through the door of other apps, and where to find it again."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Index, LargeBinary, String, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from services.intake.models import Base

__all__ = ["Open311Report"]


class Open311Report(Base):
    """A case that another app has filed; written once. The digest tells a report that is sent again."""

    __tablename__ = "open311_reports"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "case_id"], ["intake.cases.tenant_id", "intake.cases.id"]),
        ForeignKeyConstraint(["tenant_id", "key_id"], ["intake.open311_keys.tenant_id", "intake.open311_keys.id"]),
        Index("open311_reports_token_key", "tenant_id", "token", unique=True),
        Index("open311_reports_sent_idx", "tenant_id", "key_id", "content_digest", "received_at"),
    )
    tenant_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    case_id: Mapped[UUID] = mapped_column(primary_key=True)
    key_id: Mapped[UUID]
    token: Mapped[str | None] = mapped_column(String(43))
    content_digest: Mapped[bytes] = mapped_column(LargeBinary)
    media_url: Mapped[str | None] = mapped_column(Text)
    address_id: Mapped[str | None] = mapped_column(String(200))
    answers: Mapped[dict[str, Any]] = mapped_column(JSONB)
    received_at: Mapped[datetime]
