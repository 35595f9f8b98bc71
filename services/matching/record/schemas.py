"""Shapes of records of fulfilment."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from services.matching.record.rules import EntryState, Fulfilment
from shared.steps import NextActionOut
from shared.web import InputModel, OutputModel, PlainText

__all__ = ["AnswerIn", "AppealIn", "EntryOut", "ReportIn"]


class AppealIn(InputModel):
    """Why an entry is wrong."""

    words: PlainText


class AnswerIn(InputModel):
    """What an officer says to it."""

    decision: Literal["uphold", "strike"]
    words: PlainText


class ReportIn(InputModel):
    """How what was booked ended, in the eyes of who took it."""

    outcome: Fulfilment
    note: PlainText | None = None


class EntryOut(OutputModel):
    """How one promise ended."""

    id: UUID
    partner_id: UUID
    outcome: Fulfilment
    about_kind: str
    about_id: UUID
    note: str | None
    state: EntryState
    appeal: str | None
    appealed_at: datetime | None
    answer: str | None
    answered_at: datetime | None
    noted_at: datetime
    version: int
    next_actions: list[NextActionOut]
