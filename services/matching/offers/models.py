"""Tables of offers."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKeyConstraint, Index, Integer, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from services.matching.models import Base
from services.matching.offers.rules import OfferKind
from shared.db import Ltree, TenantRow

__all__ = ["Offer"]


class Offer(TenantRow, Base):
    """One line of the resource list. The database itself refuses to promise more than there is."""

    __tablename__ = "offers"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "partner_id"], ["matching.partners.tenant_id", "matching.partners.id"]),
        CheckConstraint(f"kind IN ({', '.join(repr(k.value) for k in OfferKind)})", name="kind"),
        CheckConstraint("held >= 0 AND committed >= 0 AND held + committed <= quantity", name="not_oversold"),
        CheckConstraint("price_fen >= 0", name="price"),
        CheckConstraint("valid_until > valid_from", name="validity"),
        Index("offers_category_idx", "tenant_id", "category", postgresql_where=text("active")),
        Index("offers_area_idx", "coverage", postgresql_using="gist"),
    )
    partner_id: Mapped[UUID]
    kind: Mapped[str] = mapped_column(String(10))
    category: Mapped[str] = mapped_column(String(40))
    title: Mapped[str] = mapped_column(String(200))
    description: Mapped[str] = mapped_column(Text)
    area_id: Mapped[UUID]
    coverage: Mapped[str] = mapped_column(Ltree())
    quantity: Mapped[int] = mapped_column(Integer)
    held: Mapped[int] = mapped_column(Integer)
    committed: Mapped[int] = mapped_column(Integer)
    price_fen: Mapped[int | None] = mapped_column(BigInteger)
    valid_from: Mapped[datetime]
    valid_until: Mapped[datetime | None]
    confirmed_at: Mapped[datetime]
    active: Mapped[bool]
    created_at: Mapped[datetime]
    version: Mapped[int]
