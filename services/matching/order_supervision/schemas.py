"""Shapes of demands about orders."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, Field

from services.matching.order_supervision.rules import Cause, DemandState
from shared.steps import NextActionOut
from shared.web import InputModel, OutputModel, PlainText

__all__ = ["AnswerIn", "DemandIn", "DemandOut", "DemandQuery", "DemandStepOut", "NoteIn", "ReturnIn"]

Minutes = Annotated[int, Field(strict=True, ge=1, le=525_600)]


class DemandIn(InputModel):
    """What is demanded; without minutes the tenant's rule says until when it is to be answered."""

    id: UUID | None = None
    demand: PlainText
    minutes: Minutes | None = None


class AnswerIn(InputModel):
    """What was done, or will be."""

    answer: PlainText


class ReturnIn(InputModel):
    """Why the answer is not enough, and how long the next may take."""

    reason: PlainText
    minutes: Minutes | None = None


class NoteIn(InputModel):
    """A word for the history."""

    note: PlainText | None = None


class DemandQuery(BaseModel):
    """What a list is narrowed to."""

    state: DemandState | None = None
    order_id: UUID | None = None
    unit_id: UUID | None = None
    overdue: Annotated[bool | None, Field(description="Only what is, or was, answered too late 逾期")] = None


class DemandOut(OutputModel):
    """A demand about an order."""

    id: UUID
    order_id: UUID
    area_path: str
    unit_id: UUID
    cause: Cause
    demand_zh: str
    demand_en: str | None
    state: DemandState
    answer: str | None
    returns: int
    issued_by: str
    issued_at: datetime
    due_at: datetime
    overdue_at: datetime | None
    version: int
    next_actions: list[NextActionOut]


class DemandStepOut(OutputModel):
    """One step of a demand."""

    position: int
    step: str
    actor: str
    note: str | None
    at: datetime
