"""Events of the matching: needs, what was decided on matches, and the projects that come of them."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from shared.contracts.envelope import Concerns, EventData, ForPartners

__all__ = [
    "MatchAccepted",
    "MatchRefused",
    "NeedOpened",
    "NoticeWanted",
    "ProjectBudgetRequested",
    "ProjectCancelled",
    "ProjectCompleted",
    "ProjectOpened",
    "ProjectProgressed",
    "ProofShown",
]


class NeedOpened(EventData):
    """A line was added to the demand list."""

    event_type: ClassVar[str] = "linli.need.opened.v1"
    partners: ClassVar[ForPartners | None] = ForPartners(Concerns.AREA, ("need_id", "category", "area_id", "area_path"))

    need_id: UUID
    case_id: UUID | None
    category: str
    area_id: UUID
    area_path: str


class MatchAccepted(EventData):
    """A partner's offer is to meet a need: `quantity` of it is held for a project until the partner agrees too."""

    event_type: ClassVar[str] = "linli.match.accepted.v1"
    partners: ClassVar[ForPartners | None] = ForPartners(
        Concerns.PARTNER, ("match_id", "need_id", "offer_id", "partner_id", "project_id", "quantity")
    )

    match_id: UUID
    need_id: UUID
    offer_id: UUID
    partner_id: UUID
    project_id: UUID
    quantity: int


class MatchRefused(EventData):
    """A person decided that a partner's offer does not suit a need."""

    event_type: ClassVar[str] = "linli.match.refused.v1"
    partners: ClassVar[ForPartners | None] = ForPartners(
        Concerns.PARTNER, ("match_id", "need_id", "offer_id", "partner_id")
    )

    match_id: UUID
    need_id: UUID
    offer_id: UUID
    partner_id: UUID


class ProjectOpened(EventData):
    """A line was added to the project list."""

    event_type: ClassVar[str] = "linli.project.opened.v1"
    partners: ClassVar[ForPartners | None] = ForPartners(
        Concerns.PROJECT, ("project_id", "number", "title", "need_ids", "area_id", "area_path", "lead_unit_id")
    )

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
    partners: ClassVar[ForPartners | None] = ForPartners(
        Concerns.PROJECT, ("project_id", "milestone_id", "title", "reached_at")
    )

    project_id: UUID
    case_id: UUID | None
    milestone_id: UUID
    title: str
    reached_at: datetime


class ProjectCompleted(EventData):
    """All milestones are reached and the project is accepted."""

    event_type: ClassVar[str] = "linli.project.completed.v1"
    partners: ClassVar[ForPartners | None] = ForPartners(Concerns.PROJECT, ("project_id", "completed_at"))

    project_id: UUID
    case_id: UUID | None
    completed_at: datetime


class ProjectCancelled(EventData):
    """A project ends without being done; `request_id` is what a fund was asked, if one was."""

    event_type: ClassVar[str] = "linli.project.cancelled.v1"
    partners: ClassVar[ForPartners | None] = ForPartners(
        Concerns.PROJECT,
        (
            "project_id",
            "cancelled_at",
        ),
    )

    project_id: UUID
    case_id: UUID | None
    request_id: UUID | None
    cancelled_at: datetime


class ProofShown(EventData):
    """Pictures or papers were named as proof; the intake, which keeps them, says which are none of who showed them.

    `owner_kind` is `project`, `order` or `hold`. Whoever works at the area, or for the unit, may see them from then on.
    """

    event_type: ClassVar[str] = "linli.proof.shown.v1"

    owner_kind: str
    owner_id: UUID
    attachment_ids: list[UUID]
    shown_by: UUID | None
    area_path: str
    unit_id: UUID | None


class NoticeWanted(EventData):
    """Somebody is to be told something by the intake, which keeps everybody's inbox and knows who can be reached how.

    `kind` is one of its templates, `title` public words, and `staff_of` are areas whose officers are told.
    """

    event_type: ClassVar[str] = "linli.notice.wanted.v1"

    kind: str
    number: str
    title: str
    people: list[UUID]
    units: list[UUID]
    staff_of: list[str]
    due_at: datetime | None
