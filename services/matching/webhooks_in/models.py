"""The inbox of webhooks: batches as they came, and what became of their lines."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKeyConstraint, Index, Integer, LargeBinary, String, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, deferred, mapped_column

from services.matching.models import Base
from services.matching.webhook_secrets.rules import Mode
from services.matching.webhooks_in.rules import DeliveryState, Fate
from shared.db import TenantRow

__all__ = ["SandboxOffer", "WebhookDelivery", "WebhookLine"]

_MODES = ", ".join(f"'{mode.value}'" for mode in Mode)
_STATES = ", ".join(f"'{state.value}'" for state in DeliveryState)
_FATES = ", ".join(f"'{fate.value}'" for fate in Fate)


class WebhookDelivery(TenantRow, Base):
    """One message of a partner. Its id, the partner's own, names it once for ever; its body goes after a month."""

    __tablename__ = "webhook_deliveries"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "partner_id"], ["matching.partners.tenant_id", "matching.partners.id"]),
        CheckConstraint(f"mode IN ({_MODES})", name="mode"),
        CheckConstraint(f"state IN ({_STATES})", name="state"),
        CheckConstraint("next_item BETWEEN 0 AND items", name="next_item"),
        CheckConstraint("(state = 'done') = (done_at IS NOT NULL)", name="done"),
        Index("webhook_deliveries_message_key", "tenant_id", "partner_id", "mode", "message_id", unique=True),
        Index("webhook_deliveries_received_idx", "tenant_id", "partner_id", "received_at"),
        Index("webhook_deliveries_old_idx", "tenant_id", "received_at", postgresql_where=text("body IS NOT NULL")),
    )
    partner_id: Mapped[UUID]
    mode: Mapped[str] = mapped_column(String(8))
    message_id: Mapped[str] = mapped_column(String(128))
    secret_id: Mapped[UUID]
    digest: Mapped[bytes] = mapped_column(LargeBinary)
    body: Mapped[bytes | None] = deferred(mapped_column(LargeBinary))
    state: Mapped[str] = mapped_column(String(8))
    items: Mapped[int] = mapped_column(Integer)
    next_item: Mapped[int] = mapped_column(Integer)
    created: Mapped[int] = mapped_column(Integer)
    updated: Mapped[int] = mapped_column(Integer)
    unchanged: Mapped[int] = mapped_column(Integer)
    outdated: Mapped[int] = mapped_column(Integer)
    refused: Mapped[int] = mapped_column(Integer)
    received_at: Mapped[datetime]
    done_at: Mapped[datetime | None]


class WebhookLine(Base):
    """What became of one item, by its place in the batch; of a sandbox one also how it was understood."""

    __tablename__ = "webhook_lines"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "delivery_id"],
            ["matching.webhook_deliveries.tenant_id", "matching.webhook_deliveries.id"],
            ondelete="CASCADE",
        ),
        CheckConstraint(f"fate IN ({_FATES})", name="fate"),
    )
    tenant_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    delivery_id: Mapped[UUID] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    action: Mapped[str | None] = mapped_column(String(8))
    external_id: Mapped[str | None] = mapped_column(String(100))
    external_version: Mapped[int | None] = mapped_column(BigInteger)
    fate: Mapped[str] = mapped_column(String(9))
    offer_id: Mapped[UUID | None]
    complaints: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    understood: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))


class SandboxOffer(Base):
    """What a partner's sandbox has last heard of an offer: so that versions can be tried without a list."""

    __tablename__ = "webhook_sandbox_offers"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "partner_id"], ["matching.partners.tenant_id", "matching.partners.id"]),
    )
    tenant_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    partner_id: Mapped[UUID] = mapped_column(primary_key=True)
    external_id: Mapped[str] = mapped_column(String(100), primary_key=True)
    external_version: Mapped[int] = mapped_column(BigInteger)
    content: Mapped[dict[str, Any]] = mapped_column(JSONB)
    seen_at: Mapped[datetime]
