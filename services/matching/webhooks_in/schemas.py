"""Shapes of what is told about messages."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from services.matching.webhook_secrets.rules import Mode
from services.matching.webhooks_in.rules import DeliveryState, Fate
from shared.web import OutputModel

__all__ = ["ComplaintOut", "DeliveryOut", "LineOut", "ReceiptOut", "ReportOut"]


class ReceiptOut(OutputModel):
    """A message is kept; what becomes of its lines is read at `report_url`."""

    delivery_id: UUID
    mode: Mode
    report_url: Annotated[
        str,
        Field(description="GET it signed: webhook-id is the delivery_id, the body is empty 签名后读取回执"),
    ]


class DeliveryOut(OutputModel):
    """A message and the fates of its lines, counted. They are all there when its state is `done`."""

    id: UUID
    partner_id: UUID
    mode: Mode
    message_id: str
    secret_id: UUID
    state: DeliveryState
    items: int
    created: int
    updated: int
    unchanged: int
    outdated: int
    refused: int
    received_at: datetime
    done_at: datetime | None


class ComplaintOut(OutputModel):
    """One thing that is wrong with one place of the message."""

    pointer: Annotated[str, Field(description="RFC 6901, from the root of the message 出错位置")]
    code: str
    detail_zh: str
    detail_en: str
    extra: dict[str, Any]


class LineOut(OutputModel):
    """What became of one item; `position` counts from 0."""

    position: int
    action: str | None
    external_id: str | None
    external_version: int | None
    fate: Fate
    offer_id: UUID | None
    complaints: list[ComplaintOut]
    understood: Annotated[
        dict[str, Any] | None, Field(description="In the sandbox: the offer as it was understood 沙箱中的理解结果")
    ]


class ReportOut(DeliveryOut):
    """A message and what became of each line that has been worked off, in their order."""

    lines: list[LineOut]
