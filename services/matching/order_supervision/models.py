"""Tables of demands about orders, and their history."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, Integer, SmallInteger, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from services.matching.models import Base
from services.matching.order_supervision.rules import Cause, DemandState
from shared.db import Ltree, TenantRow

__all__ = ["OrderDemand", "OrderDemandStep"]

_STATES = ", ".join(repr(state.value) for state in DemandState)
_CAUSES = ", ".join(repr(cause.value) for cause in Cause)


class OrderDemand(TenantRow, Base):
    """A demand to an order's partner. For being late there is one an order, whoever looks at the clock."""

    __tablename__ = "order_demands"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "order_id"], ["matching.orders.tenant_id", "matching.orders.id"]),
        CheckConstraint(f"state IN ({_STATES})", name="state"),
        CheckConstraint(f"cause IN ({_CAUSES})", name="cause"),
        Index("order_demands_order_idx", "tenant_id", "order_id"),
        Index("order_demands_late_key", "tenant_id", "order_id", unique=True, postgresql_where=text("cause = 'late'")),
        Index("order_demands_area_idx", "area_path", postgresql_using="gist"),
        Index("order_demands_unit_idx", "tenant_id", "unit_id", "id"),
        Index(
            "order_demands_due_idx",
            "tenant_id",
            "due_at",
            postgresql_where=text("state = 'issued' AND overdue_at IS NULL"),
        ),
    )
    order_id: Mapped[UUID]
    area_path: Mapped[str] = mapped_column(Ltree())
    unit_id: Mapped[UUID]
    cause: Mapped[str] = mapped_column(String(8))
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


class OrderDemandStep(Base):
    """One step of a demand's history."""

    __tablename__ = "order_demand_steps"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "demand_id"], ["matching.order_demands.tenant_id", "matching.order_demands.id"]
        ),
    )
    tenant_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    demand_id: Mapped[UUID] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    step: Mapped[str] = mapped_column(String(12))
    actor: Mapped[str] = mapped_column(String(80))
    note: Mapped[str | None] = mapped_column(Text)
    at: Mapped[datetime]
