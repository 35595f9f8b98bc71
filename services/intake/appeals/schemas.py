"""Shapes of appeals."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from shared.web import InputModel, OutputModel, PlainText

__all__ = ["AppealAnswerIn", "AppealIn", "AppealOut"]


class AppealIn(InputModel):
    """What is wrong with the decision."""

    reason: PlainText


class AppealAnswerIn(InputModel):
    """Upheld, the case is judged anew; rejected, the decision stands."""

    decision: Literal["upheld", "rejected"]
    answer: PlainText


class AppealOut(OutputModel):
    """An appeal."""

    id: UUID
    case_id: UUID
    against: Literal["triage", "decline"]
    reason: str
    made_at: datetime
    due_at: datetime
    state: Literal["open", "upheld", "rejected"]
    answer: str | None
    answered_by: str | None
    answered_at: datetime | None
