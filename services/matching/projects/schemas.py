"""Shapes of projects."""

from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from services.matching.matches.schemas import MilestoneIn
from services.matching.offers.schemas import CategoryCode
from services.matching.projects.rules import BudgetState, ProjectState
from shared.money import MAX_FEN, Fen
from shared.steps import NextActionOut
from shared.web import InputModel, OutputModel, PlainText, ShortText

__all__ = [
    "BudgetIn",
    "CancelIn",
    "CompleteIn",
    "HelperIn",
    "JoinNeedIn",
    "ProjectIn",
    "ProjectOut",
    "ProjectSummary",
    "ReachIn",
    "StepOut",
]

OwnFen = Annotated[int, Field(strict=True, ge=0, le=MAX_FEN)]


class ProjectIn(InputModel):
    """A project that comes straight from a case, without a match."""

    id: UUID | None = None
    title: ShortText
    area_id: UUID
    case_id: UUID | None = None
    lead_unit_id: UUID | None = None
    helping_unit_ids: Annotated[list[UUID], Field(max_length=50, default_factory=list)]
    need_ids: Annotated[list[UUID], Field(max_length=50, default_factory=list)]
    milestones: Annotated[list[MilestoneIn], Field(max_length=50, default_factory=list)]


class BudgetIn(InputModel):
    """Asking a fund for money: `own_fen` of `total_fen` is raised by the people concerned."""

    fund_id: UUID
    total_fen: Fen
    own_fen: OwnFen = 0
    purpose: ShortText
    category: CategoryCode


class ReachIn(InputModel):
    """How one can see that the milestone is reached."""

    proof: PlainText
    attachment_ids: Annotated[list[UUID], Field(max_length=20, default_factory=list)]


class CompleteIn(InputModel):
    """What whoever accepts the project has seen, and a closing word."""

    proof: PlainText
    attachment_ids: Annotated[list[UUID], Field(max_length=20, default_factory=list)]
    note: PlainText | None = None


class CancelIn(InputModel):
    """Why a project ends without being done."""

    reason: PlainText


class JoinNeedIn(InputModel):
    """A need that the project takes on."""

    need_id: UUID


class HelperIn(InputModel):
    """A unit that helps."""

    unit_id: UUID


class MilestoneOut(OutputModel):
    """A milestone as it stands."""

    id: UUID
    position: int
    title: str
    due_on: date | None
    reached_at: datetime | None
    proof: str | None
    attachment_ids: list[UUID]


class BudgetOut(OutputModel):
    """What was asked, granted and paid, in fen; overspent is what was paid beyond the grant and the own part."""

    state: BudgetState
    total_fen: int
    own_fen: int
    granted_fen: int
    paid_fen: int
    overspent_fen: int
    request_id: UUID | None
    grant_id: UUID | None


class ProjectSummary(OutputModel):
    """A line of the project list."""

    id: UUID
    number: str
    title: str
    area_id: UUID
    area_path: str
    case_id: UUID | None
    lead_unit_id: UUID | None
    state: ProjectState
    opened_at: datetime
    completed_at: datetime | None
    cancelled_at: datetime | None
    version: int


class ProjectOut(ProjectSummary):
    """A project whole; the givers of `waiting_offer_ids` have not agreed yet."""

    need_ids: list[UUID]
    case_ids: list[UUID]
    offer_ids: list[UUID]
    waiting_offer_ids: list[UUID]
    helping_unit_ids: list[UUID]
    milestones: list[MilestoneOut]
    budget: BudgetOut
    accepted_by: str | None
    acceptance_proof: str | None
    acceptance_attachment_ids: list[UUID]
    cancel_reason: str | None
    next_actions: list[NextActionOut]


class StepOut(OutputModel):
    """One step of a project's history."""

    position: int
    step: str
    actor: str
    data: dict[str, Any]
    at: datetime
