"""The table of units."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from services.directory.models import SCHEMA, Base
from shared.db import Ltree, TenantRow

__all__ = ["Unit"]


class Unit(TenantRow, Base):
    """One organisation. The path is its area's, which never changes."""

    __tablename__ = "units"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "area_id"], [f"{SCHEMA}.areas.tenant_id", f"{SCHEMA}.areas.id"]),
        Index("units_area_path_idx", "area_path", postgresql_using="gist"),
        Index("units_area_idx", "tenant_id", "area_id"),
    )

    kind: Mapped[str] = mapped_column(String(20))
    name: Mapped[str] = mapped_column(String(200))
    area_id: Mapped[UUID]
    area_path: Mapped[str] = mapped_column(Ltree())
    contact_name: Mapped[str | None] = mapped_column(String(200))
    contact_phone: Mapped[bytes | None] = mapped_column(LargeBinary)
    active: Mapped[bool]
    digest: Mapped[bytes] = mapped_column(LargeBinary)
    version: Mapped[int]
    created_at: Mapped[datetime]
