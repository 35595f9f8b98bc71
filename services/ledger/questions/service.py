"""Use cases of questions."""

from typing import Final
from uuid import UUID

from services.ledger.books.models import Book
from services.ledger.books.service import get_book
from services.ledger.questions import repository
from services.ledger.questions.models import Question
from services.ledger.questions.rules import OPEN_MAX, AlreadyAnswered, TooManyOpen, UnknownLine
from services.ledger.questions.schemas import QuestionIn
from shared.auth import Principal, Role
from shared.clock import utc_now
from shared.db import WriteSession
from shared.ids import new_id
from shared.problems import IdTaken, NotFound, Unauthenticated

__all__ = ["answer", "ask", "begin", "hide"]

_CLOSED_KIND: Final = "general"


async def ask(session: WriteSession, caller: Principal, book: Book, wanted: QuestionIn) -> tuple[Question, bool]:
    """Ask about a line of an open book; returns the question and whether it is new."""
    if caller.subject_id is None:
        raise Unauthenticated
    if book.kind == _CLOSED_KIND:
        raise NotFound
    earlier = await repository.find_question(session, wanted.id) if wanted.id else None
    if earlier is not None:
        kept = (earlier.book_id, earlier.asked_by, earlier.transaction_id, earlier.leg, earlier.text)
        if kept != (book.id, caller.subject_id, wanted.transaction_id, wanted.leg, wanted.text):
            raise IdTaken(pointer="/id")
        return earlier, False
    if not await repository.is_line_of(session, book.id, wanted.transaction_id, wanted.leg):
        raise UnknownLine(pointer="/transaction_id")
    if await repository.count_open(session, book.id, caller.subject_id) >= OPEN_MAX:
        raise TooManyOpen(open_max=OPEN_MAX)
    question = Question(
        tenant_id=session.tenant,
        id=wanted.id or new_id(),
        book_id=book.id,
        transaction_id=wanted.transaction_id,
        leg=wanted.leg,
        text=wanted.text,
        asked_by=caller.subject_id,
        asked_at=utc_now(),
        version=1,
    )
    session.add(question)
    await session.flush()
    return question, True


async def begin(session: WriteSession, question_id: UUID) -> tuple[Question, Book]:
    """Lock a question for a step."""
    question = await repository.lock_question(session, question_id)
    if question is None:
        raise NotFound
    return question, await get_book(session, question.book_id)


async def answer(session: WriteSession, caller: Principal, question: Question, book: Book, text: str) -> None:
    """Answer a question, once."""
    caller.must(Role.TREASURER, Role.SECRETARY, Role.OFFICER, at=book.area_path, rule="keepers_answer")
    if question.answered_at is not None:
        raise AlreadyAnswered
    question.answer, question.answered_by, question.answered_at = text, caller.subject_id, utc_now()
    question.version += 1
    await session.flush()


async def hide(session: WriteSession, caller: Principal, question: Question, book: Book, reason: str) -> None:
    """Hide the words of a question, for a reason that everybody can read."""
    caller.must(Role.ADMINISTRATOR, Role.AUDITOR, at=book.area_path, rule="auditors_hide_questions")
    question.hidden_because = reason
    question.version += 1
    await session.flush()
