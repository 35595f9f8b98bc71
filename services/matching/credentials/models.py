"""Tables of credentials."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import ARRAY, CheckConstraint, ForeignKeyConstraint, Index, LargeBinary, String, Uuid, text
from sqlalchemy.orm import Mapped, mapped_column

from services.matching.models import Base
from shared.db import TenantRow

__all__ = ["Credential", "CredentialView"]


class Credential(TenantRow, Base):
    """A licence of a partner. Its number is sealed; the blind index finds it again."""

    __tablename__ = "credentials"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "partner_id"], ["matching.partners.tenant_id", "matching.partners.id"]),
        CheckConstraint("valid_until >= valid_from", name="validity"),
        Index(
            "credentials_number_key",
            "tenant_id",
            "partner_id",
            "number_index",
            unique=True,
            postgresql_where=text("withdrawn_at IS NULL"),
        ),
        Index("credentials_until_idx", "tenant_id", "valid_until", postgresql_where=text("withdrawn_at IS NULL")),
    )
    partner_id: Mapped[UUID]
    name: Mapped[str] = mapped_column(String(200))
    number_sealed: Mapped[bytes] = mapped_column(LargeBinary)
    number_index: Mapped[bytes] = mapped_column(LargeBinary)
    issuer: Mapped[str] = mapped_column(String(200))
    valid_from: Mapped[date | None]
    valid_until: Mapped[date | None]
    attachment_ids: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid))
    told_days: Mapped[int | None]
    added_at: Mapped[datetime]
    withdrawn_at: Mapped[datetime | None]
    version: Mapped[int]


class CredentialView(TenantRow, Base):
    """Who has seen a number in the clear, when and for what; written once."""

    __tablename__ = "credential_views"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "credential_id"], ["matching.credentials.tenant_id", "matching.credentials.id"]
        ),
        Index("credential_views_credential_idx", "tenant_id", "credential_id"),
    )
    credential_id: Mapped[UUID]
    actor: Mapped[str] = mapped_column(String(80))
    purpose: Mapped[str] = mapped_column(String(200))
    at: Mapped[datetime]
