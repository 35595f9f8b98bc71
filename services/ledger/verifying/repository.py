"""SQL that only verifying needs."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select

from services.ledger.books.models import Book, Posting, Transaction
from services.ledger.periods.models import Statement
from services.ledger.proofs.models import Leaf, Log
from shared.db import Session

__all__ = ["all_books", "first_unsealed", "log_of", "newest_statement"]


async def all_books(session: Session) -> Sequence[Book]:
    """Return all books of a tenant."""
    return (await session.scalars(select(Book).where(Book.tenant_id == session.tenant).order_by(Book.id))).all()


async def log_of(session: Session, book_id: UUID) -> Log | None:
    """Return how far a book's log has come."""
    return await session.scalar(select(Log).where(Log.tenant_id == session.tenant, Log.book_id == book_id))


async def first_unsealed(session: Session, book_id: UUID, *, below: int) -> UUID | None:
    """Return a transaction with postings that the log has passed by."""
    leaf = select(Leaf.transaction_id).where(
        Leaf.tenant_id == Transaction.tenant_id, Leaf.transaction_id == Transaction.id
    )
    posting = select(Posting.leg).where(
        Posting.tenant_id == Transaction.tenant_id, Posting.transaction_id == Transaction.id
    )
    statement = (
        select(Transaction.id)
        .where(Transaction.tenant_id == session.tenant, Transaction.book_id == book_id, Transaction.xid < below)
        .where(posting.exists(), ~leaf.exists())
        .order_by(Transaction.xid, Transaction.id)
        .limit(1)
    )
    return await session.scalar(statement)


async def newest_statement(session: Session, period_id: UUID) -> Statement | None:
    """Return the newest statement of a period."""
    statement = select(Statement).where(Statement.tenant_id == session.tenant, Statement.period_id == period_id)
    return await session.scalar(statement.order_by(Statement.number.desc()).limit(1))
