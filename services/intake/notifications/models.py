"""Notifications, what became of them, and who can be reached outside the inbox."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, String, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from services.intake.models import Base
from services.intake.notifications.rules import Channel, ReceiptState
from shared.db import Ltree, TenantRow

__all__ = ["Notification", "NotificationReceipt", "Reachable"]

_CHANNELS = ", ".join(f"'{channel.value}'" for channel in Channel)
_STATES = ", ".join(f"'{state.value}'" for state in ReceiptState)


class Notification(TenantRow, Base):
    """Something that is told: to a person, to the staff of a unit, or to whoever holds a role over an area."""

    __tablename__ = "notifications"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "case_id"], ["intake.cases.tenant_id", "intake.cases.id"]),
        CheckConstraint("num_nonnulls(person_id, unit_id, role) = 1", name="audience"),
        CheckConstraint("(role IS NULL) = (area_path IS NULL)", name="place"),
        Index(
            "notifications_person_idx",
            "tenant_id",
            "person_id",
            "id",
            postgresql_where=text("person_id IS NOT NULL"),
        ),
        Index("notifications_unit_idx", "tenant_id", "unit_id", "id", postgresql_where=text("unit_id IS NOT NULL")),
        Index("notifications_role_idx", "tenant_id", "role", "id", postgresql_where=text("role IS NOT NULL")),
        Index("notifications_case_idx", "tenant_id", "case_id", "id", postgresql_where=text("case_id IS NOT NULL")),
    )
    kind: Mapped[str] = mapped_column(String(40))
    case_id: Mapped[UUID | None]
    params: Mapped[dict[str, Any]] = mapped_column(JSONB)
    person_id: Mapped[UUID | None]
    unit_id: Mapped[UUID | None]
    role: Mapped[str | None] = mapped_column(String(20))
    area_path: Mapped[str | None] = mapped_column(Ltree())
    urgent: Mapped[bool]
    created_at: Mapped[datetime]


class NotificationReceipt(Base):
    """What became of a notification for one person on one channel."""

    __tablename__ = "notification_receipts"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "notification_id"], ["intake.notifications.tenant_id", "intake.notifications.id"]
        ),
        CheckConstraint(f"channel IN ({_CHANNELS})", name="channel"),
        CheckConstraint(f"state IN ({_STATES})", name="state"),
    )
    tenant_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    notification_id: Mapped[UUID] = mapped_column(primary_key=True)
    person_id: Mapped[UUID] = mapped_column(primary_key=True)
    channel: Mapped[str] = mapped_column(String(8), primary_key=True)
    state: Mapped[str] = mapped_column(String(10), primary_key=True)
    detail: Mapped[str | None] = mapped_column(String(200))
    at: Mapped[datetime]


class Reachable(Base):
    """Whom the directory can reach outside the inbox; nobody else costs an event."""

    __tablename__ = "reachable"
    tenant_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    person_id: Mapped[UUID] = mapped_column(primary_key=True)
    push: Mapped[bool]
    sms: Mapped[bool]
