"""Supervision orders and their history."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, Integer, SmallInteger, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from services.intake.models import Base
from services.intake.supervision.rules import Cause, OrderState
from shared.db import Ltree, TenantRow

__all__ = ["SupervisionOrder", "SupervisionStep"]

_STATES = ", ".join(f"'{state.value}'" for state in OrderState)
_CAUSES = ", ".join(f"'{cause.value}'" for cause in Cause)


class SupervisionOrder(TenantRow, Base):
    """A demand to a unit, or to the staff of an area, about a case."""

    __tablename__ = "supervision_orders"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "case_id"], ["intake.cases.tenant_id", "intake.cases.id"]),
        CheckConstraint(f"state IN ({_STATES})", name="state"),
        CheckConstraint(f"cause IN ({_CAUSES})", name="cause"),
        Index("supervision_orders_case_idx", "tenant_id", "case_id"),
        Index("supervision_orders_area_idx", "area_path", postgresql_using="gist"),
        Index("supervision_orders_unit_idx", "tenant_id", "unit_id", "id"),
        Index(
            "supervision_orders_due_idx",
            "tenant_id",
            "due_at",
            postgresql_where=text("state = 'issued' AND overdue_at IS NULL"),
        ),
    )
    case_id: Mapped[UUID]
    area_path: Mapped[str] = mapped_column(Ltree())
    unit_id: Mapped[UUID | None]
    cause: Mapped[str] = mapped_column(String(12))
    demand_zh: Mapped[str] = mapped_column(Text)
    demand_en: Mapped[str | None] = mapped_column(Text)
    state: Mapped[str] = mapped_column(String(10))
    answer: Mapped[str | None] = mapped_column(Text)
    returns: Mapped[int] = mapped_column(SmallInteger)
    issued_by: Mapped[str] = mapped_column(String(80))
    issued_at: Mapped[datetime]
    due_at: Mapped[datetime]
    overdue_at: Mapped[datetime | None]
    version: Mapped[int]


class SupervisionStep(Base):
    """One step of an order's history."""

    __tablename__ = "supervision_steps"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "order_id"], ["intake.supervision_orders.tenant_id", "intake.supervision_orders.id"]
        ),
    )
    tenant_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    order_id: Mapped[UUID] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    step: Mapped[str] = mapped_column(String(12))
    actor: Mapped[str] = mapped_column(String(80))
    note: Mapped[str | None] = mapped_column(Text)
    at: Mapped[datetime]
