"""Every version of a tenant's handling rules."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, Integer, String
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from services.intake.models import Base, TouchedRow

__all__ = ["HandlingVersion"]


class HandlingVersion(TouchedRow, Base):
    """The whole of the rules from a moment on; version 1 is what comes with the house."""

    __tablename__ = "handling_versions"
    __table_args__ = (Index("handling_versions_changed_idx", "tenant_id", "changed_xid"),)
    tenant_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    version: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    body: Mapped[dict[str, Any]] = mapped_column(JSONB)
    set_by: Mapped[str] = mapped_column(String(80))
    set_at: Mapped[datetime]
