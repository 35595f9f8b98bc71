"""Tables of endpoints and of the keys that sign for them."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, CheckConstraint, ForeignKeyConstraint, Index, LargeBinary, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from services.matching.endpoints.addresses import URL_LENGTH_MAX
from services.matching.endpoints.rules import DisabledReason, EndpointState
from services.matching.models import Base
from shared.db import TenantRow

__all__ = ["Endpoint", "EndpointKey"]

_STATES = ", ".join(f"'{state.value}'" for state in EndpointState)
_REASONS = ", ".join(f"'{reason.value}'" for reason in DisabledReason)


class Endpoint(TenantRow, Base):
    """Where a partner wants to hear of some types of events. Its version counts what somebody decided about it."""

    __tablename__ = "webhook_endpoints"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "partner_id"], ["matching.partners.tenant_id", "matching.partners.id"]),
        CheckConstraint(f"state IN ({_STATES})", name="state"),
        CheckConstraint(
            f"reason IN ({_REASONS}) AND state = 'disabled' OR reason IS NULL AND state = 'enabled'", name="reason"
        ),
        CheckConstraint("cardinality(event_types) > 0", name="event_types"),
        Index("webhook_endpoints_partner_idx", "tenant_id", "partner_id", "id"),
    )
    partner_id: Mapped[UUID]
    url: Mapped[str] = mapped_column(String(URL_LENGTH_MAX))
    description: Mapped[str | None] = mapped_column(String(200))
    event_types: Mapped[list[str]] = mapped_column(ARRAY(String(80)))
    state: Mapped[str] = mapped_column(String(8))
    reason: Mapped[str | None] = mapped_column(String(8))
    note: Mapped[str | None] = mapped_column(Text)
    failing_since: Mapped[datetime | None]
    last_failed_at: Mapped[datetime | None]
    last_succeeded_at: Mapped[datetime | None]
    created_by: Mapped[str] = mapped_column(String(80))
    created_at: Mapped[datetime]
    version: Mapped[int]


class EndpointKey(TenantRow, Base):
    """A secret and a key pair that sign for an endpoint, sealed; the current one has no end."""

    __tablename__ = "endpoint_keys"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "endpoint_id"], ["matching.webhook_endpoints.tenant_id", "matching.webhook_endpoints.id"]
        ),
        Index("endpoint_keys_endpoint_idx", "tenant_id", "endpoint_id", "id"),
        Index(
            "endpoint_keys_current_key",
            "tenant_id",
            "endpoint_id",
            unique=True,
            postgresql_where=text("expires_at IS NULL"),
        ),
    )
    endpoint_id: Mapped[UUID]
    secret: Mapped[bytes] = mapped_column(LargeBinary)
    private_key: Mapped[bytes] = mapped_column(LargeBinary)
    public_key: Mapped[str] = mapped_column(String(60))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
