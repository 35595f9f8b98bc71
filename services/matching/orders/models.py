"""Tables of orders."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from services.matching.models import Base
from services.matching.orders.rules import OrderState
from shared.db import Ltree, TenantRow

__all__ = ["Order", "OrderContact", "OrderDisclosure", "OrderNumber", "OrderRules", "OrderStep"]

_ORDER = ["matching.orders.tenant_id", "matching.orders.id"]
_STATES = ", ".join(repr(state.value) for state in OrderState)


class Order(TenantRow, Base):
    """An order. It keeps its price and never why it is that price: `questions` is what is still to be asked, and
    `fallback_fen` what somebody pays to whom every answer is no; both are empty once the price is known. `within` is
    the area that the staff works for who ordered for somebody else.
    """

    __tablename__ = "orders"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "offer_id"], ["matching.offers.tenant_id", "matching.offers.id"]),
        ForeignKeyConstraint(["tenant_id", "partner_id"], ["matching.partners.tenant_id", "matching.partners.id"]),
        ForeignKeyConstraint(
            ["tenant_id", "contact_id"], ["matching.order_contacts.tenant_id", "matching.order_contacts.id"]
        ),
        ForeignKeyConstraint(["tenant_id", "hold_id"], ["matching.offer_holds.tenant_id", "matching.offer_holds.id"]),
        CheckConstraint(f"state IN ({_STATES})", name="state"),
        CheckConstraint("quantity > 0", name="quantity"),
        CheckConstraint("price_fen >= 0 AND up_to_fen >= 0", name="price"),
        CheckConstraint("(starts_at IS NULL) = (ends_at IS NULL) AND ends_at > starts_at", name="slot"),
        CheckConstraint("stars BETWEEN 1 AND 5", name="stars"),
        Index("orders_number_key", "tenant_id", "number", unique=True),
        Index("orders_opened_idx", "tenant_id", text("opened_at DESC"), text("id DESC")),
        Index("orders_requester_idx", "tenant_id", "requester_id", text("opened_at DESC"), text("id DESC")),
        Index("orders_unit_idx", "tenant_id", "unit_id", text("opened_at DESC"), text("id DESC")),
        Index("orders_area_idx", "area_path", postgresql_using="gist"),
        Index(
            "orders_waiting_idx",
            "tenant_id",
            "wait_until",
            postgresql_where=text("state IN ('pricing', 'quoted', 'placed')"),
        ),
        Index(
            "orders_due_idx",
            "tenant_id",
            "due_at",
            postgresql_where=text("state = 'accepted' AND late_at IS NULL"),
        ),
        Index("orders_placed_idx", "tenant_id", "placed_at", postgresql_where=text("placed_at IS NOT NULL")),
        Index("orders_series_idx", "tenant_id", "series_id", postgresql_where=text("series_id IS NOT NULL")),
        Index("orders_question_key", "tenant_id", "question_id", unique=True),
    )
    number: Mapped[str] = mapped_column(String(20))
    offer_id: Mapped[UUID]
    partner_id: Mapped[UUID]
    unit_id: Mapped[UUID]
    title: Mapped[str] = mapped_column(String(200))
    requester_id: Mapped[UUID]
    placed_by: Mapped[str] = mapped_column(String(80))
    area_id: Mapped[UUID]
    area_path: Mapped[str] = mapped_column(Ltree())
    within: Mapped[str | None] = mapped_column(Ltree())
    quantity: Mapped[int] = mapped_column(Integer)
    resource_id: Mapped[UUID | None]
    starts_at: Mapped[datetime | None]
    ends_at: Mapped[datetime | None]
    wanted_by: Mapped[datetime | None]
    contact_id: Mapped[UUID | None]
    hold_id: Mapped[UUID | None]
    series_id: Mapped[UUID | None]
    repeats_id: Mapped[UUID | None]
    question_id: Mapped[UUID | None]
    questions: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    fallback_fen: Mapped[int | None] = mapped_column(BigInteger)
    price_fen: Mapped[int | None] = mapped_column(BigInteger)
    up_to_fen: Mapped[int | None] = mapped_column(BigInteger)
    state: Mapped[str] = mapped_column(String(10))
    reason: Mapped[str | None] = mapped_column(Text)
    opened_at: Mapped[datetime]
    placed_at: Mapped[datetime | None]
    wait_until: Mapped[datetime]
    warn_at: Mapped[datetime | None]
    accepted_at: Mapped[datetime | None]
    due_at: Mapped[datetime | None]
    late_at: Mapped[datetime | None]
    delivered_at: Mapped[datetime | None]
    proof: Mapped[str | None] = mapped_column(Text)
    attachment_ids: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid))
    ended_at: Mapped[datetime | None]
    rated_at: Mapped[datetime | None]
    stars: Mapped[int | None] = mapped_column(SmallInteger)
    words: Mapped[str | None] = mapped_column(Text)
    complaint: Mapped[bool]
    version: Mapped[int]


class OrderStep(Base):
    """One step of an order's history."""

    __tablename__ = "order_steps"
    __table_args__ = (ForeignKeyConstraint(["tenant_id", "order_id"], _ORDER),)
    tenant_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    order_id: Mapped[UUID] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    step: Mapped[str] = mapped_column(String(12))
    state: Mapped[str] = mapped_column(String(10))
    actor: Mapped[str] = mapped_column(String(80))
    data: Mapped[dict[str, Any]] = mapped_column(JSONB)
    at: Mapped[datetime]


class OrderContact(TenantRow, Base):
    """Where to come and whom to call: JSON, sealed as one field; orders of a series share it."""

    __tablename__ = "order_contacts"
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    kept_at: Mapped[datetime]


class OrderDisclosure(TenantRow, Base):
    """A contact shown in the clear to one caller; written once."""

    __tablename__ = "order_disclosures"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "order_id"], _ORDER),
        Index("order_disclosures_order_idx", "tenant_id", "order_id", "id"),
    )
    order_id: Mapped[UUID]
    purpose: Mapped[str] = mapped_column(String(200))
    actor: Mapped[str] = mapped_column(String(80))
    disclosed_at: Mapped[datetime]


class OrderNumber(Base):
    """The counter of a year's order numbers. Its rows also say which tenants have orders to watch."""

    __tablename__ = "order_numbers"
    tenant_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    year: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    last_number: Mapped[int]


class OrderRules(Base):
    """How long things may take in a tenant; who has said nothing has no row."""

    __tablename__ = "order_rules"
    __table_args__ = (
        CheckConstraint(
            "accept_minutes > 0 AND confirm_minutes > 0 AND deliver_minutes > 0 AND answer_minutes > 0 "
            "AND ahead_days > 0",
            name="positive",
        ),
    )
    tenant_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    accept_minutes: Mapped[int]
    confirm_minutes: Mapped[int]
    deliver_minutes: Mapped[int]
    answer_minutes: Mapped[int]
    ahead_days: Mapped[int]
    set_by: Mapped[str] = mapped_column(String(80))
    set_at: Mapped[datetime]
    version: Mapped[int]
