"""Shapes of hazards."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import UUID7, AwareDatetime, BaseModel, Field

from services.intake.cases.schemas import AttachmentIds, PointOut
from services.intake.categories.schemas import CategoryCode
from services.intake.hazards.rules import HazardState, Severity
from shared.steps import NextActionOut
from shared.web import InputModel, OutputModel, PlainText, ShortText

__all__ = [
    "EscalateHazardIn",
    "ExtendHazardIn",
    "FailHazardIn",
    "FoundHazardIn",
    "HazardIn",
    "HazardOut",
    "HazardQuery",
    "HazardStepOut",
    "HazardSummary",
    "Minutes",
    "PassHazardIn",
    "RectifyHazardIn",
    "WithdrawHazardIn",
]

Minutes = Annotated[int, Field(strict=True, ge=1, le=100_000, description="Working minutes 工作分钟")]
Proof = Annotated[list[UUID], Field(min_length=1, max_length=9)]


class FoundHazardIn(InputModel):
    """A hazard that was found: what, where, who has to rectify it, and within which working time."""

    id: UUID7 | None = None
    description: PlainText
    severity: Severity | None = None
    minutes: Minutes | None = None
    unit_id: UUID | None = None
    place_text: ShortText | None = None
    attachment_ids: AttachmentIds = Field(default_factory=list)


class HazardIn(FoundHazardIn):
    """A hazard that was found on a visit of one's own without a checklist; its category is one of hazards."""

    visit_id: UUID
    category: CategoryCode
    severity: Severity


class RectifyHazardIn(InputModel):
    """What was done, with pictures of it, and when, if not just now."""

    note: PlainText
    attachment_ids: Proof
    rectified_at: AwareDatetime | None = None


class PassHazardIn(InputModel):
    """On which visit somebody has looked again and found it rectified."""

    visit_id: UUID
    note: PlainText | None = None
    attachment_ids: AttachmentIds = Field(default_factory=list)


class FailHazardIn(InputModel):
    """On which visit somebody has looked again, what is still wrong, and how long it may take now."""

    visit_id: UUID
    note: PlainText
    attachment_ids: AttachmentIds = Field(default_factory=list)
    minutes: Minutes | None = None


class ExtendHazardIn(InputModel):
    """How much longer it may take, and why."""

    minutes: Minutes
    reason: PlainText


class EscalateHazardIn(InputModel):
    """Why it becomes a case before it is overdue."""

    reason: PlainText


class WithdrawHazardIn(InputModel):
    """Why it is no hazard."""

    reason: PlainText


class HazardQuery(BaseModel):
    """What a list is narrowed to."""

    under: Annotated[UUID | None, Field(description="At or below this area 区域")] = None
    state: HazardState | None = None
    open: Annotated[bool | None, Field(description="Not yet closed 未销号")] = None
    severity: Severity | None = None
    unit_id: Annotated[UUID | None, Field(description="Who has to rectify it 责任单位")] = None
    visit_id: UUID | None = None
    inspection_id: UUID | None = None
    overdue: Annotated[bool | None, Field(description="Open, and its time is over 逾期")] = None
    since: Annotated[AwareDatetime | None, Field(description="Found at or after 起")] = None
    until: Annotated[AwareDatetime | None, Field(description="Found before 止")] = None


class HazardSummary(OutputModel):
    """A line of a list.

    `code` names it in messages, `failures` counts second looks that found it still wrong, `late` says that it took
    longer than it might.
    """

    id: UUID
    code: str
    visit_id: UUID
    inspection_id: UUID | None
    item_code: str | None
    category: str
    severity: Severity
    description: str
    area_id: UUID
    area_path: str
    unit_id: UUID | None
    state: HazardState
    found_at: datetime
    due_at: datetime
    overdue_at: datetime | None
    rectified_at: datetime | None
    late: bool
    failures: int
    case_id: UUID | None
    ended_at: datetime | None
    version: int


class HazardPictureOut(OutputModel):
    """A picture, and what it shows: `report`, `proof`, or `review` of a second look."""

    attachment_id: UUID
    purpose: str


class HazardOut(HazardSummary):
    """A hazard with its pictures and what the caller may do next."""

    location: PointOut | None
    place_text: str | None
    minutes: int
    reporter_id: UUID
    reported_at: datetime
    pictures: list[HazardPictureOut]
    next_actions: list[NextActionOut]


class HazardStepOut(OutputModel):
    """One step of the history."""

    position: int
    step: str
    actor: str
    note: str | None
    data: dict[str, Any]
    at: datetime
