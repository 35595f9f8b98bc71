"""Tables of partners."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, CheckConstraint, ForeignKeyConstraint, Index, Integer, String, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from services.matching.models import Base
from services.matching.partners.rules import PartnerKind, PartnerState
from shared.db import Ltree, TenantRow

__all__ = ["Partner", "PartnerStep"]


class Partner(TenantRow, Base):
    """A unit in its role as a giver, the areas that it covers, and how often it kept its word."""

    __tablename__ = "partners"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "unit_id"], ["matching.units.tenant_id", "matching.units.id"]),
        CheckConstraint(f"kind IN ({', '.join(repr(k.value) for k in PartnerKind)})", name="kind"),
        CheckConstraint(f"state IN ({', '.join(repr(k.value) for k in PartnerState)})", name="state"),
        CheckConstraint("kept >= 0 AND late >= 0 AND broken >= 0", name="record"),
        CheckConstraint("cardinality(further_area_ids) = cardinality(further_coverages)", name="further"),
        Index("partners_unit_key", "tenant_id", "unit_id", unique=True),
    )
    unit_id: Mapped[UUID]
    kind: Mapped[str] = mapped_column(String(20))
    area_id: Mapped[UUID]
    coverage: Mapped[str] = mapped_column(Ltree())
    further_area_ids: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid))
    further_coverages: Mapped[list[str]] = mapped_column(ARRAY(String(400)))
    state: Mapped[str] = mapped_column(String(10))
    reason: Mapped[str | None] = mapped_column(Text)
    note: Mapped[str | None] = mapped_column(Text)
    kept: Mapped[int] = mapped_column(Integer)
    late: Mapped[int] = mapped_column(Integer)
    broken: Mapped[int] = mapped_column(Integer)
    applied_at: Mapped[datetime]
    version: Mapped[int]

    @property
    def paths(self) -> tuple[str, ...]:
        """All areas that the partner covers, the first one first."""
        return (self.coverage, *self.further_coverages)


class PartnerStep(Base):
    """One step of a partner's history; its position is the version that it made."""

    __tablename__ = "partner_steps"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "partner_id"], ["matching.partners.tenant_id", "matching.partners.id"]),
    )
    tenant_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    partner_id: Mapped[UUID] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    step: Mapped[str] = mapped_column(String(24))
    from_state: Mapped[str | None] = mapped_column(String(10))
    to_state: Mapped[str] = mapped_column(String(10))
    reason: Mapped[str | None] = mapped_column(Text)
    actor: Mapped[str] = mapped_column(String(80))
    data: Mapped[dict[str, Any]] = mapped_column(JSONB)
    at: Mapped[datetime]
