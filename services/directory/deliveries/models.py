"""Tables of deliveries, of every try, and of how many anybody got on a day."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from services.directory.deliveries.rules import Channel, DropReason, State
from services.directory.models import SCHEMA, Base
from shared.db import TenantRow

__all__ = ["Delivery", "DeliveryAttempt", "DeliveryCount", "DeliveryTenant"]

_CHANNELS = ", ".join(f"'{channel.value}'" for channel in Channel)
_STATES = ", ".join(f"'{state.value}'" for state in State)
_REASONS = ", ".join(f"'{reason.value}'" for reason in DropReason)


class Delivery(TenantRow, Base):
    """One notification for one person on one channel. Whoever sends it holds its lease, which is a random id."""

    __tablename__ = "deliveries"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "person_id"], [f"{SCHEMA}.people.tenant_id", f"{SCHEMA}.people.id"]),
        UniqueConstraint("tenant_id", "notification_id", "person_id", "channel"),
        CheckConstraint(f"channel IN ({_CHANNELS})", name="channel"),
        CheckConstraint(f"state IN ({_STATES})", name="state"),
        CheckConstraint(f"reason IN ({_REASONS}) AND state = 'dropped' OR reason IS NULL", name="reason"),
        CheckConstraint("(state = 'due') = (finished_at IS NULL)", name="finished"),
        CheckConstraint("(lease_id IS NULL) = (leased_until IS NULL)", name="lease"),
        Index("deliveries_due_idx", "tenant_id", "channel", "next_at", postgresql_where=text("state = 'due'")),
        Index("deliveries_person_idx", "tenant_id", "person_id", "id"),
        Index("deliveries_state_idx", "tenant_id", "state", "id"),
    )

    notification_id: Mapped[UUID]
    person_id: Mapped[UUID]
    channel: Mapped[str] = mapped_column(String(4))
    kind: Mapped[str] = mapped_column(String(40))
    case_id: Mapped[UUID | None]
    title_zh: Mapped[str]
    title_en: Mapped[str]
    urgent: Mapped[bool]
    state: Mapped[str] = mapped_column(String(8))
    reason: Mapped[str | None] = mapped_column(String(12))
    detail: Mapped[str | None] = mapped_column(String(200))
    next_at: Mapped[datetime]
    tries: Mapped[int]
    counted: Mapped[bool]
    lease_id: Mapped[UUID | None]
    leased_until: Mapped[datetime | None]
    version: Mapped[int]
    created_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]


class DeliveryAttempt(TenantRow, Base):
    """One try, to one device or phone; written, never changed."""

    __tablename__ = "delivery_attempts"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "delivery_id"], [f"{SCHEMA}.deliveries.tenant_id", f"{SCHEMA}.deliveries.id"]
        ),
        Index("delivery_attempts_delivery_idx", "tenant_id", "delivery_id", "id"),
    )

    delivery_id: Mapped[UUID]
    device_id: Mapped[UUID | None]
    at: Mapped[datetime]
    ok: Mapped[bool]
    detail: Mapped[str] = mapped_column(String(200))
    duration_ms: Mapped[int]


class DeliveryCount(Base):
    """How many messages of a channel a person got on a day of China."""

    __tablename__ = "delivery_counts"

    tenant_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    person_id: Mapped[UUID] = mapped_column(primary_key=True)
    channel: Mapped[str] = mapped_column(String(4), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    sent: Mapped[int]


class DeliveryTenant(Base):
    """A tenant that ever had something to send: what the schedule goes through, instead of all deliveries."""

    __tablename__ = "delivery_tenants"

    tenant_id: Mapped[str] = mapped_column(String(32), primary_key=True)
