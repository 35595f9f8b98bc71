"""Tables of series."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, Integer, String, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from services.matching.models import Base
from shared.db import TenantRow

__all__ = ["BookingSeries"]


class BookingSeries(TenantRow, Base):
    """One schedule and what it takes each time; how it stands is how its holds stand."""

    __tablename__ = "booking_series"
    __table_args__ = (
        CheckConstraint("holds > 0", name="holds"),
        Index("booking_series_created_idx", "tenant_id", text("created_at DESC"), text("id DESC")),
    )
    title: Mapped[str] = mapped_column(String(200))
    opening: Mapped[dict[str, Any]] = mapped_column(JSONB)
    until: Mapped[date]
    parts: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    holds: Mapped[int] = mapped_column(Integer)
    taker_id: Mapped[UUID | None]
    taker_unit_id: Mapped[UUID | None]
    actor: Mapped[str] = mapped_column(String(80))
    created_at: Mapped[datetime]
    version: Mapped[int]
