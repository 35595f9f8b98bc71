"""Tables of bank lines. Names of counterparties are people's data: only a mask of them is kept."""

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
from shared.db import TenantRow

__all__ = ["BankDecision", "BankLine", "BankMatch"]


class BankLine(TenantRow, Base):
    """One line of a bank statement: what came in is positive, what went out negative, in fen."""

    __tablename__ = "bank_lines"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "account_id"], ["ledger.accounts.tenant_id", "ledger.accounts.id"]),
        CheckConstraint("state IN ('unmatched', 'matched', 'ignored')", name="state"),
        CheckConstraint("amount_fen <> 0", name="amount"),
        Index("bank_lines_fingerprint_key", "tenant_id", "account_id", "fingerprint", unique=True),
        Index("bank_lines_account_idx", "tenant_id", "account_id", "booked_on", "id"),
    )
    book_id: Mapped[UUID]
    account_id: Mapped[UUID]
    booked_on: Mapped[date]
    amount_fen: Mapped[int] = mapped_column(BigInteger)
    description: Mapped[str] = mapped_column(String(200))
    counterparty: Mapped[str | None] = mapped_column(String(80))
    reference: Mapped[str | None] = mapped_column(String(80))
    balance_fen: Mapped[int | None] = mapped_column(BigInteger)
    fingerprint: Mapped[bytes] = mapped_column(LargeBinary)
    place: Mapped[int] = mapped_column(Integer)
    state: Mapped[str] = mapped_column(String(10))
    imported_at: Mapped[datetime]
    version: Mapped[int]


class BankMatch(Base):
    """That a posting is what a bank line tells of; a posting is told of once."""

    __tablename__ = "bank_matches"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "line_id"], ["ledger.bank_lines.tenant_id", "ledger.bank_lines.id"]),
        Index("bank_matches_line_idx", "tenant_id", "line_id"),
    )
    tenant_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    account_id: Mapped[UUID] = mapped_column(primary_key=True)
    transaction_id: Mapped[UUID] = mapped_column(primary_key=True)
    leg: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    line_id: Mapped[UUID]


class BankDecision(TenantRow, Base):
    """Who has matched, unmatched, ignored or booked a line, when and why, and which postings it was about."""

    __tablename__ = "bank_decisions"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "line_id"], ["ledger.bank_lines.tenant_id", "ledger.bank_lines.id"]),
        CheckConstraint("action IN ('match', 'unmatch', 'ignore', 'book')", name="action"),
        Index("bank_decisions_line_idx", "tenant_id", "line_id", "id"),
    )
    line_id: Mapped[UUID]
    action: Mapped[str] = mapped_column(String(8))
    reason: Mapped[str | None] = mapped_column(Text)
    postings: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, server_default=text("'[]'"))
    actor: Mapped[str] = mapped_column(String(80))
    at: Mapped[datetime]
