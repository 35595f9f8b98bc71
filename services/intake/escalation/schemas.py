"""Shapes of clocks and rungs."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from services.intake.clocks.rules import ClockKind
from shared.web import OutputModel

__all__ = ["ClocksOut", "IntervalOut", "RungOut"]


class IntervalOut(OutputModel):
    """A stretch of a clock; seconds of working time, of the calendar's time for `verdict`."""

    clock: ClockKind
    run: int
    position: int
    running: bool
    reason: str | None
    budget_s: int
    started_at: datetime
    ended_at: datetime | None
    left_s: int
    left_end_s: int | None
    due_at: datetime | None
    calendar_version: int


class RungOut(OutputModel):
    """A rung that was climbed; 0 is the warning."""

    clock: ClockKind
    run: int
    rung: int
    due_at: datetime
    fired_at: datetime
    told_path: str


class ClocksOut(OutputModel):
    """The clocks of a case as they are stored, and whether counting them again from the history gives the same."""

    case_id: UUID
    intervals: list[IntervalOut]
    rungs: list[RungOut]
    recounted: Literal["equal", "different"]
