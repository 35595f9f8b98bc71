"""Events of the matching: needs, and the projects that come of them."""

from datetime import date, datetime
from typing import ClassVar
from uuid import UUID

from shared.contracts.envelope import EventData

__all__ = [
    "EntitlementAsked",
    "NeedOpened",
    "ProjectBudgetRequested",
    "ProjectCompleted",
    "ProjectOpened",
    "ProjectProgressed",
]


class NeedOpened(EventData):
    """A line was added to the demand list."""

    event_type: ClassVar[str] = "linli.need.opened.v1"

    need_id: UUID
    case_id: UUID | None
    category: str
    area_id: UUID
    area_path: str


class ProjectOpened(EventData):
    """A line was added to the project list."""

    event_type: ClassVar[str] = "linli.project.opened.v1"

    project_id: UUID
    number: str
    title: str
    case_id: UUID | None
    need_ids: list[UUID]
    area_id: UUID
    area_path: str
    lead_unit_id: UUID | None


class ProjectBudgetRequested(EventData):
    """A project asks a fund for money: `asked_fen` of `total_fen`, the people concerned raise `own_fen` themselves."""

    event_type: ClassVar[str] = "linli.project.budget_requested.v1"

    request_id: UUID
    project_id: UUID
    fund_id: UUID
    total_fen: int
    own_fen: int
    asked_fen: int
    purpose: str
    category: str
    requested_by: UUID


class ProjectProgressed(EventData):
    """A milestone was reached."""

    event_type: ClassVar[str] = "linli.project.progressed.v1"

    project_id: UUID
    case_id: UUID | None
    milestone_id: UUID
    title: str
    reached_at: datetime


class ProjectCompleted(EventData):
    """All milestones are reached and the project is accepted."""

    event_type: ClassVar[str] = "linli.project.completed.v1"

    project_id: UUID
    case_id: UUID | None
    completed_at: datetime


class EntitlementAsked(EventData):
    """Is this person entitled, by any one of these kinds? `within` is the area that the asker works for, if it is not
    the person who asks; `purpose` is what the person will read.
    """

    event_type: ClassVar[str] = "linli.entitlement.asked.v1"

    question_id: UUID
    person_id: UUID
    any_of: list[str]
    used_on: date
    within: str | None
    purpose: str
