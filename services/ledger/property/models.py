"""Tables of property books. Charges and receipts are only ever added to; each has the id of its transaction."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    String,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from services.ledger.models import Base
from services.ledger.property.rules import ChargeKind, SpendingState
from shared.db import Ltree, TenantRow

__all__ = [
    "PropertyBook",
    "PropertyBudget",
    "PropertyBudgetLine",
    "PropertyCharge",
    "PropertyReceipt",
    "PropertySpending",
]

_PROPERTY_BOOK = ["ledger.property_books.tenant_id", "ledger.property_books.id"]
_TRANSACTION = ["ledger.transactions.tenant_id", "ledger.transactions.id"]


class PropertyBook(TenantRow, Base):
    """The book of one property company's compound, as it was opened, and the accounts that it uses most."""

    __tablename__ = "property_books"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "book_id"], ["ledger.books.tenant_id", "ledger.books.id"]),
        CheckConstraint("(opening_fen IS NULL) = (opening_on IS NULL) AND opening_fen > 0", name="opening"),
        Index("property_books_book_key", "tenant_id", "book_id", unique=True),
    )
    name: Mapped[str] = mapped_column(String(200))
    area_id: Mapped[UUID]
    area_path: Mapped[str] = mapped_column(Ltree())
    company_unit_id: Mapped[UUID]
    book_id: Mapped[UUID]
    categories: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    opening_fen: Mapped[int | None] = mapped_column(BigInteger)
    opening_on: Mapped[date | None]
    bank_account: Mapped[UUID]
    receivable_account: Mapped[UUID]
    net_assets_account: Mapped[UUID]
    opened_at: Mapped[datetime]
    version: Mapped[int]


class PropertyCharge(TenantRow, Base):
    """What a household or a unit is asked to pay. Its payer is an id and stands nowhere else."""

    __tablename__ = "property_charges"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "id"], _TRANSACTION),
        ForeignKeyConstraint(["tenant_id", "property_book_id"], _PROPERTY_BOOK),
        CheckConstraint("amount_fen > 0", name="amount"),
        CheckConstraint(f"kind IN ({', '.join(repr(k.value) for k in ChargeKind)})", name="kind"),
        CheckConstraint("payer_kind IN ('household', 'unit')", name="payer_kind"),
        Index(
            "property_charges_book_idx",
            "tenant_id",
            "property_book_id",
            text("recorded_at DESC"),
            text("id DESC"),
        ),
        Index("property_charges_payer_idx", "tenant_id", "property_book_id", "payer_id"),
    )
    property_book_id: Mapped[UUID]
    kind: Mapped[str] = mapped_column(String(12))
    payer_kind: Mapped[str] = mapped_column(String(10))
    payer_id: Mapped[UUID]
    amount_fen: Mapped[int] = mapped_column(BigInteger)
    charged_on: Mapped[date]
    due_on: Mapped[date]
    period: Mapped[str | None] = mapped_column(String(40))
    recorded_at: Mapped[datetime]


class PropertyReceipt(TenantRow, Base):
    """What has come in for a charge. All receipts of a charge stay within it."""

    __tablename__ = "property_receipts"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "id"], _TRANSACTION),
        ForeignKeyConstraint(["tenant_id", "property_book_id"], _PROPERTY_BOOK),
        ForeignKeyConstraint(
            ["tenant_id", "charge_id"], ["ledger.property_charges.tenant_id", "ledger.property_charges.id"]
        ),
        CheckConstraint("amount_fen > 0", name="amount"),
        Index(
            "property_receipts_book_idx",
            "tenant_id",
            "property_book_id",
            text("recorded_at DESC"),
            text("id DESC"),
        ),
        Index("property_receipts_charge_idx", "tenant_id", "charge_id"),
    )
    property_book_id: Mapped[UUID]
    charge_id: Mapped[UUID]
    amount_fen: Mapped[int] = mapped_column(BigInteger)
    received_on: Mapped[date]
    recorded_at: Mapped[datetime]


class PropertySpending(TenantRow, Base):
    """A bill of the compound: requested, approved and paid by three people. Its document is paid once."""

    __tablename__ = "property_spending"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "property_book_id"], _PROPERTY_BOOK),
        ForeignKeyConstraint(["tenant_id", "transaction_id"], _TRANSACTION),
        CheckConstraint("amount_fen > 0", name="amount"),
        CheckConstraint(f"state IN ({', '.join(repr(s.value) for s in SpendingState)})", name="state"),
        CheckConstraint("octet_length(document_sha256) = 32", name="document"),
        CheckConstraint(
            "approved_by <> requested_by AND paid_by <> requested_by AND paid_by <> approved_by "
            "AND refused_by <> requested_by",
            name="duties",
        ),
        CheckConstraint(
            "CASE state WHEN 'requested' THEN num_nonnulls(approved_by, paid_by, refused_by, transaction_id) = 0 "
            "WHEN 'approved' THEN approved_by IS NOT NULL AND num_nonnulls(paid_by, refused_by, transaction_id) = 0 "
            "WHEN 'paid' THEN num_nonnulls(approved_by, paid_by, transaction_id) = 3 AND refused_by IS NULL "
            "ELSE refused_by IS NOT NULL AND num_nonnulls(paid_by, transaction_id) = 0 END",
            name="signed",
        ),
        Index(
            "property_spending_document_key",
            "tenant_id",
            "document_sha256",
            unique=True,
            postgresql_where=text("state <> 'refused'"),
        ),
        Index("property_spending_transaction_key", "tenant_id", "transaction_id", unique=True),
        Index(
            "property_spending_book_idx",
            "tenant_id",
            "property_book_id",
            text("requested_at DESC"),
            text("id DESC"),
        ),
    )
    property_book_id: Mapped[UUID]
    category: Mapped[str] = mapped_column(String(40))
    supplier: Mapped[str] = mapped_column(String(200))
    description: Mapped[str] = mapped_column(String(200))
    document_sha256: Mapped[bytes] = mapped_column(LargeBinary)
    amount_fen: Mapped[int] = mapped_column(BigInteger)
    spent_on: Mapped[date]
    state: Mapped[str] = mapped_column(String(10))
    requested_by: Mapped[UUID]
    requested_at: Mapped[datetime]
    approved_by: Mapped[UUID | None]
    approved_at: Mapped[datetime | None]
    paid_by: Mapped[UUID | None]
    paid_at: Mapped[datetime | None]
    refused_by: Mapped[UUID | None]
    reason: Mapped[str | None] = mapped_column(Text)
    transaction_id: Mapped[UUID | None]
    version: Mapped[int]


class PropertyBudget(TenantRow, Base):
    """One version of a year's plan; the newest holds and the older ones stay."""

    __tablename__ = "property_budgets"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "property_book_id"], _PROPERTY_BOOK),
        CheckConstraint("year BETWEEN 2000 AND 2200", name="year"),
        Index("property_budgets_version_key", "tenant_id", "property_book_id", "year", "version", unique=True),
    )
    property_book_id: Mapped[UUID]
    year: Mapped[int] = mapped_column(Integer)
    version: Mapped[int]
    planned_by: Mapped[str] = mapped_column(String(80))
    planned_at: Mapped[datetime]


class PropertyBudgetLine(Base):
    """What a plan says of one account."""

    __tablename__ = "property_budget_lines"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "budget_id"], ["ledger.property_budgets.tenant_id", "ledger.property_budgets.id"]
        ),
        ForeignKeyConstraint(["tenant_id", "account_id"], ["ledger.accounts.tenant_id", "ledger.accounts.id"]),
        CheckConstraint("planned_fen >= 0", name="planned"),
    )
    tenant_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    budget_id: Mapped[UUID] = mapped_column(primary_key=True)
    account_id: Mapped[UUID] = mapped_column(primary_key=True)
    planned_fen: Mapped[int] = mapped_column(BigInteger)
