"""SQL of questions."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import func, select

from services.ledger.books.models import Posting, Transaction
from services.ledger.questions.models import Question
from shared.db import Session, WriteSession

__all__ = ["count_open", "find_question", "is_line_of", "lock_question", "questions_of"]


async def find_question(session: Session, question_id: UUID) -> Question | None:
    """Return a question."""
    return await session.scalar(
        select(Question).where(Question.tenant_id == session.tenant, Question.id == question_id)
    )


async def lock_question(session: WriteSession, question_id: UUID) -> Question | None:
    """Return a question and keep others from changing it meanwhile."""
    statement = select(Question).where(Question.tenant_id == session.tenant, Question.id == question_id)
    return await session.scalar(statement.with_for_update())


async def count_open(session: Session, book_id: UUID, person_id: UUID) -> int:
    """Count somebody's unanswered questions about a book."""
    statement = select(func.count()).where(
        Question.tenant_id == session.tenant,
        Question.book_id == book_id,
        Question.asked_by == person_id,
        Question.answered_at.is_(None),
    )
    return await session.scalar(statement) or 0


async def is_line_of(session: Session, book_id: UUID, transaction_id: UUID, leg: int) -> bool:
    """Tell whether a posting is in a book."""
    statement = (
        select(Posting.leg)
        .join(Transaction, (Transaction.tenant_id == Posting.tenant_id) & (Transaction.id == Posting.transaction_id))
        .where(Posting.tenant_id == session.tenant, Posting.transaction_id == transaction_id, Posting.leg == leg)
        .where(Transaction.book_id == book_id)
    )
    return await session.scalar(statement) is not None


async def questions_of(
    session: Session, book_id: UUID, *, transaction_id: UUID | None, after: UUID | None, limit: int
) -> Sequence[Question]:
    """Return the questions about a book or one transaction, the newest first."""
    statement = select(Question).where(Question.tenant_id == session.tenant, Question.book_id == book_id)
    if transaction_id is not None:
        statement = statement.where(Question.transaction_id == transaction_id)
    if after is not None:
        statement = statement.where(Question.id < after)
    return (await session.scalars(statement.order_by(Question.id.desc()).limit(limit))).all()
