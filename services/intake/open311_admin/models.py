"""Tables of what administrators say about other civic apps."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from services.intake.models import Base
from services.intake.open311_admin.rules import PER_MINUTE_MAX, Visibility
from shared.db import TenantRow

__all__ = ["Open311Key", "Open311Service"]

_VISIBILITIES = ", ".join(f"'{value.value}'" for value in Visibility)


class Open311Key(TenantRow, Base):
    """The right of another app to file cases in an area. Of the key itself only a hash is kept."""

    __tablename__ = "open311_keys"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "area_id"], ["intake.areas.tenant_id", "intake.areas.id"]),
        CheckConstraint(f"per_minute BETWEEN 1 AND {PER_MINUTE_MAX}", name="per_minute"),
        CheckConstraint("(revoked_at IS NULL) = (revoked_by IS NULL)", name="revoked"),
        Index("open311_keys_key_hash_key", "tenant_id", "key_hash", unique=True),
    )
    name: Mapped[str] = mapped_column(String(200))
    area_id: Mapped[UUID]
    key_hash: Mapped[bytes] = mapped_column(LargeBinary)
    answers_with_token: Mapped[bool]
    per_minute: Mapped[int]
    spent_until: Mapped[datetime]
    last_used_at: Mapped[datetime | None]
    created_by: Mapped[str] = mapped_column(String(80))
    created_at: Mapped[datetime]
    revoked_by: Mapped[str | None] = mapped_column(String(80))
    revoked_at: Mapped[datetime | None]
    version: Mapped[int]


class Open311Service(Base):
    """How a category is offered to other apps; without a row it is offered, and none of its cases are shown."""

    __tablename__ = "open311_services"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "category"], ["intake.categories.tenant_id", "intake.categories.code"]),
        CheckConstraint(f"visibility IN ({_VISIBILITIES})", name="visibility"),
    )
    tenant_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    category: Mapped[str] = mapped_column(String(40), primary_key=True)
    offered: Mapped[bool]
    visibility: Mapped[str] = mapped_column(String(6))
    description: Mapped[str | None] = mapped_column(Text)
    keywords: Mapped[str | None] = mapped_column(Text)
    notice: Mapped[str | None] = mapped_column(Text)
    version: Mapped[int]
