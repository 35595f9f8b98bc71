"""The table of drafts."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from services.intake.models import Base
from shared.db import TenantRow

__all__ = ["Draft"]


class Draft(TenantRow, Base):
    """What one person has written so far; nobody else sees it. Its id becomes the id of the case."""

    __tablename__ = "drafts"
    __table_args__ = (
        Index("drafts_owner_idx", "tenant_id", "owner_id", text("updated_at DESC"), text("id DESC")),
        Index("drafts_updated_idx", "tenant_id", "updated_at"),
    )
    owner_id: Mapped[UUID]
    body: Mapped[dict[str, Any]] = mapped_column(JSONB)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    version: Mapped[int]
