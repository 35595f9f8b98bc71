"""Tables of periods and statements. A statement is never changed; a correction is a new version beside it."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Computed,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import DATERANGE
from sqlalchemy.orm import Mapped, mapped_column

from services.ledger.models import Base
from shared.db import TenantRow

__all__ = ["Period", "Statement"]


class Period(TenantRow, Base):
    """From the first to the last day, both included. The periods of a book do not overlap."""

    __tablename__ = "periods"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "book_id"], ["ledger.books.tenant_id", "ledger.books.id"]),
        CheckConstraint("state IN ('open', 'closed')", name="state"),
        CheckConstraint("first_on <= last_on", name="days"),
        UniqueConstraint("tenant_id", "book_id", "during", name="periods_no_overlap"),
    )
    book_id: Mapped[UUID]
    first_on: Mapped[date]
    last_on: Mapped[date]
    during: Mapped[Any] = mapped_column(DATERANGE, Computed("daterange(first_on, last_on, '[]')", persisted=True))
    state: Mapped[str] = mapped_column(String(8))
    closed_by: Mapped[UUID | None]
    closed_at: Mapped[datetime | None]
    reopened_because: Mapped[str | None] = mapped_column(Text)
    version: Mapped[int]


class Statement(TenantRow, Base):
    """What a closed period came to. It is published when the log covers it: `tree_size` is then its head."""

    __tablename__ = "statements"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "period_id"], ["ledger.periods.tenant_id", "ledger.periods.id"]),
        CheckConstraint("octet_length(sha256) = 32", name="sha256"),
        CheckConstraint("(tree_size IS NULL) = (published_at IS NULL)", name="published"),
        Index("statements_version_key", "tenant_id", "period_id", "number", unique=True),
        Index("statements_book_idx", "tenant_id", "book_id", "id"),
        Index("statements_due_idx", "tenant_id", postgresql_where=text("published_at IS NULL")),
    )
    period_id: Mapped[UUID]
    book_id: Mapped[UUID]
    number: Mapped[int] = mapped_column(Integer)
    document: Mapped[bytes] = mapped_column(LargeBinary)
    sha256: Mapped[bytes] = mapped_column(LargeBinary)
    reason: Mapped[str | None] = mapped_column(Text)
    made_at: Mapped[datetime]
    xid: Mapped[int] = mapped_column(BigInteger, server_default=text("pg_current_xact_id()::text::bigint"))
    tree_size: Mapped[int | None] = mapped_column(BigInteger)
    published_at: Mapped[datetime | None]
