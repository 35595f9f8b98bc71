"""Tables of offers."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    Double,
    ForeignKeyConstraint,
    Index,
    Integer,
    String,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from services.matching.models import Base
from services.matching.offers.rules import OfferKind, is_stale
from shared.clock import utc_now
from shared.db import Ltree, TenantRow

__all__ = ["Offer"]


class Offer(TenantRow, Base):
    """One line of the resource list. The database itself refuses to promise more than there is.

    `quantity` is what is offered; each unit of it is free, held, committed, moving or received, and counted once.
    """

    __tablename__ = "offers"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "partner_id"], ["matching.partners.tenant_id", "matching.partners.id"]),
        CheckConstraint(f"kind IN ({', '.join(repr(k.value) for k in OfferKind)})", name="kind"),
        CheckConstraint(
            "held >= 0 AND committed >= 0 AND moving >= 0 AND received >= 0"
            " AND held + committed + moving + received <= quantity",
            name="not_oversold",
        ),
        CheckConstraint("price_fen >= 0", name="price"),
        CheckConstraint("(kind = 'money') = (amount_fen IS NOT NULL) AND amount_fen > 0", name="amount"),
        CheckConstraint("capacity_per_day > 0", name="capacity_per_day"),
        CheckConstraint("valid_until > valid_from", name="validity"),
        CheckConstraint("(latitude IS NULL) = (longitude IS NULL)", name="point"),
        CheckConstraint("(external_id IS NULL) = (external_version IS NULL)", name="external"),
        Index("offers_category_idx", "tenant_id", "category", postgresql_where=text("active")),
        Index("offers_confirmed_idx", "tenant_id", "confirmed_at", postgresql_where=text("active")),
        Index(
            "offers_unsought_idx",
            "tenant_id",
            "id",
            postgresql_where=text("active AND needs_sought_at IS NULL"),
        ),
        Index("offers_area_idx", "coverage", postgresql_using="gist"),
        Index(
            "offers_external_key",
            "tenant_id",
            "partner_id",
            "external_id",
            unique=True,
            postgresql_where=text("external_id IS NOT NULL"),
        ),
    )
    partner_id: Mapped[UUID]
    kind: Mapped[str] = mapped_column(String(10))
    category: Mapped[str] = mapped_column(String(40))
    title: Mapped[str] = mapped_column(String(200))
    description: Mapped[str] = mapped_column(Text)
    area_id: Mapped[UUID]
    coverage: Mapped[str] = mapped_column(Ltree())
    place_text: Mapped[str | None] = mapped_column(String(200))
    latitude: Mapped[float | None] = mapped_column(Double())
    longitude: Mapped[float | None] = mapped_column(Double())
    remote: Mapped[bool]
    quantity: Mapped[int] = mapped_column(Integer)
    held: Mapped[int] = mapped_column(Integer)
    committed: Mapped[int] = mapped_column(Integer)
    moving: Mapped[int] = mapped_column(Integer)
    received: Mapped[int] = mapped_column(Integer)
    capacity_per_day: Mapped[int | None] = mapped_column(Integer)
    price_fen: Mapped[int | None] = mapped_column(BigInteger)
    entitled_prices: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    amount_fen: Mapped[int | None] = mapped_column(BigInteger)
    fund_id: Mapped[UUID | None]
    eligibility: Mapped[dict[str, Any]] = mapped_column(JSONB)
    skills: Mapped[list[str]] = mapped_column(ARRAY(String(40)))
    hours: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    valid_from: Mapped[datetime]
    valid_until: Mapped[datetime | None]
    confirmed_at: Mapped[datetime]
    asked_at: Mapped[datetime | None]
    active: Mapped[bool]
    self_confirming: Mapped[bool] = mapped_column(server_default=text("false"))
    needs_sought_at: Mapped[datetime | None]
    external_id: Mapped[str | None] = mapped_column(String(100))
    external_version: Mapped[int | None] = mapped_column(BigInteger)
    created_at: Mapped[datetime]
    version: Mapped[int]

    @property
    def in_use(self) -> int:
        """How much nobody else can have any more."""
        return self.held + self.committed + self.moving + self.received

    @property
    def free(self) -> int:
        """How much is left."""
        return self.quantity - self.in_use

    @property
    def claimed(self) -> int:
        """How much both sides have agreed on, wherever it is now."""
        return self.committed + self.moving + self.received

    @property
    def needs_refresh(self) -> bool:
        """Whether nobody has confirmed for too long that it still stands."""
        return self.active and is_stale(self.confirmed_at, utc_now())

    @property
    def arrived(self) -> int:
        """How much is where it is needed."""
        return self.received
