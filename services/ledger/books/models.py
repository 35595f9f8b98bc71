"""Tables of books. Transactions and postings are only ever added to, by the posting function alone."""

from datetime import date, datetime
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
from sqlalchemy.orm import Mapped, mapped_column

from services.ledger.books.rules import AccountClass, BookKind, TransactionKind
from services.ledger.models import Base
from shared.db import Ltree, TenantRow

__all__ = ["Account", "Balance", "Book", "Hold", "Posting", "Transaction"]

_ACCOUNT = ["ledger.accounts.tenant_id", "ledger.accounts.id"]
_BOOK = ["ledger.books.tenant_id", "ledger.books.id"]
_TRANSACTION = ["ledger.transactions.tenant_id", "ledger.transactions.id"]
_FLOOR = (
    "floor_fen IS NULL OR CASE WHEN debit_normal THEN posted_debits - posted_credits - pending_credits "
    "ELSE posted_credits - posted_debits - pending_debits END >= floor_fen"
)


class Book(TenantRow, Base):
    """The accounts of one fund, or of one property company's compound; nothing posts up to `closed_through`."""

    __tablename__ = "books"
    __table_args__ = (
        CheckConstraint(f"kind IN ({', '.join(repr(k.value) for k in BookKind)})", name="kind"),
        Index("books_area_idx", "area_path", postgresql_using="gist"),
    )
    name: Mapped[str] = mapped_column(String(200))
    area_id: Mapped[UUID]
    area_path: Mapped[str] = mapped_column(Ltree())
    opened_at: Mapped[datetime]
    version: Mapped[int]
    kind: Mapped[str] = mapped_column(String(8), server_default="general")
    closed_through: Mapped[date | None]


class Account(TenantRow, Base):
    """One account; its balance stands beside it.

    What has a `purpose` goes on only to what has the same one, or to what takes any (`*`), and until `spend_by`.
    """

    __tablename__ = "accounts"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "book_id"], _BOOK),
        CheckConstraint(f"class IN ({', '.join(repr(c.value) for c in AccountClass)})", name="class"),
        CheckConstraint("unit IN ('CNY', 'hours', 'pieces')", name="unit"),
        Index("accounts_code_key", "tenant_id", "book_id", "code", unique=True),
    )
    book_id: Mapped[UUID]
    code: Mapped[str] = mapped_column(String(80))
    name: Mapped[str] = mapped_column(String(200))
    kind: Mapped[str] = mapped_column("class", String(12))
    unit: Mapped[str] = mapped_column(String(8))
    floor_fen: Mapped[int | None] = mapped_column(BigInteger)
    opened_at: Mapped[datetime]
    purpose: Mapped[str | None] = mapped_column(String(40))
    spend_by: Mapped[date | None]


class Balance(Base):
    """Gross debits and credits, posted and reserved. The floor is kept by the row itself, what is reserved included."""

    __tablename__ = "balances"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "account_id"], _ACCOUNT),
        CheckConstraint(_FLOOR, name="floor"),
        CheckConstraint(
            "posted_debits >= 0 AND posted_credits >= 0 AND pending_debits >= 0 AND pending_credits >= 0", name="gross"
        ),
        Index("balances_book_idx", "tenant_id", "book_id"),
    )
    tenant_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    account_id: Mapped[UUID] = mapped_column(primary_key=True)
    book_id: Mapped[UUID]
    unit: Mapped[str] = mapped_column(String(8))
    debit_normal: Mapped[bool]
    floor_fen: Mapped[int | None] = mapped_column(BigInteger)
    posted_debits: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    posted_credits: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    pending_debits: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    pending_credits: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    last_sequence: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    purpose: Mapped[str | None] = mapped_column(String(40))
    spend_by: Mapped[date | None]
    is_own: Mapped[bool]


class Transaction(TenantRow, Base):
    """What was asked of the ledger and what it said; refused ones too."""

    __tablename__ = "transactions"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "book_id"], _BOOK),
        CheckConstraint(f"kind IN ({', '.join(repr(k.value) for k in TransactionKind)})", name="kind"),
        CheckConstraint("original_id IS NULL OR kind IN ('reverse', 'refund')", name="original"),
        CheckConstraint("octet_length(document_sha256) = 32", name="document"),
        Index("transactions_book_idx", "book_id", "xid", "id"),
        Index(
            "transactions_reversal_key",
            "tenant_id",
            "original_id",
            unique=True,
            postgresql_where=text("kind = 'reverse' AND result = 'ok'"),
        ),
        Index(
            "transactions_original_idx", "tenant_id", "original_id", postgresql_where=text("original_id IS NOT NULL")
        ),
    )
    book_id: Mapped[UUID]
    kind: Mapped[str] = mapped_column(String(8))
    result: Mapped[str] = mapped_column(String(24))
    body_hash: Mapped[bytes] = mapped_column(LargeBinary)
    hold_id: Mapped[UUID | None]
    description: Mapped[str] = mapped_column(Text)
    effective_on: Mapped[date]
    actor: Mapped[str] = mapped_column(String(80))
    created_at: Mapped[datetime]
    original_id: Mapped[UUID | None]
    document_sha256: Mapped[bytes | None] = mapped_column(LargeBinary)
    xid: Mapped[int] = mapped_column(BigInteger, server_default=text("pg_current_xact_id()::text::bigint"))


class Posting(Base):
    """One row per posting, so that an unbalanced entry cannot be written. `after` is debits less credits.

    Without foreign keys: the posting function has both accounts under lock and writes the transaction itself.
    """

    __tablename__ = "postings"
    __table_args__ = (
        CheckConstraint("amount BETWEEN 1 AND 9007199254740991", name="amount"),
        CheckConstraint("debit_account <> credit_account", name="two_accounts"),
        Index("postings_debit_key", "tenant_id", "debit_account", "debit_sequence", unique=True),
        Index("postings_credit_key", "tenant_id", "credit_account", "credit_sequence", unique=True),
    )
    tenant_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    transaction_id: Mapped[UUID] = mapped_column(primary_key=True)
    leg: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    debit_account: Mapped[UUID]
    credit_account: Mapped[UUID]
    unit: Mapped[str] = mapped_column(String(8))
    amount: Mapped[int] = mapped_column(BigInteger)
    debit_sequence: Mapped[int] = mapped_column(BigInteger)
    debit_after: Mapped[int] = mapped_column(BigInteger)
    credit_sequence: Mapped[int] = mapped_column(BigInteger)
    credit_after: Mapped[int] = mapped_column(BigInteger)


class Hold(TenantRow, Base):
    """Money reserved and not yet spent; it resolves once."""

    __tablename__ = "holds"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "id"], _TRANSACTION),
        CheckConstraint("state IN ('open', 'settled', 'voided', 'expired')", name="state"),
        CheckConstraint("settled >= 0 AND released >= 0 AND settled + released <= amount", name="parts"),
        CheckConstraint("state = 'open' OR settled + released = amount", name="resolved"),
        Index(
            "holds_due_idx",
            "tenant_id",
            "expires_at",
            postgresql_where=text("state = 'open' AND expires_at IS NOT NULL"),
        ),
    )
    book_id: Mapped[UUID]
    debit_account: Mapped[UUID]
    credit_account: Mapped[UUID]
    unit: Mapped[str] = mapped_column(String(8))
    amount: Mapped[int] = mapped_column(BigInteger)
    settled: Mapped[int] = mapped_column(BigInteger)
    released: Mapped[int] = mapped_column(BigInteger)
    state: Mapped[str] = mapped_column(String(8))
    expires_at: Mapped[datetime | None]
