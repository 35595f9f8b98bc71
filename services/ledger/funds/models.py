"""Tables of funds."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKeyConstraint, Index, String, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from services.ledger.models import Base
from shared.db import Ltree, TenantRow

__all__ = ["Contribution", "Fund"]


class Fund(TenantRow, Base):
    """A fund, its charter, and the accounts of its book that it uses."""

    __tablename__ = "funds"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "book_id"], ["ledger.books.tenant_id", "ledger.books.id"]),
        Index("funds_area_idx", "area_path", postgresql_using="gist"),
    )
    name: Mapped[str] = mapped_column(String(200))
    area_id: Mapped[UUID]
    area_path: Mapped[str] = mapped_column(Ltree())
    book_id: Mapped[UUID]
    charter: Mapped[dict[str, Any]] = mapped_column(JSONB)
    bank_account: Mapped[UUID]
    fund_account: Mapped[UUID]
    expense_account: Mapped[UUID]
    released_account: Mapped[UUID]
    opened_at: Mapped[datetime]
    version: Mapped[int]


class Contribution(TenantRow, Base):
    """What somebody has promised or given: to the fund, or to one grant of it (then by a household)."""

    __tablename__ = "contributions"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "fund_id"], ["ledger.funds.tenant_id", "ledger.funds.id"]),
        ForeignKeyConstraint(["tenant_id", "grant_id"], ["ledger.grants.tenant_id", "ledger.grants.id"]),
        CheckConstraint("amount_fen > 0", name="amount"),
        CheckConstraint("kind IN ('money', 'in_kind', 'hours')", name="kind"),
        CheckConstraint(
            "CASE WHEN kind = 'money' THEN amount_fen IS NOT NULL AND quantity IS NULL ELSE quantity > 0 END",
            name="content",
        ),
        CheckConstraint("withdrawn_at IS NULL OR received_at IS NULL", name="withdrawn"),
        CheckConstraint("giver_kind IN ('unit', 'person', 'household')", name="giver_kind"),
        Index("contributions_fund_idx", "tenant_id", "fund_id", text("pledged_at DESC"), text("id DESC")),
        Index("contributions_grant_idx", "tenant_id", "grant_id", postgresql_where=text("grant_id IS NOT NULL")),
    )
    fund_id: Mapped[UUID]
    grant_id: Mapped[UUID | None]
    giver_kind: Mapped[str] = mapped_column(String(10))
    giver_id: Mapped[UUID]
    amount_fen: Mapped[int | None] = mapped_column(BigInteger)
    due_on: Mapped[date | None]
    pledged_at: Mapped[datetime]
    received_at: Mapped[datetime | None]
    withdrawn_at: Mapped[datetime | None]
    transaction_id: Mapped[UUID | None]
    version: Mapped[int]
    kind: Mapped[str] = mapped_column(String(8), server_default="money")
    quantity: Mapped[int | None] = mapped_column(BigInteger)
    description: Mapped[str | None] = mapped_column(String(200))
    restricted_to: Mapped[str | None] = mapped_column(String(40))
    spend_by: Mapped[date | None]
