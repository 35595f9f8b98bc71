"""Tables of hazards: the hazard as it stands, and every step that made it so."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    Double,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from services.intake.hazards.rules import HazardState, Severity
from services.intake.models import Base, TouchedRow
from shared.db import Ltree, TenantRow

__all__ = ["Hazard", "HazardStep"]


def _one_of(column: str, values: type[HazardState | Severity]) -> str:
    return f"{column} IN ({', '.join(repr(value.value) for value in values)})"


class Hazard(TouchedRow, TenantRow, Base):
    """A hazard that somebody was told to rectify by a due time. Overdue, it has a case, whose ladder it climbs."""

    __tablename__ = "hazards"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "visit_id"], ["intake.visits.tenant_id", "intake.visits.id"]),
        ForeignKeyConstraint(["tenant_id", "inspection_id"], ["intake.inspections.tenant_id", "intake.inspections.id"]),
        ForeignKeyConstraint(["tenant_id", "category"], ["intake.categories.tenant_id", "intake.categories.code"]),
        ForeignKeyConstraint(["tenant_id", "area_id"], ["intake.areas.tenant_id", "intake.areas.id"]),
        ForeignKeyConstraint(["tenant_id", "case_id"], ["intake.cases.tenant_id", "intake.cases.id"]),
        CheckConstraint(_one_of("severity", Severity), name="severity"),
        CheckConstraint(_one_of("state", HazardState), name="state"),
        CheckConstraint("(state = 'closed' OR state = 'withdrawn') = (ended_at IS NOT NULL)", name="ended"),
        Index("hazards_area_idx", "area_path", postgresql_using="gist"),
        Index("hazards_found_idx", "tenant_id", text("found_at DESC"), text("id DESC")),
        Index("hazards_visit_idx", "tenant_id", "visit_id"),
        Index("hazards_inspection_idx", "tenant_id", "inspection_id"),
        Index("hazards_unit_idx", "tenant_id", "unit_id", postgresql_where=text("unit_id IS NOT NULL")),
        Index("hazards_case_idx", "tenant_id", "case_id", unique=True, postgresql_where=text("case_id IS NOT NULL")),
        Index(
            "hazards_due_idx",
            "tenant_id",
            "due_at",
            "id",
            postgresql_where=text("state = 'noticed' AND overdue_at IS NULL"),
        ),
        Index("hazards_changed_idx", "tenant_id", "changed_xid"),
    )
    visit_id: Mapped[UUID]
    inspection_id: Mapped[UUID | None]
    item_code: Mapped[str | None] = mapped_column(String(40))
    category: Mapped[str] = mapped_column(String(40))
    severity: Mapped[str] = mapped_column(String(8))
    description: Mapped[str] = mapped_column(Text)
    area_id: Mapped[UUID]
    area_path: Mapped[str] = mapped_column(Ltree())
    latitude: Mapped[float | None] = mapped_column(Double)
    longitude: Mapped[float | None] = mapped_column(Double)
    place_text: Mapped[str | None] = mapped_column(String(200))
    unit_id: Mapped[UUID | None]
    state: Mapped[str] = mapped_column(String(10))
    minutes: Mapped[int]
    found_at: Mapped[datetime]
    due_at: Mapped[datetime]
    overdue_at: Mapped[datetime | None]
    rectified_at: Mapped[datetime | None]
    rectified_by: Mapped[str | None] = mapped_column(String(80))
    late: Mapped[bool]
    failures: Mapped[int] = mapped_column(SmallInteger)
    case_id: Mapped[UUID | None]
    reporter_id: Mapped[UUID]
    reported_by: Mapped[str] = mapped_column(String(80))
    reported_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    digest: Mapped[bytes] = mapped_column(LargeBinary)
    version: Mapped[int]

    @property
    def code(self) -> str:
        """By what people call it: the end of its id, which is chance."""
        return f"H-{self.id.hex[-8:].upper()}"


class HazardStep(Base):
    """One step of a hazard's history."""

    __tablename__ = "hazard_steps"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "hazard_id"], ["intake.hazards.tenant_id", "intake.hazards.id"]),
    )
    tenant_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    hazard_id: Mapped[UUID] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    step: Mapped[str] = mapped_column(String(12))
    actor: Mapped[str] = mapped_column(String(80))
    note: Mapped[str | None] = mapped_column(Text)
    data: Mapped[dict[str, Any]] = mapped_column(JSONB)
    at: Mapped[datetime]
