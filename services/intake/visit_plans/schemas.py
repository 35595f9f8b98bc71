"""Shapes of plans and of coverage."""

from datetime import date, datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import UUID7, BaseModel, Field, StringConstraints, model_validator

from services.intake.categories.schemas import CategoryCode
from services.intake.visit_plans.rules import HOUSEHOLDS_MAX, Every, PlanState, VisitKind
from shared.steps import NextActionOut
from shared.web import InputModel, OutputModel, PlainText, ShortText

__all__ = [
    "DisclosedDoorOut",
    "DoorDisclosureOut",
    "DoorLabel",
    "EndPlanIn",
    "PlanHeld",
    "PlanIn",
    "PlanOut",
    "PlanQuery",
    "PlanRoundProgressOut",
    "PlanSummary",
    "PlanTargetIn",
    "PlanTargetProgressOut",
]

DoorLabel = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=80, pattern=r"^[^\x00]*\w[^\x00]*$"),
    Field(description="The door in free words, kept sealed 门牌"),
]


class PlanTargetIn(InputModel):
    """An area to be visited: its households by their doors, or only how many there are."""

    area_id: UUID
    households: Annotated[int | None, Field(strict=True, ge=1, le=HOUSEHOLDS_MAX)] = None
    doors: Annotated[list[DoorLabel], Field(max_length=2_000)] = Field(default_factory=list)

    @model_validator(mode="after")
    def _counts_once(self) -> Self:
        if (self.households is None) is not bool(self.doors):
            message = "a target has either a number of households or a list of doors"
            raise ValueError(message)
        return self


class PlanIn(InputModel):
    """A plan. `person_ids` and `unit_ids` go beside the area's own staff; days are those of China."""

    id: UUID7 | None = None
    kind: VisitKind
    title: ShortText
    area_id: UUID
    first_on: date
    last_on: date
    every: Every = Every.ONCE
    checklist_code: CategoryCode | None = None
    targets: Annotated[list[PlanTargetIn], Field(min_length=1, max_length=200)]
    person_ids: Annotated[list[UUID], Field(max_length=200)] = Field(default_factory=list)
    unit_ids: Annotated[list[UUID], Field(max_length=50)] = Field(default_factory=list)


class EndPlanIn(InputModel):
    """Why a plan ends."""

    note: PlainText | None = None


class PlanQuery(BaseModel):
    """What a list is narrowed to."""

    under: Annotated[UUID | None, Field(description="At or below this area 区域")] = None
    kind: VisitKind | None = None
    state: PlanState | None = None
    overdue: Annotated[bool | None, Field(description="A round is over and not all were reached 逾期")] = None
    on: Annotated[date | None, Field(description="Whose period has this day 日期")] = None
    visitor_id: Annotated[UUID | None, Field(description="Who is named to go 走访人")] = None


class PlanSummary(OutputModel):
    """A line of a list. `planned` are the households of one round."""

    id: UUID
    kind: VisitKind
    title: str
    area_id: UUID
    area_path: str
    first_on: date
    last_on: date
    every: Every
    checklist_code: str | None
    state: PlanState
    planned: int
    rounds: int
    version: int


class PlanTargetProgressOut(OutputModel):
    """How many different households of a target were reached in a round.

    `covered` is never more than `households`: what was reached beyond stands in for nobody else.
    """

    position: int
    area_id: UUID
    area_path: str
    households: int
    listed: bool
    visited: int
    covered: int


class PlanRoundProgressOut(OutputModel):
    """One round; `overdue` when it is over and somebody was not reached."""

    position: int
    first_on: date
    last_on: date
    planned: int
    covered: int
    coverage_percent: int | None
    overdue: bool
    targets: list[PlanTargetProgressOut]


class PlanRoundOut(OutputModel):
    """One round, counted from 1."""

    position: int
    first_on: date
    last_on: date


class PlanTargetOut(OutputModel):
    """One target, counted from 1; `listed` when its doors are."""

    position: int
    area_id: UUID
    area_path: str
    households: int
    listed: bool


class PlanHeld(OutputModel):
    """A plan as phones hold it: without what is counted, which changes with every visit."""

    kind: VisitKind
    title: str
    area_id: UUID
    area_path: str
    first_on: date
    last_on: date
    every: Every
    checklist_code: str | None
    state: PlanState
    person_ids: list[UUID]
    unit_ids: list[UUID]
    rounds: list[PlanRoundOut]
    targets: list[PlanTargetOut]


class PlanOut(PlanSummary):
    """A plan with how far it is, round by round."""

    person_ids: list[UUID]
    unit_ids: list[UUID]
    end_note: str | None
    created_by: str
    created_at: datetime
    overdue: bool
    progress: list[PlanRoundProgressOut]
    next_actions: list[NextActionOut]


class DisclosedDoorOut(OutputModel):
    """A door in the clear, and whether it was reached in the round that is asked for."""

    target: int
    area_id: UUID
    door: str
    reached: bool


class DoorDisclosureOut(OutputModel):
    """Who has read doors in the clear, when and why."""

    id: UUID
    plan_id: UUID | None
    visit_id: UUID | None
    purpose: str
    actor: str
    disclosed_at: datetime
