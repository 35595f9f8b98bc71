"""Shapes of plans."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from services.matching.plans.rules import LineChange, LineOutcome, PlanState
from services.matching.slots.schemas import Group
from shared.steps import NextActionOut
from shared.web import InputModel, OutputModel

__all__ = ["FloorIn", "LineOut", "PassedOfferOut", "PlanIn", "PlanOut", "PricesIn"]

Points = Annotated[int, Field(strict=True, ge=0, le=1_000)]


class FloorIn(InputModel):
    """At least so many needs of people of a group, or of an area, or both, have to be met."""

    group: Group | None = None
    area_id: UUID | None = None
    at_least: Annotated[int, Field(strict=True, ge=1, le=100_000)]


class PricesIn(InputModel):
    """What is weighed against scores, in points of a thousand."""

    left_open: Points = 0
    urgent: Points = 300
    load: Annotated[Points, Field(description="How much dearer each further quarter of an offer is 均衡")] = 10


class PlanIn(InputModel):
    """Whose needs are planned. A need counts for the first floor that it belongs to."""

    id: UUID | None = None
    area_id: UUID
    floors: Annotated[list[FloorIn], Field(max_length=20)] = Field(default_factory=list)
    prices: PricesIn = Field(default_factory=PricesIn)


class PlanOut(OutputModel):
    """A plan: `figures` says how many lines change in which way, which floors fall short, and what could be better.

    A plan that nobody applied lapses some time after a newer one covers its area; its lines are then deleted.
    """

    id: UUID
    area_id: UUID | None
    area_path: str
    state: PlanState
    floors: list[dict[str, Any]]
    prices: dict[str, int]
    requested_by: str
    requested_at: datetime
    computed_at: datetime | None
    applied_by: str | None
    applied_at: datetime | None
    pruned_at: datetime | None
    figures: dict[str, Any]
    score: int
    version: int
    next_actions: list[NextActionOut]


class LineOut(OutputModel):
    """What changes for a need: the offer that came first before, the one that is planned, and the whole reason."""

    need_id: UUID
    part: int
    offer_id: UUID | None
    earlier_offer_id: UUID | None
    change: LineChange
    score: int
    explanation: dict[str, Any]
    outcome: LineOutcome | None


class PassedOfferOut(OutputModel):
    """An offer that got nothing: the filter that failed at the need that came nearest, or what that need took."""

    offer_id: UUID
    reason: str
    need_id: UUID | None
    taken_by: UUID | None


Change = Literal["new", "changed", "same", "withdrawn", "left_open"]
