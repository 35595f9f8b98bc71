"""Tables of devices, of what their owners wish, and of what the other services were told about it."""

from datetime import datetime, time
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from services.directory.devices.rules import Language, Platform
from services.directory.models import SCHEMA, Base
from shared.db import TenantRow

__all__ = ["Device", "NotificationPreference", "ToldReach"]

_PLATFORMS = ", ".join(f"'{platform.value}'" for platform in Platform)
_LANGUAGES = ", ".join(f"'{language.value}'" for language in Language)


class Device(TenantRow, Base):
    """A telephone, a browser or a mini program that takes push messages. Its token is sealed, and is its identity."""

    __tablename__ = "devices"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "person_id"], [f"{SCHEMA}.people.tenant_id", f"{SCHEMA}.people.id"]),
        UniqueConstraint("tenant_id", "token_index"),
        CheckConstraint(f"platform IN ({_PLATFORMS})", name="platform"),
        CheckConstraint(f"language IN ({_LANGUAGES})", name="language"),
        Index("devices_person_idx", "tenant_id", "person_id", "used_at"),
    )

    person_id: Mapped[UUID]
    platform: Mapped[str] = mapped_column(String(12))
    client_id: Mapped[str] = mapped_column(String(64))
    language: Mapped[str] = mapped_column(String(2))
    token: Mapped[bytes] = mapped_column(LargeBinary)
    token_index: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime]
    used_at: Mapped[datetime]


class NotificationPreference(Base):
    """How somebody wants to be reached; who never said so has no row."""

    __tablename__ = "notification_preferences"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "person_id"], [f"{SCHEMA}.people.tenant_id", f"{SCHEMA}.people.id"]),
        CheckConstraint("(quiet_from IS NULL) = (quiet_to IS NULL) AND quiet_from <> quiet_to", name="quiet"),
    )

    tenant_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    person_id: Mapped[UUID] = mapped_column(primary_key=True)
    push: Mapped[bool]
    sms: Mapped[bool]
    quiet_from: Mapped[time | None]
    quiet_to: Mapped[time | None]
    version: Mapped[int]
    changed_at: Mapped[datetime]


class ToldReach(Base):
    """What was last published of somebody's reach, so that only a change costs an event."""

    __tablename__ = "told_reach"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "person_id"], [f"{SCHEMA}.people.tenant_id", f"{SCHEMA}.people.id"]),
    )

    tenant_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    person_id: Mapped[UUID] = mapped_column(primary_key=True)
    push: Mapped[bool]
    sms: Mapped[bool]
    told_at: Mapped[datetime]
