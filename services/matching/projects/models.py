"""Tables of projects."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    ForeignKeyConstraint,
    Index,
    Integer,
    String,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from services.matching.models import Base
from services.matching.projects.rules import BudgetState, ProjectState
from shared.db import Ltree, TenantRow

__all__ = ["Milestone", "Project", "ProjectNeed", "ProjectNumber", "ProjectOpenNeed", "ProjectStep", "ProjectUnit"]

_PROJECT = ["matching.projects.tenant_id", "matching.projects.id"]


class Project(TenantRow, Base):
    """One line of the project list."""

    __tablename__ = "projects"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "case_id"], ["matching.cases.tenant_id", "matching.cases.id"]),
        CheckConstraint(f"state IN ({', '.join(repr(s.value) for s in ProjectState)})", name="state"),
        CheckConstraint(f"budget_state IN ({', '.join(repr(s.value) for s in BudgetState)})", name="budget_state"),
        CheckConstraint("own_fen <= total_fen AND own_fen >= 0 AND granted_fen >= 0 AND paid_fen >= 0", name="budget"),
        Index("projects_number_key", "tenant_id", "number", unique=True),
        Index("projects_opened_idx", "tenant_id", text("opened_at DESC"), text("id DESC")),
        Index("projects_case_idx", "tenant_id", "case_id", postgresql_where=text("case_id IS NOT NULL")),
        Index("projects_area_idx", "area_path", postgresql_using="gist"),
    )
    number: Mapped[str] = mapped_column(String(20))
    title: Mapped[str] = mapped_column(String(200))
    area_id: Mapped[UUID]
    area_path: Mapped[str] = mapped_column(Ltree())
    case_id: Mapped[UUID | None]
    lead_unit_id: Mapped[UUID | None]
    state: Mapped[str] = mapped_column(String(10))
    budget_state: Mapped[str] = mapped_column(String(10))
    total_fen: Mapped[int] = mapped_column(BigInteger)
    own_fen: Mapped[int] = mapped_column(BigInteger)
    granted_fen: Mapped[int] = mapped_column(BigInteger)
    paid_fen: Mapped[int] = mapped_column(BigInteger)
    request_id: Mapped[UUID | None]
    grant_id: Mapped[UUID | None]
    opened_at: Mapped[datetime]
    completed_at: Mapped[datetime | None]
    accepted_by: Mapped[str | None] = mapped_column(String(80))
    acceptance_proof: Mapped[str | None] = mapped_column(Text)
    acceptance_attachment_ids: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid))
    cancelled_at: Mapped[datetime | None]
    cancel_reason: Mapped[str | None] = mapped_column(Text)
    version: Mapped[int]


class ProjectNeed(Base):
    """A need that a project meets, and with how much of which offer."""

    __tablename__ = "project_needs"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "project_id"], _PROJECT),
        ForeignKeyConstraint(["tenant_id", "need_id"], ["matching.needs.tenant_id", "matching.needs.id"]),
        ForeignKeyConstraint(["tenant_id", "offer_id"], ["matching.offers.tenant_id", "matching.offers.id"]),
    )
    tenant_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    project_id: Mapped[UUID] = mapped_column(primary_key=True)
    need_id: Mapped[UUID] = mapped_column(primary_key=True)
    offer_id: Mapped[UUID] = mapped_column(primary_key=True)
    quantity: Mapped[int] = mapped_column(Integer)


class ProjectOpenNeed(Base):
    """A need that a project has taken on before anything was found for it."""

    __tablename__ = "project_open_needs"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "project_id"], _PROJECT),
        ForeignKeyConstraint(["tenant_id", "need_id"], ["matching.needs.tenant_id", "matching.needs.id"]),
    )
    tenant_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    project_id: Mapped[UUID] = mapped_column(primary_key=True)
    need_id: Mapped[UUID] = mapped_column(primary_key=True)


class ProjectUnit(Base):
    """A unit that helps."""

    __tablename__ = "project_units"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "project_id"], _PROJECT),
        ForeignKeyConstraint(["tenant_id", "unit_id"], ["matching.units.tenant_id", "matching.units.id"]),
    )
    tenant_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    project_id: Mapped[UUID] = mapped_column(primary_key=True)
    unit_id: Mapped[UUID] = mapped_column(primary_key=True)


class Milestone(TenantRow, Base):
    """Something to reach."""

    __tablename__ = "milestones"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "project_id"], _PROJECT),
        Index("milestones_project_idx", "tenant_id", "project_id", "position", unique=True),
    )
    project_id: Mapped[UUID]
    position: Mapped[int] = mapped_column(Integer)
    title: Mapped[str] = mapped_column(String(200))
    due_on: Mapped[date | None]
    reached_at: Mapped[datetime | None]
    proof: Mapped[str | None] = mapped_column(Text)
    attachment_ids: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid))


class ProjectStep(Base):
    """One step of a project's history."""

    __tablename__ = "project_steps"
    __table_args__ = (ForeignKeyConstraint(["tenant_id", "project_id"], _PROJECT),)
    tenant_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    project_id: Mapped[UUID] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    step: Mapped[str] = mapped_column(String(24))
    actor: Mapped[str] = mapped_column(String(80))
    data: Mapped[dict[str, Any]] = mapped_column(JSONB)
    at: Mapped[datetime]


class ProjectNumber(Base):
    """The counter of a year's project numbers; projects are rare enough to count without gaps."""

    __tablename__ = "project_numbers"
    tenant_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    year: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    last_number: Mapped[int]
