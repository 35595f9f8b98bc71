"""Tables of what partners are told: events as they are sent, one delivery to each endpoint, and every attempt."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    CheckConstraint,
    ForeignKeyConstraint,
    Index,
    Integer,
    String,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from services.matching.models import Base
from services.matching.outgoing.rules import DeliveryState, DropReason
from shared.db import TenantRow

__all__ = ["Attempt", "Delivery", "OutgoingEvent"]

_STATES = ", ".join(f"'{state.value}'" for state in DeliveryState)
_REASONS = ", ".join(f"'{reason.value}'" for reason in DropReason)


class OutgoingEvent(TenantRow, Base):
    """An event as partners see it, byte for byte, and whom of them it concerned when it happened.

    A test concerns nobody, so it is never replayed.
    """

    __tablename__ = "outgoing_events"
    __table_args__ = (Index("outgoing_events_occurred_idx", "tenant_id", "occurred_at", "id"),)
    type: Mapped[str] = mapped_column(String(80))
    partner_ids: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid))
    body: Mapped[str] = mapped_column(Text)
    occurred_at: Mapped[datetime]


class Delivery(TenantRow, Base):
    """One event for one endpoint. Whoever sends it holds its lease, which is a random id."""

    __tablename__ = "outgoing_deliveries"
    __table_args__ = (
        UniqueConstraint("tenant_id", "event_id", "endpoint_id"),
        ForeignKeyConstraint(
            ["tenant_id", "event_id"],
            ["matching.outgoing_events.tenant_id", "matching.outgoing_events.id"],
            ondelete="CASCADE",
        ),
        ForeignKeyConstraint(
            ["tenant_id", "endpoint_id"], ["matching.webhook_endpoints.tenant_id", "matching.webhook_endpoints.id"]
        ),
        CheckConstraint(f"state IN ({_STATES})", name="state"),
        CheckConstraint(
            f"reason IN ({_REASONS}) AND state = 'dropped' OR reason IS NULL AND state <> 'dropped'", name="reason"
        ),
        CheckConstraint("(state = 'due') = (finished_at IS NULL)", name="finished"),
        CheckConstraint("(lease_id IS NULL) = (leased_until IS NULL)", name="lease"),
        Index(
            "outgoing_deliveries_due_idx",
            "tenant_id",
            "endpoint_id",
            "next_at",
            "id",
            postgresql_where=text("state = 'due'"),
        ),
        Index("outgoing_deliveries_endpoint_idx", "tenant_id", "endpoint_id", "id"),
    )
    event_id: Mapped[UUID]
    endpoint_id: Mapped[UUID]
    state: Mapped[str] = mapped_column(String(9))
    reason: Mapped[str | None] = mapped_column(String(9))
    tries: Mapped[int] = mapped_column(Integer)
    began_at: Mapped[datetime]
    next_at: Mapped[datetime]
    lease_id: Mapped[UUID | None]
    leased_until: Mapped[datetime | None]
    created_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    version: Mapped[int]


class Attempt(TenantRow, Base):
    """One attempt: what was answered, or why nothing was; written, never changed."""

    __tablename__ = "outgoing_attempts"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "delivery_id"],
            ["matching.outgoing_deliveries.tenant_id", "matching.outgoing_deliveries.id"],
            ondelete="CASCADE",
        ),
        CheckConstraint("(status IS NULL) = (error IS NOT NULL)", name="outcome"),
        Index("outgoing_attempts_delivery_idx", "tenant_id", "delivery_id", "id"),
        Index("outgoing_attempts_endpoint_idx", "tenant_id", "endpoint_id", "id"),
    )
    delivery_id: Mapped[UUID]
    endpoint_id: Mapped[UUID]
    number: Mapped[int] = mapped_column(Integer)
    at: Mapped[datetime]
    duration_ms: Mapped[int] = mapped_column(Integer)
    status: Mapped[int | None] = mapped_column(Integer)
    error: Mapped[str | None] = mapped_column(String(16))
    answer: Mapped[str | None] = mapped_column(Text)
