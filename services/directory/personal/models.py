"""Who saw whose personal data in the clear, when and why: written, never changed."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from services.directory.models import Base
from shared.db import TenantRow

__all__ = ["Disclosure"]


class Disclosure(TenantRow, Base):
    """One field of one row shown unmasked to one caller."""

    __tablename__ = "disclosures"
    __table_args__ = (Index("disclosures_subject_idx", "tenant_id", "subject_id", "id"),)

    subject_kind: Mapped[str] = mapped_column(String(20))
    subject_id: Mapped[UUID]
    field: Mapped[str] = mapped_column(String(40))
    purpose: Mapped[str] = mapped_column(String(200))
    actor: Mapped[str] = mapped_column(String(80))
    disclosed_at: Mapped[datetime]
