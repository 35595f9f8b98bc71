"""The row that makes a tenant exist."""

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from services.directory.models import Base

__all__ = ["Tenant"]


class Tenant(Base):
    """One county or district. Its code is its key; the code is checked wherever it comes from outside."""

    __tablename__ = "tenants"

    tenant_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    name_zh: Mapped[str] = mapped_column(String(200))
    name_en: Mapped[str] = mapped_column(String(200))
    time_zone: Mapped[str] = mapped_column(String(64))
    version: Mapped[int]
    created_at: Mapped[datetime]
