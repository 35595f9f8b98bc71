"""Tables of rooms and groups."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, CheckConstraint, ForeignKeyConstraint, Index, Integer, String
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from services.matching.models import Base
from services.matching.resources.rules import ResourceKind
from shared.db import TenantRow

__all__ = ["OfferResource"]


class OfferResource(TenantRow, Base):
    """A room, maybe a part of another one, or a group of people with the same skills and hours."""

    __tablename__ = "offer_resources"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "offer_id"], ["matching.offers.tenant_id", "matching.offers.id"]),
        ForeignKeyConstraint(
            ["tenant_id", "parent_id"], ["matching.offer_resources.tenant_id", "matching.offer_resources.id"]
        ),
        CheckConstraint(f"kind IN ({', '.join(repr(k.value) for k in ResourceKind)})", name="kind"),
        CheckConstraint("units > 0 AND (kind <> 'room' OR units = 1)", name="units"),
        CheckConstraint("parent_id IS NULL OR (kind = 'room' AND parent_id <> id)", name="parent"),
        CheckConstraint("buffer_before_min >= 0 AND buffer_after_min >= 0", name="buffers"),
        CheckConstraint("slot_min > 0 AND 1440 % slot_min = 0", name="slot"),
        Index("offer_resources_offer_idx", "tenant_id", "offer_id"),
    )
    offer_id: Mapped[UUID]
    parent_id: Mapped[UUID | None]
    kind: Mapped[str] = mapped_column(String(5))
    name: Mapped[str] = mapped_column(String(200))
    units: Mapped[int] = mapped_column(Integer)
    seats: Mapped[int | None] = mapped_column(Integer)
    skills: Mapped[list[str]] = mapped_column(ARRAY(String(40)))
    hours: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    buffer_before_min: Mapped[int] = mapped_column(Integer)
    buffer_after_min: Mapped[int] = mapped_column(Integer)
    slot_min: Mapped[int | None] = mapped_column(Integer)
    active: Mapped[bool]
    created_at: Mapped[datetime]
    version: Mapped[int]
