"""Who raised an anonymous case, sealed; the token that follows it; and who has ever unsealed one."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from services.intake.models import Base
from shared.db import TenantRow

__all__ = ["SealedRequester", "Unsealing"]


def _of_a_case() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(["tenant_id", "case_id"], ["intake.cases.tenant_id", "intake.cases.id"])


class SealedRequester(Base):
    """The person behind a pseudonym, readable with the key of the house alone, and the hash of the case's token."""

    __tablename__ = "sealed_requesters"
    __table_args__ = (_of_a_case(),)
    tenant_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    case_id: Mapped[UUID] = mapped_column(primary_key=True)
    person: Mapped[bytes] = mapped_column(LargeBinary)
    token_sha256: Mapped[bytes] = mapped_column(LargeBinary)


class Unsealing(TenantRow, Base):
    """Somebody has looked at who raised a case."""

    __tablename__ = "unsealings"
    __table_args__ = (_of_a_case(),)
    case_id: Mapped[UUID]
    actor: Mapped[str] = mapped_column(String(80))
    purpose: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime]
