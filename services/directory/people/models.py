"""Tables of people and of the roles they hold."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from services.directory.models import SCHEMA, Base
from shared.db import Ltree, TenantRow

__all__ = ["Person", "RoleGrant"]


class Person(TenantRow, Base):
    """Somebody the directory knows. The area is where they live or were registered; its path never changes."""

    __tablename__ = "people"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "area_id"], [f"{SCHEMA}.areas.tenant_id", f"{SCHEMA}.areas.id"]),
        UniqueConstraint("tenant_id", "phone_index"),
        UniqueConstraint("tenant_id", "username"),
        CheckConstraint("(phone IS NULL) = (phone_index IS NULL)", name="phone"),
        CheckConstraint("password_hash IS NULL OR username IS NOT NULL", name="password"),
        Index("people_area_path_idx", "area_path", postgresql_using="gist"),
        Index("people_area_idx", "tenant_id", "area_id"),
    )

    display_name: Mapped[str] = mapped_column(String(200))
    label: Mapped[str | None] = mapped_column(String(200))
    area_id: Mapped[UUID]
    area_path: Mapped[str] = mapped_column(Ltree())
    phone: Mapped[bytes | None] = mapped_column(LargeBinary)
    phone_index: Mapped[bytes | None] = mapped_column(LargeBinary)
    username: Mapped[str | None] = mapped_column(String(64))
    password_hash: Mapped[str | None] = mapped_column(String(200))
    digest: Mapped[bytes] = mapped_column(LargeBinary)
    version: Mapped[int]
    created_at: Mapped[datetime]


class RoleGrant(TenantRow, Base):
    """A role held at an area from one instant until another; ended, never deleted."""

    __tablename__ = "role_grants"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "person_id"], [f"{SCHEMA}.people.tenant_id", f"{SCHEMA}.people.id"]),
        ForeignKeyConstraint(["tenant_id", "area_id"], [f"{SCHEMA}.areas.tenant_id", f"{SCHEMA}.areas.id"]),
        ForeignKeyConstraint(["tenant_id", "unit_id"], [f"{SCHEMA}.units.tenant_id", f"{SCHEMA}.units.id"]),
        CheckConstraint("ends_at IS NULL OR ends_at >= starts_at", name="period"),
        Index("role_grants_person_idx", "tenant_id", "person_id"),
        Index("role_grants_area_path_idx", "area_path", postgresql_using="gist"),
    )

    person_id: Mapped[UUID]
    role: Mapped[str] = mapped_column(String(20))
    area_id: Mapped[UUID]
    area_path: Mapped[str] = mapped_column(Ltree())
    unit_id: Mapped[UUID | None]
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime | None]
    granted_by: Mapped[str] = mapped_column(String(80))
    ended_by: Mapped[str | None] = mapped_column(String(80))
    digest: Mapped[bytes] = mapped_column(LargeBinary)
    version: Mapped[int]
    created_at: Mapped[datetime]
