"""Shapes of held events."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from shared.web import InputModel, OutputModel, PlainText

__all__ = ["DecisionIn", "DecisionOut", "HeldEvent", "HeldEventLine", "HeldState"]

HeldState = Literal["waiting", "failed", "dead", "skipped"]


class DecisionIn(InputModel):
    """Why; it stays with the event for good."""

    reason: PlainText


class DecisionOut(OutputModel):
    """What somebody decided about a dead event."""

    id: UUID
    decision: Literal["requeue", "skip"]
    reason: str
    actor: str
    decided_at: datetime


class HeldEventLine(OutputModel):
    """A line of the list. `behind` is how many later events of the subject wait for this one."""

    id: UUID
    type: str
    subject: str
    sequence: int
    state: Literal["waiting", "failed", "dead", "skipped", "applied"]
    attempts: int
    next_attempt_at: datetime | None
    error: str | None
    received_at: datetime
    behind: int


class HeldEvent(HeldEventLine):
    """A held event whole, with the CloudEvent as it came and everything that was decided about it."""

    event: dict[str, Any] | None
    decisions: list[DecisionOut]
