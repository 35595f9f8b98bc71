"""Tables of questions."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, Integer, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from services.ledger.models import Base
from shared.db import TenantRow

__all__ = ["Question"]


class Question(TenantRow, Base):
    """A question about one posting. Who asked is known to the ledger and shown to nobody."""

    __tablename__ = "questions"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "book_id"], ["ledger.books.tenant_id", "ledger.books.id"]),
        ForeignKeyConstraint(
            ["tenant_id", "transaction_id", "leg"],
            ["ledger.postings.tenant_id", "ledger.postings.transaction_id", "ledger.postings.leg"],
        ),
        CheckConstraint("(answer IS NULL) = (answered_at IS NULL)", name="answer"),
        Index("questions_book_idx", "tenant_id", "book_id", "id"),
        Index("questions_open_idx", "tenant_id", "book_id", "asked_by", postgresql_where=text("answered_at IS NULL")),
    )
    book_id: Mapped[UUID]
    transaction_id: Mapped[UUID]
    leg: Mapped[int] = mapped_column(Integer)
    text: Mapped[str] = mapped_column(Text)
    asked_by: Mapped[UUID]
    asked_at: Mapped[datetime]
    answer: Mapped[str | None] = mapped_column(Text)
    answered_by: Mapped[UUID | None]
    answered_at: Mapped[datetime | None]
    hidden_because: Mapped[str | None] = mapped_column(Text)
    version: Mapped[int]
