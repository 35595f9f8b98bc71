"""Shapes of visits."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import UUID7, AwareDatetime, BaseModel, Field, StringConstraints, model_validator

from services.intake.cases.schemas import AttachmentIds, PointIn, PointOut
from services.intake.categories.schemas import CategoryCode
from services.intake.forms.schemas import Answers
from services.intake.visit_plans.rules import VisitKind
from services.intake.visit_plans.schemas import DoorLabel
from services.intake.visits.rules import Disposition, VisitState
from shared.steps import NextActionOut
from shared.web import InputModel, OutputModel, PlainText, ShortText

__all__ = [
    "ContactIn",
    "DoorOut",
    "ErrandIn",
    "HeardIn",
    "VisitIn",
    "VisitOut",
    "VisitQuery",
    "VisitSummary",
    "VoidVisitIn",
]

Phone = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^\+?[0-9][0-9 \-]{2,23}$")]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=40, pattern=r"^[^\x00]*$")]


class ContactIn(InputModel):
    """How to reach whoever said it; kept sealed, and read only for a purpose."""

    name: Name | None = None
    phone: Phone | None = None


class HeardIn(InputModel):
    """One thing that was heard, and what becomes of it.

    Of `case` a case is filed: for `requester_id`, who is a person of the directory, else in the visitor's own name.
    `title`, `place_text` and the rest of what is only said of a case are refused elsewhere. No name and no telephone
    number belongs into the text: `contact` is for those.
    """

    category: CategoryCode
    text: PlainText
    disposition: Disposition
    answer: PlainText | None = None
    case_id: UUID7 | None = None
    title: ShortText | None = None
    place_text: ShortText | None = None
    requester_id: UUID | None = None
    contact: ContactIn | None = None
    attachment_ids: AttachmentIds = Field(default_factory=list)
    answers: Answers | None = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.disposition is Disposition.ANSWERED and self.answer is None:
            message = "what was answered on the spot has an answer"
            raise ValueError(message)
        only_of_cases = (self.case_id, self.title, self.place_text, self.requester_id, self.contact, self.answers)
        if self.disposition is not Disposition.CASE and (self.attachment_ids or any(only_of_cases)):
            message = "this is only said of what becomes a case"
            raise ValueError(message)
        return self


class ErrandIn(InputModel):
    """One errand, done or still to be done."""

    what: ShortText
    done: Annotated[bool, Field(strict=True)] = True


class VisitIn(InputModel):
    """A visit, as a whole. `id` may be made by the client (UUIDv7): sent twice, it is recorded once."""

    id: UUID7 | None = None
    kind: VisitKind
    plan_id: UUID | None = None
    area_id: UUID
    location: PointIn | None = None
    door: DoorLabel | None = None
    unit_id: UUID | None = None
    visited_at: AwareDatetime
    reached: Annotated[bool, Field(strict=True)]
    note: PlainText | None = None
    heard: Annotated[list[HeardIn], Field(max_length=20)] = Field(default_factory=list)
    errands: Annotated[list[ErrandIn], Field(max_length=20)] = Field(default_factory=list)
    attachment_ids: AttachmentIds = Field(default_factory=list)

    @model_validator(mode="after")
    def _somebody_spoke(self) -> Self:
        if not self.reached and self.heard:
            message = "nothing is heard from who was not reached"
            raise ValueError(message)
        return self


class VoidVisitIn(InputModel):
    """Why a visit is voided."""

    reason: PlainText


class VisitQuery(BaseModel):
    """What a list is narrowed to."""

    under: Annotated[UUID | None, Field(description="At or below this area 区域")] = None
    kind: VisitKind | None = None
    plan_id: UUID | None = None
    visitor_id: Annotated[UUID | None, Field(description="Who was there 走访人")] = None
    unit_id: Annotated[UUID | None, Field(description="The enterprise that was visited 单位")] = None
    case_id: Annotated[UUID | None, Field(description="On which this case was heard 诉求")] = None
    reached: bool | None = None
    state: VisitState | None = None
    since: Annotated[AwareDatetime | None, Field(description="Visited at or after 起")] = None
    until: Annotated[AwareDatetime | None, Field(description="Visited before 止")] = None


class HeardOut(OutputModel):
    """One thing that was heard; `case_id` leads to the case that came of it."""

    position: int
    category: str
    text: str
    disposition: Disposition
    answer: str | None
    case_id: UUID | None


class ErrandOut(OutputModel):
    """One errand."""

    position: int
    what: str
    done: bool


class VisitSummary(OutputModel):
    """A line of a list. Of the door only its beginning is shown."""

    id: UUID
    kind: VisitKind
    plan_id: UUID | None
    round: int | None
    area_id: UUID
    area_path: str
    unit_id: UUID | None
    door_hint: str | None
    visitor_id: UUID
    visited_at: datetime
    recorded_at: datetime
    reached: bool
    state: VisitState
    version: int


class VisitOut(VisitSummary):
    """A visit. `on_plan` tells whether whom it reached counts for its plan."""

    location: PointOut | None
    on_plan: bool
    note: str | None
    void_reason: str | None
    heard: list[HeardOut]
    errands: list[ErrandOut]
    attachment_ids: list[UUID]
    next_actions: list[NextActionOut]


class DoorOut(OutputModel):
    """The door of a visit in the clear."""

    visit_id: UUID
    door: str
