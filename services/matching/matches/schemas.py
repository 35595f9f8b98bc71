"""Shapes of matches."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from services.matching.matches.rules import MatchState
from shared.steps import NextActionOut
from shared.web import InputModel, OutputModel, PlainText, ShortText

__all__ = ["AcceptIn", "FilterOut", "MatchOut", "MatchesOut", "MilestoneIn", "PassedOverOut", "RefuseIn", "TermOut"]


class MilestoneIn(InputModel):
    """Something to reach, and by when."""

    title: ShortText
    due_on: date | None = None


class AcceptIn(InputModel):
    """Into which project the pair goes: a new one, or one that is there."""

    project_id: UUID | None = None
    title: ShortText | None = None
    lead_unit_id: UUID | None = None
    milestones: Annotated[list[MilestoneIn], Field(max_length=50, default_factory=list)]


class RefuseIn(InputModel):
    """Why the pair does not suit; refusals teach the matcher."""

    reason: PlainText


class FilterOut(OutputModel):
    """One hard filter with the values that it looked at."""

    name: str
    passed: bool
    need: str
    offer: str


class TermOut(OutputModel):
    """One term of the score: `points` of at most `of` thousandths."""

    name: str
    points: int
    of: int
    detail: str


class MatchOut(OutputModel):
    """A proposal: its terms add up to its score. `weights` names what the terms may give: stated, or learned."""

    id: UUID
    need_id: UUID
    offer_id: UUID
    score: int
    rank: int
    state: MatchState
    filters: list[FilterOut]
    terms: list[TermOut]
    weights: str
    reason: str | None
    project_id: UUID | None
    computed_at: datetime
    version: int
    next_actions: list[NextActionOut]


class PassedOverOut(OutputModel):
    """An offer of the branch that was not proposed: the first filter that failed, or a score below the threshold."""

    offer_id: UUID
    failed: str
    score: int
    filters: list[FilterOut]


class MatchesOut(OutputModel):
    """What suits a need, and what does not and why. Nothing suits when `matches` is empty."""

    need_id: UUID
    threshold: int
    matches: list[MatchOut]
    passed_over: list[PassedOverOut]
