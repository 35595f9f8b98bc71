"""The copy of a case, kept by events."""

from uuid import UUID

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from services.matching.models import Base
from shared.db import Ltree, TenantRow

__all__ = ["CaseCopy"]


class CaseCopy(TenantRow, Base):
    """A case as the intake last told of it; no words of its requester."""

    __tablename__ = "cases"
    number: Mapped[str] = mapped_column(String(20))
    category: Mapped[str] = mapped_column(String(40))
    area_id: Mapped[UUID]
    area_path: Mapped[str] = mapped_column(Ltree())
    state: Mapped[str] = mapped_column(String(12))
    unit_id: Mapped[UUID | None]
