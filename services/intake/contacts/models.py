"""Tables of contacts: one sealed field a case, and who has read it."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from services.intake.models import Base
from shared.db import TenantRow

__all__ = ["CaseContact", "ContactDisclosure"]


class CaseContact(Base):
    """How to reach whoever a case was filed for: JSON, sealed as one field."""

    __tablename__ = "case_contacts"
    __table_args__ = (ForeignKeyConstraint(["tenant_id", "case_id"], ["intake.cases.tenant_id", "intake.cases.id"]),)
    tenant_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    case_id: Mapped[UUID] = mapped_column(primary_key=True)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    kept_at: Mapped[datetime]


class ContactDisclosure(TenantRow, Base):
    """A contact shown in the clear to one caller; written once."""

    __tablename__ = "contact_disclosures"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "case_id"], ["intake.cases.tenant_id", "intake.cases.id"]),
        Index("contact_disclosures_case_idx", "tenant_id", "case_id", "id"),
    )
    case_id: Mapped[UUID]
    purpose: Mapped[str] = mapped_column(String(200))
    actor: Mapped[str] = mapped_column(String(80))
    disclosed_at: Mapped[datetime]
