"""Shapes of series."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from services.matching.holds.schemas import Day, HoldOut
from services.matching.offers.schemas import OpeningIn, OpeningOut, Quantity
from shared.web import InputModel, OutputModel, ShortText

__all__ = ["PartOut", "SeriesIn", "SeriesOut"]


class PartIn(InputModel):
    """What is taken each time: a room or a group for the time, a share of the day, or once some of a stock."""

    offer_id: UUID
    resource_id: UUID | None = None
    quantity: Quantity = 1


class SeriesIn(InputModel):
    """One schedule for several offers, all together or not at all."""

    id: UUID | None = None
    title: ShortText
    opening: Annotated[OpeningIn, Field(description="When it takes place 时间")]
    until: Annotated[Day, Field(description="The last day 截止日期")]
    unit_id: Annotated[UUID | None, Field(description="The unit that takes it, if not the caller 使用单位")] = None
    parts: Annotated[list[PartIn], Field(min_length=1, max_length=10)]


class PartOut(OutputModel):
    """What is taken each time."""

    offer_id: UUID
    resource_id: UUID | None
    quantity: int


class SeriesOut(OutputModel):
    """A series with everything that it holds."""

    id: UUID
    title: str
    opening: OpeningOut
    until: date
    parts: list[PartOut]
    created_at: datetime
    version: int
    holds: list[HoldOut]
