"""Shapes of orders."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, Field, StringConstraints

from services.matching.offers.rules import OfferKind
from services.matching.offers.schemas import EligibilityOut, EntitledPriceOut, HoursOut, Moment, Quantity
from services.matching.orders.rules import OrderState
from shared.money import MAX_FEN
from shared.steps import NextActionOut
from shared.web import InputModel, OutputModel, PlainText, ShortText

__all__ = [
    "AcceptIn",
    "CatalogueItem",
    "ConfirmIn",
    "ContactIn",
    "ContactOut",
    "DeliverIn",
    "DisclosureOut",
    "OrderContent",
    "OrderIn",
    "OrderOut",
    "OrderQuery",
    "OrderRulesIn",
    "OrderRulesOut",
    "OrderStepOut",
    "RateIn",
    "ReasonIn",
    "ReorderIn",
    "SlotIn",
    "WordIn",
]

PriceFen = Annotated[int, Field(strict=True, ge=0, le=MAX_FEN)]
Stars = Annotated[int, Field(strict=True, ge=1, le=5)]
Minutes = Annotated[int, Field(strict=True, ge=1, le=525_600)]
# Nothing can be held for longer than thirty days: two confirmations and an acceptance fit into it.
AcceptMinutes = Annotated[int, Field(strict=True, ge=1, le=14 * 1_440)]
ConfirmMinutes = Annotated[int, Field(strict=True, ge=1, le=7 * 1_440)]
Phone = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^[0-9+() -]{3,32}$")]


class SlotIn(InputModel):
    """From when until when."""

    starts_at: Moment
    ends_at: Moment


class ContactIn(InputModel):
    """Where to come, whom to call, and what to know. Kept sealed; the partner reads it once it has accepted."""

    name: ShortText | None = None
    phone: Phone | None = None
    address: ShortText | None = None
    note: PlainText | None = None


class OrderContent(InputModel):
    """What is ordered, at whatever time.

    `up_to_fen` is what the order may cost without asking again; left out, the normal price is agreed to. With
    `is_of_age` the requester declares to be of the age that the offer asks for.
    """

    offer_id: UUID
    area_id: UUID
    resource_id: Annotated[UUID | None, Field(description="Which room or group 房间或小组")] = None
    quantity: Quantity = 1
    up_to_fen: PriceFen | None = None
    is_of_age: bool = False
    contact: ContactIn | None = None
    for_person_id: Annotated[UUID | None, Field(description="Ordered by staff for this resident 代办对象")] = None


class OrderIn(OrderContent):
    """An order: for a slot, or to be done by a time."""

    id: UUID | None = None
    slot: SlotIn | None = None
    wanted_by: Moment | None = None


class ReorderIn(InputModel):
    """The same again, at another time."""

    id: UUID | None = None
    slot: SlotIn | None = None
    wanted_by: Moment | None = None


class ConfirmIn(InputModel):
    """The price that is agreed to, which must be the one that was told."""

    price_fen: PriceFen


class AcceptIn(InputModel):
    """Taking an order; where it has no slot, until when it will be done."""

    due_at: Moment | None = None


class ReasonIn(InputModel):
    """Why not."""

    reason: PlainText


class WordIn(InputModel):
    """A word for the history."""

    note: PlainText | None = None


class DeliverIn(InputModel):
    """What was done, with pictures of it."""

    proof: PlainText
    attachment_ids: Annotated[list[UUID], Field(max_length=20, default_factory=list)]


class RateIn(InputModel):
    """How it was; a complaint is counted, and the area's officers hear of it."""

    stars: Stars
    words: PlainText | None = None
    complaint: bool = False


class OrderQuery(BaseModel):
    """What a list is narrowed to."""

    under: Annotated[UUID | None, Field(description="At or below this area 区域")] = None
    state: OrderState | None = None
    partner_id: UUID | None = None
    offer_id: UUID | None = None
    series_id: UUID | None = None
    late: Annotated[bool | None, Field(description="Only what is, or was, late 逾期")] = None
    mine: Annotated[bool, Field(description="Only my own 只看本人")] = False


class CatalogueItem(OutputModel):
    """Something to order here.

    `price_fen` is the normal price; `my_price_fen` is null while it depends on an entitlement: an order asks for it.
    """

    offer_id: UUID
    partner_id: UUID
    unit_id: UUID
    partner_name: str
    kind: OfferKind
    category: str
    title: str
    description: str
    place_text: str | None
    free: int
    is_booked_for_a_time: bool
    hours: HoursOut | None
    price_fen: int | None
    entitled_prices: list[EntitledPriceOut]
    eligibility: EligibilityOut
    my_price_fen: int | None
    valid_until: datetime | None


class OrderOut(OutputModel):
    """An order; `price_fen` is null until it is known."""

    id: UUID
    number: str
    offer_id: UUID
    partner_id: UUID
    unit_id: UUID
    title: str
    requester_id: UUID
    placed_by: str
    area_id: UUID
    area_path: str
    resource_id: UUID | None
    quantity: int
    starts_at: datetime | None
    ends_at: datetime | None
    wanted_by: datetime | None
    series_id: UUID | None
    repeats_id: UUID | None
    price_fen: int | None
    up_to_fen: int | None
    state: OrderState
    reason: str | None
    opened_at: datetime
    placed_at: datetime | None
    wait_until: datetime | None
    accepted_at: datetime | None
    due_at: datetime | None
    late_at: datetime | None
    delivered_at: datetime | None
    proof: str | None
    attachment_ids: list[UUID]
    ended_at: datetime | None
    rated_at: datetime | None
    stars: int | None
    words: str | None
    complaint: bool
    has_contact: bool
    version: int
    next_actions: list[NextActionOut]


class OrderStepOut(OutputModel):
    """One step of an order's history."""

    position: int
    step: str
    state: OrderState
    actor: str
    data: dict[str, Any]
    at: datetime


class ContactOut(OutputModel):
    """Where to come and whom to call; what was not said is null."""

    order_id: UUID
    name: str | None
    phone: str | None
    address: str | None
    note: str | None


class DisclosureOut(OutputModel):
    """Who has read a contact, when and what for."""

    id: UUID
    order_id: UUID
    purpose: str
    actor: str
    disclosed_at: datetime


class OrderRulesIn(InputModel):
    """How long things may take, in minutes; recurring orders are placed so many days ahead."""

    accept_minutes: AcceptMinutes = 1_440
    confirm_minutes: ConfirmMinutes = 1_440
    deliver_minutes: Minutes = 4_320
    answer_minutes: Minutes = 4_320
    ahead_days: Annotated[int, Field(strict=True, ge=1, le=90)] = 14


class OrderRulesOut(OutputModel):
    """How long things may take."""

    accept_minutes: int
    confirm_minutes: int
    deliver_minutes: int
    answer_minutes: int
    ahead_days: int
    version: int
