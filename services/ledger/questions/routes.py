"""HTTP of questions."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Response

from services.ledger.books.service import get_book
from services.ledger.open import Anybody, OpenBook, OpenReading
from services.ledger.questions import repository, service
from services.ledger.questions.schemas import AnswerIn, HideIn, QuestionIn, QuestionOut
from services.ledger.questions.views import question_out
from shared.auth import Principal, Role, authenticated, requires
from shared.pagination import Page, Paging
from shared.web import ExpectedVersion, Writing, check_version, service_router, set_etag

__all__ = ["router"]

router = service_router(tags=["questions 质询"])

Keeper = Annotated[Principal, Depends(requires(Role.TREASURER, Role.SECRETARY, Role.OFFICER))]


@router.post("/v1/books/{book_id}/questions", status_code=201, summary="Ask about a line 对某笔提出质询")
async def ask_question(
    caller: Annotated[Principal, Depends(authenticated)],
    session: Writing,
    response: Response,
    book_id: UUID,
    wanted: QuestionIn,
) -> QuestionOut:
    """Ask about a line of an open book. The question is public, who asked is not."""
    question, is_new = await service.ask(session, caller, await get_book(session, book_id), wanted)
    response.status_code = 201 if is_new else 200
    set_etag(response, question.version)
    return question_out(question)


@router.get("/v1/open-books/{tenant}/{book_id}/questions", summary="Questions and answers 质询与答复")
async def list_questions(
    _: Anybody, session: OpenReading, book: OpenBook, paging: Paging, transaction_id: UUID | None = None
) -> Page[QuestionOut]:
    """Return the questions about a book and what was answered, the newest first."""
    after = paging.after[0] if paging.after else None
    rows = await repository.questions_of(
        session, book.id, transaction_id=transaction_id, after=after, limit=paging.size + 1
    )
    return paging.page(rows, key=lambda row: (row.id,), view=question_out)


@router.post("/v1/questions/{question_id}/answer", summary="Answer a question 答复质询")
async def answer_question(
    caller: Keeper,
    session: Writing,
    response: Response,
    expected: ExpectedVersion,
    question_id: UUID,
    wanted: AnswerIn,
) -> QuestionOut:
    """Answer a question; the answer stands beside the line for everybody."""
    question, book = await service.begin(session, question_id)
    check_version(expected, question.version, question_out(question))
    await service.answer(session, caller, question, book, wanted.text)
    set_etag(response, question.version)
    return question_out(question)


@router.post("/v1/questions/{question_id}/hide", summary="Hide the words of a question 屏蔽质询内容")
async def hide_question(
    caller: Annotated[Principal, Depends(requires(Role.ADMINISTRATOR, Role.AUDITOR))],
    session: Writing,
    response: Response,
    expected: ExpectedVersion,
    question_id: UUID,
    wanted: HideIn,
) -> QuestionOut:
    """Hide words that name a person or insult one; that there is a question, and why it is hidden, stays to see."""
    question, book = await service.begin(session, question_id)
    check_version(expected, question.version, question_out(question))
    await service.hide(session, caller, question, book, wanted.reason)
    set_etag(response, question.version)
    return question_out(question)
