"""Shapes of holds and of goods on their way."""

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from services.matching.holds.rules import HoldState, HoldWhat, Side, TransferState
from services.matching.offers.schemas import Moment, Quantity
from services.matching.record.rules import Fulfilment
from shared.steps import NextActionOut
from shared.web import InputModel, OutputModel, PlainText

__all__ = [
    "Attachments",
    "ConfirmIn",
    "Day",
    "DispatchIn",
    "EndIn",
    "EndTransferIn",
    "HoldIn",
    "HoldOut",
    "HoldStepOut",
    "TransferOut",
]

Day = Annotated[date, Field(ge=date(2000, 1, 1), le=date(2199, 12, 31))]
Attachments = Annotated[list[UUID], Field(max_length=20)]


class HoldIn(InputModel):
    """What somebody wants: some of a stock; a time in a room or of a group; or a share of a day."""

    id: UUID | None = None
    quantity: Quantity = 1
    resource_id: Annotated[UUID | None, Field(description="The room or group, with the time 房间或小组")] = None
    starts_at: Moment | None = None
    ends_at: Moment | None = None
    day: Annotated[Day | None, Field(description="Of an offer with a capacity a day 按日预约")] = None
    unit_id: Annotated[UUID | None, Field(description="The unit that takes it, if not the caller 使用单位")] = None
    expires_at: Annotated[Moment | None, Field(description="Two days from now if left out 到期时间")] = None


class ConfirmIn(InputModel):
    """Which side agrees."""

    side: Side


class EndIn(InputModel):
    """Why it is given up."""

    reason: PlainText | None = None


class DispatchIn(InputModel):
    """How much is sent, and what proves it."""

    id: UUID | None = None
    quantity: Quantity
    proof: PlainText
    attachment_ids: Attachments = Field(default_factory=list)


class EndTransferIn(InputModel):
    """What became of it, and what proves it."""

    outcome: Literal["receive", "turn_back"]
    proof: PlainText
    attachment_ids: Attachments = Field(default_factory=list)


class TransferOut(OutputModel):
    """Some of what was claimed, on its way."""

    id: UUID
    hold_id: UUID
    quantity: int
    state: TransferState
    dispatch_proof: str
    dispatch_attachment_ids: list[UUID]
    end_proof: str | None
    end_attachment_ids: list[UUID]
    dispatched_at: datetime
    ended_at: datetime | None
    version: int


class HoldOut(OutputModel):
    """Something scarce that somebody has asked for. Of goods, moving and received tell where the claimed ones are."""

    id: UUID
    offer_id: UUID
    what: HoldWhat
    quantity: int
    resource_id: UUID | None
    starts_at: datetime | None
    ends_at: datetime | None
    day: date | None
    state: HoldState
    for_kind: str
    for_id: UUID | None
    taker_unit_id: UUID | None
    giver_confirmed_at: datetime | None
    taker_confirmed_at: datetime | None
    expires_at: datetime
    moving: int
    received: int
    reason: str | None
    outcome: Fulfilment | None
    created_at: datetime
    resolved_at: datetime | None
    released_at: datetime | None
    version: int
    next_actions: list[NextActionOut]


class HoldStepOut(OutputModel):
    """One step of a hold's history."""

    position: int
    step: str
    actor: str
    data: dict[str, Any]
    at: datetime
