"""Tables of suppliers."""

from datetime import datetime

from sqlalchemy import CheckConstraint, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from services.ledger.models import Base
from shared.db import Ltree, TenantRow

__all__ = ["Supplier"]


class Supplier(TenantRow, Base):
    """A company or a craftsman that is paid. `relation` says to whom a related one is related."""

    __tablename__ = "suppliers"
    __table_args__ = (
        CheckConstraint("is_related = (relation IS NOT NULL)", name="relation"),
        Index(
            "suppliers_credit_code_key",
            "tenant_id",
            "credit_code",
            unique=True,
            postgresql_where=text("credit_code IS NOT NULL"),
        ),
        Index("suppliers_area_idx", "area_path", postgresql_using="gist"),
    )
    name: Mapped[str] = mapped_column(String(200))
    area_path: Mapped[str] = mapped_column(Ltree())
    credit_code: Mapped[str | None] = mapped_column(String(18))
    is_related: Mapped[bool]
    relation: Mapped[str | None] = mapped_column(String(200))
    registered_at: Mapped[datetime]
    version: Mapped[int]
