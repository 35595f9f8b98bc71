"""The table of areas."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, LargeBinary, String, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from services.directory.models import SCHEMA, Base
from shared.db import Ltree, TenantRow

__all__ = ["Area"]


class Area(TenantRow, Base):
    """One node of the tree. Its path never changes; a redrawn area is closed and succeeded by another."""

    __tablename__ = "areas"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id"], [f"{SCHEMA}.tenants.tenant_id"]),
        ForeignKeyConstraint(["tenant_id", "parent_id"], [f"{SCHEMA}.areas.tenant_id", f"{SCHEMA}.areas.id"]),
        ForeignKeyConstraint(["tenant_id", "successor_id"], [f"{SCHEMA}.areas.tenant_id", f"{SCHEMA}.areas.id"]),
        UniqueConstraint("tenant_id", "path"),
        CheckConstraint("closed_on IS NULL OR closed_on >= opened_on", name="days"),
        CheckConstraint("(west IS NULL) = (boundary IS NULL)", name="box"),
        Index("areas_path_idx", "path", postgresql_using="gist"),
        Index("areas_parent_idx", "tenant_id", "parent_id"),
        # One tree per tenant.
        Index("areas_root_idx", "tenant_id", unique=True, postgresql_where=text("parent_id IS NULL")),
        Index("areas_box_idx", "tenant_id", "west", "east", postgresql_where=text("west IS NOT NULL")),
    )

    parent_id: Mapped[UUID | None]
    code: Mapped[str] = mapped_column(String(32))
    path: Mapped[str] = mapped_column(Ltree())
    kind: Mapped[str] = mapped_column(String(20))
    name: Mapped[str] = mapped_column(String(200))
    no_property_owner: Mapped[bool]
    no_management: Mapped[bool]
    no_repair_fund: Mapped[bool]
    households: Mapped[int | None]
    population: Mapped[int | None]
    latitude: Mapped[float | None]
    longitude: Mapped[float | None]
    boundary: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True), deferred=True)
    west: Mapped[float | None]
    south: Mapped[float | None]
    east: Mapped[float | None]
    north: Mapped[float | None]
    opened_on: Mapped[date]
    closed_on: Mapped[date | None]
    successor_id: Mapped[UUID | None]
    digest: Mapped[bytes] = mapped_column(LargeBinary)
    version: Mapped[int]
    created_at: Mapped[datetime]
