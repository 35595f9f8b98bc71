"""Shapes of matches."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from services.matching.holds.schemas import Day
from services.matching.matches.rules import MatchState
from services.matching.offers.schemas import Moment
from shared.steps import NextActionOut
from shared.web import InputModel, OutputModel, PlainText, ShortText

__all__ = [
    "AcceptIn",
    "BundleIn",
    "FilterOut",
    "MatchOut",
    "MatchesOut",
    "MilestoneIn",
    "PartIn",
    "PartOut",
    "PassedOverOut",
    "RefuseIn",
    "TermOut",
]


class MilestoneIn(InputModel):
    """Something to reach, and by when."""

    title: ShortText
    due_on: date | None = None


class _When(InputModel):
    """When the offer is wanted, and until when its giver says yes or no."""

    resource_id: Annotated[UUID | None, Field(description="The room or group, with the time 房间或小组")] = None
    starts_at: Moment | None = None
    ends_at: Moment | None = None
    day: Annotated[Day | None, Field(description="Of an offer with a capacity a day 按日预约")] = None
    confirm_by: Annotated[Moment | None, Field(description="Two days from now if left out 资源方确认期限")] = None


class PartIn(_When):
    """The proposal for one part of a need, and when its offer is wanted."""

    match_id: UUID


class _Into(InputModel):
    """Into which project it goes: a new one, or one that is there."""

    project_id: UUID | None = None
    title: ShortText | None = None
    lead_unit_id: UUID | None = None
    milestones: Annotated[list[MilestoneIn], Field(max_length=50, default_factory=list)]


class AcceptIn(_When, _Into):
    """When the offer is wanted, and into which project the pair goes: a new one, or one that is there."""


class BundleIn(_Into):
    """One proposal for each part of a need; all offers are held, or none."""

    parts: Annotated[list[PartIn], Field(min_length=1, max_length=6)]


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
    """A proposal: its terms add up to its score. `weights` names what the terms may give: stated, or learned.

    `hold_id` is what was held for it when it was accepted. `reason` says why it was refused, or why its offer could not
    be had when it was accepted before.
    """

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
    hold_id: UUID | None
    computed_at: datetime
    version: int
    next_actions: list[NextActionOut]


class PassedOverOut(OutputModel):
    """An offer of the branch that was not proposed: the first filter that failed, or a score below the threshold."""

    offer_id: UUID
    failed: str
    score: int
    filters: list[FilterOut]


class PartOut(OutputModel):
    """A kind of offer that the need wants beside others, and the proposals that would do, the best first."""

    kind: str
    match_ids: list[UUID]


class MatchesOut(OutputModel):
    """What suits a need, and what does not and why. Nothing suits when `matches` is empty.

    A need with `parts` takes one proposal of each, all at once.
    """

    need_id: UUID
    threshold: int
    parts: list[PartOut]
    matches: list[MatchOut]
    passed_over: list[PassedOverOut]
