"""Tables of partners."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from services.matching.models import Base
from services.matching.partners.rules import PartnerKind, PartnerState
from shared.db import Ltree, TenantRow

__all__ = ["Partner"]


class Partner(TenantRow, Base):
    """A unit in its role as a giver, and the area that it covers."""

    __tablename__ = "partners"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "unit_id"], ["matching.units.tenant_id", "matching.units.id"]),
        CheckConstraint(f"kind IN ({', '.join(repr(k.value) for k in PartnerKind)})", name="kind"),
        CheckConstraint(f"state IN ({', '.join(repr(k.value) for k in PartnerState)})", name="state"),
        Index("partners_unit_key", "tenant_id", "unit_id", unique=True),
    )
    unit_id: Mapped[UUID]
    kind: Mapped[str] = mapped_column(String(20))
    area_id: Mapped[UUID]
    coverage: Mapped[str] = mapped_column(Ltree())
    state: Mapped[str] = mapped_column(String(10))
    note: Mapped[str | None] = mapped_column(Text)
    applied_at: Mapped[datetime]
    version: Mapped[int]
