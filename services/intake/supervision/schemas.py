"""Shapes of supervision orders."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, Field

from services.intake.supervision.rules import Cause, OrderState
from shared.steps import NextActionOut
from shared.web import InputModel, OutputModel, PlainText

__all__ = ["AnswerIn", "OrderIn", "OrderOut", "OrderQuery", "OrderStepOut", "ReturnIn", "WordIn"]

Minutes = Annotated[int, Field(strict=True, ge=1, le=100_000, description="Working minutes 工作分钟")]


class OrderIn(InputModel):
    """A demand; without a unit it is the area's own staff that answers, without minutes the tenant's rule decides."""

    id: UUID | None = None
    unit_id: UUID | None = None
    demand: PlainText
    minutes: Minutes | None = None


class AnswerIn(InputModel):
    """What was done, or will be."""

    answer: PlainText


class ReturnIn(InputModel):
    """Why the answer is not enough, and how long the next may take."""

    reason: PlainText
    minutes: Minutes | None = None


class WordIn(InputModel):
    """A word for the history."""

    note: PlainText | None = None


class OrderQuery(BaseModel):
    """What a list is narrowed to."""

    state: OrderState | None = None
    unit_id: UUID | None = None
    case_id: UUID | None = None
    overdue: Annotated[bool | None, Field(description="Only what is, or was, late 逾期")] = None


class OrderOut(OutputModel):
    """A supervision order."""

    id: UUID
    case_id: UUID
    area_path: str
    unit_id: UUID | None
    cause: Cause
    demand_zh: str
    demand_en: str | None
    state: OrderState
    answer: str | None
    returns: int
    issued_by: str
    issued_at: datetime
    due_at: datetime
    overdue_at: datetime | None
    version: int
    next_actions: list[NextActionOut]


class OrderStepOut(OutputModel):
    """One step of an order."""

    position: int
    step: str
    actor: str
    note: str | None
    at: datetime
