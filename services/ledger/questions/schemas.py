"""Shapes of questions."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from shared.web import InputModel, OutputModel, PlainText

__all__ = ["AnswerIn", "HideIn", "QuestionIn", "QuestionOut"]


class QuestionIn(InputModel):
    """A question about a line. Write no names and numbers of people: everybody can read it."""

    id: UUID | None = None
    transaction_id: UUID
    leg: Annotated[int, Field(strict=True, ge=1, le=5_000)] = 1
    text: PlainText


class AnswerIn(InputModel):
    """The answer; everybody can read it."""

    text: PlainText


class HideIn(InputModel):
    """Why the words of a question are not shown, for example because they name a person."""

    reason: PlainText


class QuestionOut(OutputModel):
    """A question and its answer. The words of a hidden one are not shown; that it is there, and why, is."""

    id: UUID
    book_id: UUID
    transaction_id: UUID
    leg: int
    text: str | None
    asked_at: datetime
    answer: str | None
    answered_at: datetime | None
    hidden_because: str | None
    version: int
