"""Tables of visits: the visit, what was heard on it, and the errands that were run."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    Double,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    SmallInteger,
    String,
    Text,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from services.intake.models import Base, TouchedRow
from services.intake.visit_plans.rules import VisitKind
from services.intake.visits.rules import Disposition, VisitState
from shared.db import Ltree, TenantRow

__all__ = ["Visit", "VisitErrand", "VisitHeard"]


def _one_of(column: str, values: type[VisitKind | VisitState | Disposition]) -> str:
    return f"{column} IN ({', '.join(repr(value.value) for value in values)})"


class Visit(TouchedRow, TenantRow, Base):
    """One visit. It says what was so then; one that was recorded by mistake is voided and recorded anew.

    `round`, `target` and `on_plan` say what it counts for; whom it reached is known again by `household_key`.
    """

    __tablename__ = "visits"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "area_id"], ["intake.areas.tenant_id", "intake.areas.id"]),
        ForeignKeyConstraint(["tenant_id", "plan_id"], ["intake.visit_plans.tenant_id", "intake.visit_plans.id"]),
        CheckConstraint(_one_of("kind", VisitKind), name="kind"),
        CheckConstraint(_one_of("state", VisitState), name="state"),
        CheckConstraint("(plan_id IS NULL) = (round IS NULL) AND (plan_id IS NULL) = (target IS NULL)", name="plan"),
        CheckConstraint("(sealed_door IS NULL) = (door_hint IS NULL)", name="door"),
        Index("visits_area_idx", "area_path", postgresql_using="gist"),
        Index("visits_when_idx", "tenant_id", text("visited_at DESC"), text("id DESC")),
        Index("visits_visitor_idx", "tenant_id", "visitor_id", text("visited_at DESC")),
        Index(
            "visits_plan_idx",
            "tenant_id",
            "plan_id",
            "round",
            "target",
            "household_key",
            postgresql_where=text("plan_id IS NOT NULL"),
        ),
        Index("visits_changed_idx", "tenant_id", "changed_xid"),
    )
    kind: Mapped[str] = mapped_column(String(12))
    plan_id: Mapped[UUID | None]
    round: Mapped[int | None] = mapped_column(SmallInteger)
    target: Mapped[int | None] = mapped_column(SmallInteger)
    on_plan: Mapped[bool]
    area_id: Mapped[UUID]
    area_path: Mapped[str] = mapped_column(Ltree())
    latitude: Mapped[float | None] = mapped_column(Double)
    longitude: Mapped[float | None] = mapped_column(Double)
    unit_id: Mapped[UUID | None]
    household_key: Mapped[bytes | None] = mapped_column(LargeBinary)
    sealed_door: Mapped[bytes | None] = mapped_column(LargeBinary)
    door_hint: Mapped[str | None] = mapped_column(String(8))
    visitor_id: Mapped[UUID]
    recorded_by: Mapped[str] = mapped_column(String(80))
    visited_at: Mapped[datetime]
    recorded_at: Mapped[datetime]
    reached: Mapped[bool]
    note: Mapped[str | None] = mapped_column(Text)
    state: Mapped[str] = mapped_column(String(10))
    void_reason: Mapped[str | None] = mapped_column(Text)
    digest: Mapped[bytes] = mapped_column(LargeBinary)
    version: Mapped[int]


class VisitHeard(Base):
    """One thing that was heard, counted from 1, and what became of it."""

    __tablename__ = "visit_heard"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "visit_id"], ["intake.visits.tenant_id", "intake.visits.id"]),
        ForeignKeyConstraint(["tenant_id", "category"], ["intake.categories.tenant_id", "intake.categories.code"]),
        ForeignKeyConstraint(["tenant_id", "case_id"], ["intake.cases.tenant_id", "intake.cases.id"]),
        CheckConstraint(_one_of("disposition", Disposition), name="disposition"),
        CheckConstraint("(disposition = 'case') = (case_id IS NOT NULL)", name="case"),
        Index(
            "visit_heard_case_idx", "tenant_id", "case_id", unique=True, postgresql_where=text("case_id IS NOT NULL")
        ),
    )
    tenant_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    visit_id: Mapped[UUID] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    category: Mapped[str] = mapped_column(String(40))
    text: Mapped[str] = mapped_column(Text)
    disposition: Mapped[str] = mapped_column(String(10))
    answer: Mapped[str | None] = mapped_column(Text)
    case_id: Mapped[UUID | None]


class VisitErrand(Base):
    """One errand that was run for whom was visited, counted from 1."""

    __tablename__ = "visit_errands"
    __table_args__ = (ForeignKeyConstraint(["tenant_id", "visit_id"], ["intake.visits.tenant_id", "intake.visits.id"]),)
    tenant_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    visit_id: Mapped[UUID] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    what: Mapped[str] = mapped_column(String(200))
    done: Mapped[bool]
