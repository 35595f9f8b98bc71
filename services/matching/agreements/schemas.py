"""Shapes of agreements."""

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from services.matching.agreements.rules import AgreementState, Party, ServiceState
from services.matching.holds.schemas import Attachments, Day
from services.matching.offers.schemas import Moment
from shared.steps import NextActionOut
from shared.web import InputModel, OutputModel, PlainText, ShortText

__all__ = [
    "AgreeIn",
    "AgreementIn",
    "AgreementOut",
    "AgreementStepOut",
    "BalanceOut",
    "BookIn",
    "DecideServiceIn",
    "ServiceIn",
    "ServiceOut",
    "TerminateIn",
]

Minutes = Annotated[int, Field(strict=True, ge=1, le=24 * 60)]


class AgreementIn(InputModel):
    """Use of a room by a unit, against so many minutes of service for an hour of it."""

    id: UUID | None = None
    offer_id: UUID
    resource_id: UUID
    guest_unit_id: UUID
    title: ShortText
    service: Annotated[PlainText, Field(description="What is promised 承诺的服务")]
    starts_on: Day
    ends_on: Day
    service_min_per_room_hour: Annotated[int, Field(strict=True, ge=1, le=600)]
    room_minutes_max: Annotated[int, Field(strict=True, ge=1, le=1_000_000)]


class AgreeIn(InputModel):
    """Which side agrees."""

    party: Party


class TerminateIn(InputModel):
    """Why it ends before its time."""

    reason: PlainText


class BookIn(InputModel):
    """When the room is used; the agreement is the consent of both sides."""

    id: UUID | None = None
    starts_at: Moment
    ends_at: Moment


class ServiceIn(InputModel):
    """What was served."""

    id: UUID | None = None
    served_on: Day
    minutes: Minutes
    description: PlainText
    attachment_ids: Attachments = Field(default_factory=list)


class DecideServiceIn(InputModel):
    """Whether it counts; refusing takes a reason."""

    decision: Literal["confirm", "refuse"]
    reason: PlainText | None = None


class BalanceOut(OutputModel):
    """Both sides in minutes; a balance below zero is a debt of service."""

    room_used_min: int
    room_booked_min: int
    service_owed_min: int
    service_done_min: int
    service_waiting_min: int
    balance_min: int


class AgreementOut(OutputModel):
    """An agreement with its figures as of now."""

    id: UUID
    offer_id: UUID
    resource_id: UUID
    guest_unit_id: UUID
    title: str
    service: str
    starts_on: date
    ends_on: date
    service_min_per_room_hour: int
    room_minutes_max: int
    state: AgreementState
    host_agreed_at: datetime | None
    guest_agreed_at: datetime | None
    reason: str | None
    proposed_at: datetime
    terminated_at: datetime | None
    version: int
    figures: BalanceOut
    next_actions: list[NextActionOut]


class ServiceOut(OutputModel):
    """Service that was given; it counts once it is confirmed."""

    id: UUID
    agreement_id: UUID
    served_on: date
    minutes: int
    description: str
    attachment_ids: list[UUID]
    state: ServiceState
    reason: str | None
    recorded_at: datetime
    decided_at: datetime | None
    version: int


class AgreementStepOut(OutputModel):
    """One step of an agreement's history."""

    position: int
    step: str
    actor: str
    data: dict[str, Any]
    at: datetime
