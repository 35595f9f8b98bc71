"""Tables of entitlements: kinds, who holds which until when, what was done, and who has asked."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import ARRAY, CheckConstraint, ForeignKeyConstraint, Index, Integer, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from services.directory.models import SCHEMA, Base
from shared.db import Ltree, TenantRow

__all__ = ["Entitlement", "EntitlementKind", "EntitlementQuestion", "EntitlementStep"]


class EntitlementKind(Base):
    """A kind of entitlement, as a tenant defines it."""

    __tablename__ = "entitlement_kinds"
    __table_args__ = (CheckConstraint("longest_days > 0", name="longest"),)
    tenant_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    code: Mapped[str] = mapped_column(String(40), primary_key=True)
    name_zh: Mapped[str] = mapped_column(String(200))
    name_en: Mapped[str] = mapped_column(String(200))
    longest_days: Mapped[int] = mapped_column(Integer)
    active: Mapped[bool]
    version: Mapped[int]


class Entitlement(TenantRow, Base):
    """Somebody's entitlement, from its first day to its last; revoked, never deleted. The evidence is sealed."""

    __tablename__ = "entitlements"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "person_id"], [f"{SCHEMA}.people.tenant_id", f"{SCHEMA}.people.id"]),
        ForeignKeyConstraint(
            ["tenant_id", "kind"], [f"{SCHEMA}.entitlement_kinds.tenant_id", f"{SCHEMA}.entitlement_kinds.code"]
        ),
        CheckConstraint("ends_on >= starts_on", name="period"),
        Index("entitlements_person_idx", "tenant_id", "person_id", "kind"),
        Index("entitlements_ends_idx", "tenant_id", "ends_on", "id"),
        Index("entitlements_area_path_idx", "area_path", postgresql_using="gist"),
    )
    person_id: Mapped[UUID]
    area_path: Mapped[str] = mapped_column(Ltree())
    kind: Mapped[str] = mapped_column(String(40))
    starts_on: Mapped[date]
    ends_on: Mapped[date]
    evidence: Mapped[bytes] = mapped_column(LargeBinary)
    granted_by: Mapped[str] = mapped_column(String(80))
    granted_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    digest: Mapped[bytes] = mapped_column(LargeBinary)
    version: Mapped[int]


class EntitlementStep(Base):
    """One step of an entitlement's history; why it was revoked is sealed, since it may tell of a person's life."""

    __tablename__ = "entitlement_steps"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "entitlement_id"], [f"{SCHEMA}.entitlements.tenant_id", f"{SCHEMA}.entitlements.id"]
        ),
    )
    tenant_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    entitlement_id: Mapped[UUID] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    step: Mapped[str] = mapped_column(String(8))
    actor: Mapped[str] = mapped_column(String(80))
    ends_on: Mapped[date]
    reason: Mapped[bytes | None] = mapped_column(LargeBinary)
    at: Mapped[datetime]


class EntitlementQuestion(TenantRow, Base):
    """One question whether somebody is entitled, and the answer: written once. An unknown person is never entitled."""

    __tablename__ = "entitlement_questions"
    __table_args__ = (Index("entitlement_questions_person_idx", "tenant_id", "person_id", "asked_at", "id"),)
    person_id: Mapped[UUID]
    kinds: Mapped[list[str]] = mapped_column(ARRAY(String(40)))
    used_on: Mapped[date]
    purpose: Mapped[str] = mapped_column(String(200))
    asked_by: Mapped[str] = mapped_column(String(80))
    entitled: Mapped[bool]
    asked_at: Mapped[datetime]
