"""Tables of inspections: checklists in all their versions, and what was found by them."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Index, Integer, LargeBinary, SmallInteger, String
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from services.intake.models import Base, TouchedRow
from shared.db import Ltree, TenantRow

__all__ = ["Checklist", "Inspection"]


class Checklist(TouchedRow, Base):
    """A checklist as it is from a moment on; inspections keep the version that they went through."""

    __tablename__ = "checklists"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "category"], ["intake.categories.tenant_id", "intake.categories.code"]),
        Index("checklists_changed_idx", "tenant_id", "changed_xid"),
    )
    tenant_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    code: Mapped[str] = mapped_column(String(40), primary_key=True)
    version: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    name_zh: Mapped[str] = mapped_column(String(200))
    name_en: Mapped[str] = mapped_column(String(200))
    category: Mapped[str] = mapped_column(String(40))
    items: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    published_by: Mapped[str] = mapped_column(String(80))
    published_at: Mapped[datetime]


class Inspection(TouchedRow, TenantRow, Base):
    """One checklist gone through on one visit; with its visit it may be voided."""

    __tablename__ = "inspections"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "visit_id"], ["intake.visits.tenant_id", "intake.visits.id"]),
        ForeignKeyConstraint(
            ["tenant_id", "checklist_code", "checklist_version"],
            ["intake.checklists.tenant_id", "intake.checklists.code", "intake.checklists.version"],
        ),
        Index("inspections_visit_idx", "tenant_id", "visit_id"),
        Index("inspections_area_idx", "area_path", postgresql_using="gist"),
        Index("inspections_changed_idx", "tenant_id", "changed_xid"),
    )
    visit_id: Mapped[UUID]
    checklist_code: Mapped[str] = mapped_column(String(40))
    checklist_version: Mapped[int]
    area_id: Mapped[UUID]
    area_path: Mapped[str] = mapped_column(Ltree())
    unit_id: Mapped[UUID | None]
    inspector_id: Mapped[UUID]
    recorded_by: Mapped[str] = mapped_column(String(80))
    inspected_at: Mapped[datetime]
    results: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    failed: Mapped[int] = mapped_column(SmallInteger)
    voided: Mapped[bool]
    digest: Mapped[bytes] = mapped_column(LargeBinary)
    recorded_at: Mapped[datetime]
    version: Mapped[int]
