"""Spot checks and the cases that were drawn."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, Integer, SmallInteger, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from services.intake.models import Base
from shared.db import Ltree, TenantRow

__all__ = ["SpotCheck", "SpotCheckItem"]


class SpotCheck(TenantRow, Base):
    """One sample. Whoever knows the seed can draw it again and gets the same cases."""

    __tablename__ = "spot_checks"
    __table_args__ = (
        CheckConstraint("percent BETWEEN 1 AND 100", name="percent"),
        Index("spot_checks_area_idx", "area_path", postgresql_using="gist"),
    )
    area_path: Mapped[str] = mapped_column(Ltree())
    since: Mapped[datetime]
    until: Mapped[datetime]
    percent: Mapped[int] = mapped_column(SmallInteger)
    seed: Mapped[str] = mapped_column(String(40))
    closed_cases: Mapped[int] = mapped_column(Integer)
    drawn: Mapped[int] = mapped_column(Integer)
    drawn_by: Mapped[str] = mapped_column(String(80))
    drawn_at: Mapped[datetime]


class SpotCheckItem(Base):
    """A case that was drawn, and what was found."""

    __tablename__ = "spot_check_items"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "check_id"], ["intake.spot_checks.tenant_id", "intake.spot_checks.id"]),
        ForeignKeyConstraint(["tenant_id", "case_id"], ["intake.cases.tenant_id", "intake.cases.id"]),
        CheckConstraint("(solved IS NULL) = (checked_at IS NULL)", name="checked"),
    )
    tenant_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    check_id: Mapped[UUID] = mapped_column(primary_key=True)
    case_id: Mapped[UUID] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(Integer)
    solved: Mapped[bool | None]
    note: Mapped[str | None] = mapped_column(Text)
    checked_by: Mapped[str | None] = mapped_column(String(80))
    checked_at: Mapped[datetime | None]
