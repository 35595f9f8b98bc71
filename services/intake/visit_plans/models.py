"""Tables of plans: the plan, its rounds, its targets, the doors that it lists, and who has read a door in the clear."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    SmallInteger,
    String,
    Text,
    Uuid,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from services.intake.models import Base, TouchedRow
from services.intake.visit_plans.rules import Every, PlanState, VisitKind
from shared.db import Ltree, TenantRow

__all__ = ["DoorDisclosure", "VisitDoor", "VisitPlan", "VisitRound", "VisitTarget"]


def _one_of(column: str, values: type[Every | PlanState | VisitKind]) -> str:
    return f"{column} IN ({', '.join(repr(value.value) for value in values)})"


class VisitPlan(TouchedRow, TenantRow, Base):
    """What is to be visited. Beside its state nothing of it changes, so that what was counted for it stays right."""

    __tablename__ = "visit_plans"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "area_id"], ["intake.areas.tenant_id", "intake.areas.id"]),
        CheckConstraint(_one_of("kind", VisitKind), name="kind"),
        CheckConstraint(_one_of("every", Every), name="every"),
        CheckConstraint(_one_of("state", PlanState), name="state"),
        CheckConstraint("last_on >= first_on", name="period"),
        Index("visit_plans_area_idx", "area_path", postgresql_using="gist"),
        Index("visit_plans_changed_idx", "tenant_id", "changed_xid"),
    )
    kind: Mapped[str] = mapped_column(String(12))
    title: Mapped[str] = mapped_column(String(200))
    area_id: Mapped[UUID]
    area_path: Mapped[str] = mapped_column(Ltree())
    first_on: Mapped[date]
    last_on: Mapped[date]
    every: Mapped[str] = mapped_column(String(8))
    checklist_code: Mapped[str | None] = mapped_column(String(40))
    # Who goes beside the area's own staff.
    person_ids: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid))
    unit_ids: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid))
    state: Mapped[str] = mapped_column(String(10))
    end_note: Mapped[str | None] = mapped_column(Text)
    digest: Mapped[bytes] = mapped_column(LargeBinary)
    created_by: Mapped[str] = mapped_column(String(80))
    created_at: Mapped[datetime]
    version: Mapped[int]


class VisitRound(Base):
    """One stretch of a plan's period, counted from 1, in which each household is to be reached once."""

    __tablename__ = "visit_rounds"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "plan_id"], ["intake.visit_plans.tenant_id", "intake.visit_plans.id"]),
    )
    tenant_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    plan_id: Mapped[UUID] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    first_on: Mapped[date]
    last_on: Mapped[date]


class VisitTarget(Base):
    """One area of a plan, counted from 1. `households` are those of its list, or as many as are known to live there."""

    __tablename__ = "visit_targets"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "plan_id"], ["intake.visit_plans.tenant_id", "intake.visit_plans.id"]),
        ForeignKeyConstraint(["tenant_id", "area_id"], ["intake.areas.tenant_id", "intake.areas.id"]),
        CheckConstraint("households > 0", name="households"),
        Index("visit_targets_area_idx", "area_path", postgresql_using="gist"),
    )
    tenant_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    plan_id: Mapped[UUID] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    area_id: Mapped[UUID]
    area_path: Mapped[str] = mapped_column(Ltree())
    households: Mapped[int]
    listed: Mapped[bool]


class VisitDoor(Base):
    """One household of a list: known again by a keyed digest of its door, which itself is sealed."""

    __tablename__ = "visit_doors"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "plan_id", "target"],
            ["intake.visit_targets.tenant_id", "intake.visit_targets.plan_id", "intake.visit_targets.position"],
        ),
    )
    tenant_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    plan_id: Mapped[UUID] = mapped_column(primary_key=True)
    target: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    household_key: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    place: Mapped[int]
    sealed: Mapped[bytes] = mapped_column(LargeBinary)


class DoorDisclosure(TenantRow, Base):
    """Doors of a plan, or the one of a visit, shown in the clear to somebody; written once."""

    __tablename__ = "door_disclosures"
    __table_args__ = (Index("door_disclosures_area_idx", "area_path", postgresql_using="gist"),)
    plan_id: Mapped[UUID | None]
    visit_id: Mapped[UUID | None]
    area_path: Mapped[str] = mapped_column(Ltree())
    purpose: Mapped[str] = mapped_column(String(200))
    actor: Mapped[str] = mapped_column(String(80))
    disclosed_at: Mapped[datetime]
