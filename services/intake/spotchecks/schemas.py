"""Shapes of spot checks."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import AwareDatetime, Field

from shared.web import InputModel, OutputModel, PlainText

__all__ = ["FindingIn", "SpotCheckIn", "SpotCheckItemOut", "SpotCheckOut"]


class SpotCheckIn(InputModel):
    """Which closed cases, and how many of a hundred. A seed of one's own makes the drawing public knowledge."""

    id: UUID | None = None
    area_id: UUID
    since: AwareDatetime
    until: AwareDatetime
    percent: Annotated[int, Field(strict=True, ge=1, le=100)] = 5
    seed: Annotated[str, Field(min_length=1, max_length=40)] | None = None


class FindingIn(InputModel):
    """Whether it is really solved, and what was seen."""

    solved: bool
    note: PlainText


class SpotCheckItemOut(OutputModel):
    """A case that was drawn."""

    case_id: UUID
    position: int
    solved: bool | None
    note: str | None
    checked_by: str | None
    checked_at: datetime | None


class SpotCheckOut(OutputModel):
    """A sample: of so many closed cases so many were drawn, looked at, and really solved."""

    id: UUID
    area_path: str
    since: datetime
    until: datetime
    percent: int
    seed: str
    closed_cases: int
    drawn: int
    checked: int
    solved: int
    drawn_by: str
    drawn_at: datetime
