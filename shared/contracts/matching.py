"""Events of the matching: needs, what was decided on matches, and the projects that come of them."""

from datetime import date, datetime
from typing import ClassVar
from uuid import UUID

from shared.contracts.envelope import Concerns, EventData, ForPartners

__all__ = [
    "CredentialExpiring",
    "EntitlementAsked",
    "HoldCommitted",
    "HoldEnded",
    "MatchAccepted",
    "MatchRefused",
    "MoneyPledged",
    "NeedOpened",
    "NoticeWanted",
    "OfferStale",
    "OrderAccepted",
    "OrderClosed",
    "OrderDelivered",
    "OrderLate",
    "OrderPlaced",
    "OrderRated",
    "PartnerVetted",
    "ProjectBudgetRequested",
    "ProjectCancelled",
    "ProjectCompleted",
    "ProjectOpened",
    "ProjectProgressed",
    "WebhookEndpointDisabled",
    "WebhookReceived",
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
    """A partner's offer meets a need: `quantity` of it is committed to a project."""

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


class OrderPlaced(EventData):
    """An order has reached its partner, which accepts it by a time. Who ordered, and at what price, is not told."""

    event_type: ClassVar[str] = "linli.order.placed.v1"
    partners: ClassVar[ForPartners | None] = ForPartners(
        Concerns.PARTNER,
        (
            "order_id",
            "number",
            "offer_id",
            "partner_id",
            "area_id",
            "quantity",
            "starts_at",
            "ends_at",
            "accept_by",
        ),
    )

    order_id: UUID
    number: str
    offer_id: UUID
    partner_id: UUID
    unit_id: UUID
    area_id: UUID
    area_path: str
    quantity: int
    starts_at: datetime | None
    ends_at: datetime | None
    accept_by: datetime


class OrderAccepted(EventData):
    """A partner has accepted an order and is to deliver it by a time."""

    event_type: ClassVar[str] = "linli.order.accepted.v1"
    partners: ClassVar[ForPartners | None] = ForPartners(
        Concerns.PARTNER,
        (
            "order_id",
            "partner_id",
            "due_at",
        ),
    )

    order_id: UUID
    partner_id: UUID
    unit_id: UUID
    due_at: datetime


class OrderDelivered(EventData):
    """An order was delivered, in time or not."""

    event_type: ClassVar[str] = "linli.order.delivered.v1"
    partners: ClassVar[ForPartners | None] = ForPartners(
        Concerns.PARTNER,
        (
            "order_id",
            "partner_id",
            "delivered_at",
            "on_time",
        ),
    )

    order_id: UUID
    partner_id: UUID
    unit_id: UUID
    delivered_at: datetime
    on_time: bool


class OrderRated(EventData):
    """An order was rated from 1 to 5; the words stay with the order."""

    event_type: ClassVar[str] = "linli.order.rated.v1"
    partners: ClassVar[ForPartners | None] = ForPartners(
        Concerns.PARTNER,
        (
            "order_id",
            "partner_id",
            "stars",
            "complaint",
        ),
    )

    order_id: UUID
    partner_id: UUID
    unit_id: UUID
    stars: int
    complaint: bool


class OrderLate(EventData):
    """An accepted order was not delivered in time; the community demands an answer by a date."""

    event_type: ClassVar[str] = "linli.order.late.v1"
    partners: ClassVar[ForPartners | None] = ForPartners(
        Concerns.PARTNER,
        (
            "order_id",
            "partner_id",
            "due_at",
            "supervision_id",
            "answer_by",
        ),
    )

    order_id: UUID
    partner_id: UUID
    unit_id: UUID
    due_at: datetime
    supervision_id: UUID
    answer_by: datetime


class OrderClosed(EventData):
    """An order that its partner knows of has ended otherwise: cancelled, declined or broken off, or it lapsed."""

    event_type: ClassVar[str] = "linli.order.closed.v1"
    partners: ClassVar[ForPartners | None] = ForPartners(
        Concerns.PARTNER,
        (
            "order_id",
            "partner_id",
            "outcome",
            "closed_at",
        ),
    )

    order_id: UUID
    partner_id: UUID
    unit_id: UUID
    outcome: str
    closed_at: datetime


class PartnerVetted(EventData):
    """An officer has decided on a partner: it is vetted, refused or suspended."""

    event_type: ClassVar[str] = "linli.partner.vetted.v1"
    partners: ClassVar[ForPartners | None] = ForPartners(Concerns.PARTNER, ("partner_id", "state"))

    partner_id: UUID
    unit_id: UUID
    state: str


class OfferStale(EventData):
    """Nobody has confirmed an offer for long: its partner is asked whether it still stands."""

    event_type: ClassVar[str] = "linli.offer.stale.v1"
    partners: ClassVar[ForPartners | None] = ForPartners(Concerns.PARTNER, ("offer_id", "partner_id", "confirmed_at"))

    offer_id: UUID
    partner_id: UUID
    unit_id: UUID
    confirmed_at: datetime


class HoldCommitted(EventData):
    """Both sides have agreed: so much of an offer, or that time, is promised."""

    event_type: ClassVar[str] = "linli.hold.committed.v1"
    partners: ClassVar[ForPartners | None] = ForPartners(
        Concerns.PARTNER,
        (
            "hold_id",
            "offer_id",
            "partner_id",
            "what",
            "quantity",
            "starts_at",
            "ends_at",
            "for_kind",
            "for_id",
        ),
    )

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
    partners: ClassVar[ForPartners | None] = ForPartners(
        Concerns.PARTNER, ("credential_id", "partner_id", "valid_until", "has_expired")
    )

    credential_id: UUID
    partner_id: UUID
    unit_id: UUID
    valid_until: date
    has_expired: bool


class WebhookReceived(EventData):
    """A partner has pushed a batch, and some of its lines wait to be worked off; told to the own service."""

    event_type: ClassVar[str] = "linli.webhook.received.v1"

    delivery_id: UUID
    partner_id: UUID


class WebhookEndpointDisabled(EventData):
    """A partner's endpoint is told nothing any more: by whom or why (`partner`, `officer`, `gone`, `failing`), when."""

    event_type: ClassVar[str] = "linli.webhook_endpoint.disabled.v1"
    partners: ClassVar[ForPartners | None] = ForPartners(
        Concerns.PARTNER, ("endpoint_id", "partner_id", "reason", "at")
    )

    endpoint_id: UUID
    partner_id: UUID
    unit_id: UUID
    reason: str
    at: datetime
