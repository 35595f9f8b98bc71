"""Events of the matching: needs, and the projects that come of them."""

from datetime import date, datetime
from typing import ClassVar
from uuid import UUID

from shared.contracts.envelope import EventData

__all__ = [
    "CredentialExpiring",
    "HoldCommitted",
    "HoldEnded",
    "MoneyPledged",
    "NeedOpened",
    "OfferStale",
    "PartnerVetted",
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


class PartnerVetted(EventData):
    """An officer has decided on a partner: it is vetted, refused or suspended."""

    event_type: ClassVar[str] = "linli.partner.vetted.v1"

    partner_id: UUID
    unit_id: UUID
    state: str


class OfferStale(EventData):
    """Nobody has confirmed an offer for long: its partner is asked whether it still stands."""

    event_type: ClassVar[str] = "linli.offer.stale.v1"

    offer_id: UUID
    partner_id: UUID
    unit_id: UUID
    confirmed_at: datetime


class HoldCommitted(EventData):
    """Both sides have agreed: so much of an offer, or that time, is promised."""

    event_type: ClassVar[str] = "linli.hold.committed.v1"

    hold_id: UUID
    offer_id: UUID
    partner_id: UUID
    what: str
    quantity: int
    starts_at: datetime | None
    ends_at: datetime | None
    for_kind: str
    for_id: UUID | None


class HoldEnded(EventData):
    """What was held or promised can be had again: it was given up, expired, or called off."""

    event_type: ClassVar[str] = "linli.hold.ended.v1"

    hold_id: UUID
    offer_id: UUID
    state: str
    for_kind: str
    for_id: UUID | None


class MoneyPledged(EventData):
    """An offer of money was taken up: its giver owes it to the fund, if one is named."""

    event_type: ClassVar[str] = "linli.money.pledged.v1"

    hold_id: UUID
    offer_id: UUID
    unit_id: UUID
    fund_id: UUID | None
    amount_fen: int
    due_on: date | None


class CredentialExpiring(EventData):
    """A licence of a partner runs out soon, or has."""

    event_type: ClassVar[str] = "linli.credential.expiring.v1"

    credential_id: UUID
    partner_id: UUID
    unit_id: UUID
    valid_until: date
    has_expired: bool
