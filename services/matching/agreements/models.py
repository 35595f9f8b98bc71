"""Tables of agreements."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, CheckConstraint, ForeignKeyConstraint, Index, Integer, String, Text, Uuid, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from services.matching.agreements.rules import AgreementState, ServiceState
from services.matching.models import Base
from shared.db import TenantRow

__all__ = ["Agreement", "AgreementStep", "ServiceRecord"]

_AGREEMENT = ["matching.agreements.tenant_id", "matching.agreements.id"]


class Agreement(TenantRow, Base):
    """A room of a venue, a unit that uses it, and how much service an hour of it costs."""

    __tablename__ = "agreements"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "offer_id"], ["matching.offers.tenant_id", "matching.offers.id"]),
        ForeignKeyConstraint(
            ["tenant_id", "resource_id"], ["matching.offer_resources.tenant_id", "matching.offer_resources.id"]
        ),
        ForeignKeyConstraint(["tenant_id", "guest_unit_id"], ["matching.units.tenant_id", "matching.units.id"]),
        CheckConstraint(f"state IN ({', '.join(repr(s.value) for s in AgreementState)})", name="state"),
        CheckConstraint("ends_on >= starts_on", name="period"),
        CheckConstraint("service_min_per_room_hour > 0 AND room_minutes_max > 0", name="terms"),
        CheckConstraint(
            "state = 'proposed' OR state = 'terminated'"
            " OR (host_agreed_at IS NOT NULL AND guest_agreed_at IS NOT NULL)",
            name="both_sides",
        ),
        Index("agreements_offer_idx", "tenant_id", "offer_id"),
        Index("agreements_proposed_idx", "tenant_id", text("proposed_at DESC"), text("id DESC")),
    )
    offer_id: Mapped[UUID]
    resource_id: Mapped[UUID]
    guest_unit_id: Mapped[UUID]
    title: Mapped[str] = mapped_column(String(200))
    service: Mapped[str] = mapped_column(Text)
    starts_on: Mapped[date]
    ends_on: Mapped[date]
    service_min_per_room_hour: Mapped[int] = mapped_column(Integer)
    room_minutes_max: Mapped[int] = mapped_column(Integer)
    state: Mapped[str] = mapped_column(String(10))
    host_agreed_at: Mapped[datetime | None]
    guest_agreed_at: Mapped[datetime | None]
    reason: Mapped[str | None] = mapped_column(Text)
    proposed_at: Mapped[datetime]
    terminated_at: Mapped[datetime | None]
    version: Mapped[int]


class ServiceRecord(TenantRow, Base):
    """Service that was given under an agreement; it counts once the host confirms it."""

    __tablename__ = "service_records"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "agreement_id"], _AGREEMENT),
        CheckConstraint(f"state IN ({', '.join(repr(s.value) for s in ServiceState)})", name="state"),
        CheckConstraint("minutes > 0", name="minutes"),
        Index("service_records_agreement_idx", "tenant_id", "agreement_id"),
    )
    agreement_id: Mapped[UUID]
    served_on: Mapped[date]
    minutes: Mapped[int] = mapped_column(Integer)
    description: Mapped[str] = mapped_column(Text)
    attachment_ids: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid))
    state: Mapped[str] = mapped_column(String(9))
    reason: Mapped[str | None] = mapped_column(Text)
    recorded_at: Mapped[datetime]
    decided_at: Mapped[datetime | None]
    version: Mapped[int]


class AgreementStep(Base):
    """One step of an agreement's history; its position is the version that it made."""

    __tablename__ = "agreement_steps"
    __table_args__ = (ForeignKeyConstraint(["tenant_id", "agreement_id"], _AGREEMENT),)
    tenant_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    agreement_id: Mapped[UUID] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    step: Mapped[str] = mapped_column(String(24))
    actor: Mapped[str] = mapped_column(String(80))
    data: Mapped[dict[str, Any]] = mapped_column(JSONB)
    at: Mapped[datetime]
