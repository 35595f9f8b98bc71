"""Shapes of conformance runs."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from services.matching.conformance.rules import RunState, Step, StepState
from shared.web import InputModel, OutputModel

__all__ = ["RunIn", "RunOut", "StepOut"]


class RunIn(InputModel):
    """A new run; it takes the place of one that is still running."""

    id: UUID | None = None


class StepOut(OutputModel):
    """One thing to show, under which `webhook-id`, and what came of it."""

    step: Step
    message_id: Annotated[str, Field(description="Send the message of this step under this webhook-id 消息编号")]
    how_zh: str
    how_en: str
    state: StepState
    reason: str | None
    reason_zh: str | None
    reason_en: str | None
    tries: int
    seen_at: datetime | None


class RunOut(OutputModel):
    """A run and its steps. It is passed when all of them are, and until `ends_at` each may be tried again."""

    id: UUID
    partner_id: UUID
    state: RunState
    started_by: str
    started_at: datetime
    ends_at: datetime
    passed_at: datetime | None
    steps: list[StepOut]
