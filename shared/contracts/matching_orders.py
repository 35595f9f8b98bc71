"""Events of the matching about orders, and what an order asks the directory."""

from datetime import date, datetime
from typing import ClassVar
from uuid import UUID

from shared.contracts.envelope import Concerns, EventData, ForPartners

__all__ = [
    "EntitlementAsked",
    "OrderAccepted",
    "OrderClosed",
    "OrderDelivered",
    "OrderLate",
    "OrderPlaced",
    "OrderRated",
]


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
