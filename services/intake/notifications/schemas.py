"""Shapes of notifications."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, model_validator

from services.intake.notifications.rules import Channel, ReceiptState
from shared.web import InputModel, OutputModel

__all__ = ["NotificationOut", "ReadIn", "ReadOut", "ReceiptOut", "UnreadOut"]


class ReadIn(InputModel):
    """Which ones were read: some, or everything up to one."""

    ids: Annotated[list[UUID], Field(min_length=1, max_length=200)] | None = None
    up_to: UUID | None = None

    @model_validator(mode="after")
    def _one_of_two(self) -> "ReadIn":
        if (self.ids is None) == (self.up_to is None):
            message = "either ids or up_to"
            raise ValueError(message)
        return self


class NotificationOut(OutputModel):
    """A line of the inbox."""

    id: UUID
    kind: str
    text_zh: str
    text_en: str
    case_id: UUID | None
    audience: Literal["person", "unit", "role"]
    urgent: bool
    read: bool
    created_at: datetime


class UnreadOut(OutputModel):
    """How many wait to be read; counted up to a hundred."""

    unread: int


class ReadOut(OutputModel):
    """How many were marked as read by this request."""

    marked: int


class ReceiptOut(OutputModel):
    """Who was told what by which channel, and what became of it."""

    notification_id: UUID
    kind: str
    told: str
    person_id: UUID | None
    channel: Channel
    state: ReceiptState
    detail: str | None
    at: datetime
