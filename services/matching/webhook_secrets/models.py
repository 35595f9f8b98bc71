"""Tables of partners' keys, and of what a district asks before the first live one."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from services.matching.models import Base
from services.matching.webhook_secrets.rules import Mode
from shared.db import TenantRow

__all__ = ["WebhookPolicy", "WebhookSecret"]

_MODES = ", ".join(f"'{mode.value}'" for mode in Mode)


class WebhookSecret(TenantRow, Base):
    """A key to verify with: a secret that both sides know, or the partner's public key. It is sealed by the vault."""

    __tablename__ = "webhook_secrets"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "partner_id"], ["matching.partners.tenant_id", "matching.partners.id"]),
        CheckConstraint(f"mode IN ({_MODES})", name="mode"),
        CheckConstraint("scheme IN ('v1', 'v1a')", name="scheme"),
        CheckConstraint("(revoked_at IS NULL) = (revoked_by IS NULL)", name="revoked"),
        Index("webhook_secrets_partner_idx", "tenant_id", "partner_id", "created_at"),
    )
    partner_id: Mapped[UUID]
    mode: Mapped[str] = mapped_column(String(8))
    scheme: Mapped[str] = mapped_column(String(3))
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    hint: Mapped[str] = mapped_column(String(8))
    created_by: Mapped[str] = mapped_column(String(80))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    revoked_by: Mapped[str | None] = mapped_column(String(80))
    revoked_at: Mapped[datetime | None]
    version: Mapped[int]


class WebhookPolicy(Base):
    """What a district asks of partners that push; without a row, nothing."""

    __tablename__ = "webhook_policies"
    tenant_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    requires_conformance: Mapped[bool]
    changed_by: Mapped[str] = mapped_column(String(80))
    changed_at: Mapped[datetime]
    version: Mapped[int]
