"""Tables of rule sets, their rules and their tests."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, Integer, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from services.intake.cases.terms import Level
from services.intake.models import Base
from services.intake.routing.rules import SetState
from shared.db import Ltree

__all__ = ["RoutingRule", "RoutingSet", "RoutingTest"]

_STATES = ", ".join(repr(state.value) for state in SetState)
_LEVELS = ", ".join(repr(level.value) for level in Level)
_OF_SET = (["tenant_id", "set_number"], ["intake.routing_sets.tenant_id", "intake.routing_sets.number"])
_OF_AREA = (["tenant_id", "area_id"], ["intake.areas.tenant_id", "intake.areas.id"])
_OF_UNIT = (["tenant_id", "unit_id"], ["intake.units.tenant_id", "intake.units.id"])
_OF_CATEGORY = (["tenant_id", "category"], ["intake.categories.tenant_id", "intake.categories.code"])


class RoutingSet(Base):
    """A numbered set of rules; once it is published its rules never change, so that its number names them for good."""

    __tablename__ = "routing_sets"
    __table_args__ = (
        CheckConstraint(f"state IN ({_STATES})", name="state"),
        CheckConstraint("(state = 'draft') = (published_at IS NULL)", name="published"),
        CheckConstraint("(state = 'retired') = (retired_at IS NOT NULL)", name="retired"),
        CheckConstraint("(published_at IS NULL) = (published_by IS NULL)", name="publisher"),
        Index("routing_sets_draft_key", "tenant_id", unique=True, postgresql_where=text("state = 'draft'")),
        Index("routing_sets_published_key", "tenant_id", unique=True, postgresql_where=text("state = 'published'")),
    )
    tenant_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    state: Mapped[str] = mapped_column(String(9))
    based_on: Mapped[int | None]
    made_by: Mapped[str] = mapped_column(String(80))
    made_at: Mapped[datetime]
    changed_by: Mapped[str] = mapped_column(String(80))
    changed_at: Mapped[datetime]
    published_by: Mapped[str | None] = mapped_column(String(80))
    published_at: Mapped[datetime | None]
    retired_at: Mapped[datetime | None]
    version: Mapped[int]


class RoutingRule(Base):
    """One rule; it keeps the path that its area had when the rule was saved, as cases keep theirs."""

    __tablename__ = "routing_rules"
    __table_args__ = (
        ForeignKeyConstraint(*_OF_SET),
        ForeignKeyConstraint(*_OF_AREA),
        ForeignKeyConstraint(*_OF_UNIT),
        ForeignKeyConstraint(*_OF_CATEGORY),
        CheckConstraint(f"level IN ({_LEVELS})", name="level"),
        Index(
            "routing_rules_key",
            "tenant_id",
            "set_number",
            "area_id",
            "category",
            "level",
            unique=True,
            postgresql_nulls_not_distinct=True,
        ),
    )
    tenant_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    set_number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    position: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    area_id: Mapped[UUID]
    area_path: Mapped[str] = mapped_column(Ltree())
    category: Mapped[str | None] = mapped_column(String(40))
    level: Mapped[str | None] = mapped_column(String(8))
    unit_id: Mapped[UUID]
    note: Mapped[str | None] = mapped_column(Text)
    auto: Mapped[bool]


class RoutingTest(Base):
    """An example beside the rules: a case as it might come, and who should get it; no unit means no rule fits."""

    __test__ = False
    __tablename__ = "routing_tests"
    __table_args__ = (
        ForeignKeyConstraint(*_OF_SET),
        ForeignKeyConstraint(*_OF_AREA),
        ForeignKeyConstraint(*_OF_UNIT),
        ForeignKeyConstraint(*_OF_CATEGORY),
        CheckConstraint(f"level IN ({_LEVELS})", name="level"),
    )
    tenant_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    set_number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    position: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(String(200))
    area_id: Mapped[UUID]
    area_path: Mapped[str] = mapped_column(Ltree())
    category: Mapped[str] = mapped_column(String(40))
    level: Mapped[str | None] = mapped_column(String(8))
    unit_id: Mapped[UUID | None]
