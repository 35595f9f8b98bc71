"""Shapes of checklists and inspections."""

from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import UUID7, AwareDatetime, BaseModel, Field, model_validator

from services.intake.categories.schemas import CategoryCode
from services.intake.hazards.rules import Severity
from services.intake.hazards.schemas import FoundHazardIn, HazardOut, Minutes
from services.intake.inspections.rules import Result
from shared.web import InputModel, OutputModel, PlainText, ShortText

__all__ = [
    "ChecklistIn",
    "ChecklistItemIn",
    "ChecklistOut",
    "InspectionFound",
    "InspectionIn",
    "InspectionOut",
    "InspectionQuery",
    "InspectionSummary",
]


class ChecklistItemIn(InputModel):
    """One item of a checklist: what to look at, how bad it is when it fails, and what says so.

    `minutes` is the working time within which it is to be rectified, if not that of its severity.
    """

    code: CategoryCode
    text_zh: ShortText
    text_en: ShortText
    severity: Severity
    standard: ShortText | None = None
    minutes: Minutes | None = None


class ChecklistIn(InputModel):
    """The whole of a checklist; `category` is that of the hazards which it finds."""

    name_zh: ShortText
    name_en: ShortText
    category: CategoryCode
    items: Annotated[list[ChecklistItemIn], Field(min_length=1, max_length=200)]

    @model_validator(mode="after")
    def _names_items_once(self) -> Self:
        if len({item.code for item in self.items}) != len(self.items):
            message = "each item has a code of its own"
            raise ValueError(message)
        return self


class ChecklistOut(OutputModel):
    """One version of a checklist."""

    code: str
    version: int
    name_zh: str
    name_en: str
    category: str
    items: list[dict[str, Any]]
    published_by: str
    published_at: datetime


class ItemResultIn(InputModel):
    """What was found at an item; what fails is a hazard, whose severity and time are the item's unless said."""

    item: CategoryCode
    result: Result
    note: PlainText | None = None
    hazard: FoundHazardIn | None = None

    @model_validator(mode="after")
    def _fails_with_a_hazard(self) -> Self:
        if (self.result is Result.FAIL) is not (self.hazard is not None):
            message = "what fails has a hazard, and nothing else has"
            raise ValueError(message)
        return self


class InspectionIn(InputModel):
    """A checklist gone through on a visit of one's own. `id` may be made by the client (UUIDv7)."""

    id: UUID7 | None = None
    visit_id: UUID
    checklist_code: CategoryCode
    checklist_version: Annotated[int, Field(strict=True, ge=1, le=999_999)]
    unit_id: UUID | None = None
    results: Annotated[list[ItemResultIn], Field(min_length=1, max_length=200)]


class InspectionQuery(BaseModel):
    """What a list is narrowed to."""

    under: Annotated[UUID | None, Field(description="At or below this area 区域")] = None
    visit_id: UUID | None = None
    unit_id: Annotated[UUID | None, Field(description="Who was inspected 单位")] = None
    checklist_code: Annotated[str | None, Field(max_length=40)] = None
    inspector_id: Annotated[UUID | None, Field(description="Who was there 检查人")] = None
    failed: Annotated[bool | None, Field(description="Whether something failed 有无隐患")] = None
    since: Annotated[AwareDatetime | None, Field(description="Inspected at or after 起")] = None
    until: Annotated[AwareDatetime | None, Field(description="Inspected before 止")] = None


class ItemResultOut(OutputModel):
    """What was found at an item."""

    item: str
    result: Result
    note: str | None
    hazard_id: UUID | None


class InspectionSummary(OutputModel):
    """A line of a list; `failed` counts the items that failed."""

    id: UUID
    visit_id: UUID
    checklist_code: str
    checklist_version: int
    area_id: UUID
    area_path: str
    unit_id: UUID | None
    inspector_id: UUID
    inspected_at: datetime
    recorded_at: datetime
    failed: int
    voided: bool
    version: int


class InspectionFound(InspectionSummary):
    """An inspection with what was found, as it stays."""

    results: list[ItemResultOut]


class InspectionOut(InspectionFound):
    """An inspection with what has become of its hazards since."""

    hazards: list[HazardOut]
