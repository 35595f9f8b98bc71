"""Shapes of recurring orders."""

from datetime import date, datetime
from typing import Annotated, Final
from uuid import UUID

from pydantic import BaseModel, Field

from services.matching.offers.schemas import ClockTime, RuleText
from services.matching.order_series.rules import OccurrenceState, SeriesState
from services.matching.orders.schemas import OrderContent
from shared.steps import NextActionOut
from shared.web import InputModel, OutputModel

__all__ = ["OccurrenceOut", "SeriesIn", "SeriesOut", "SeriesQuery", "SkipIn"]

_FIRST: Final = date(2000, 1, 1)
_LAST: Final = date(2199, 12, 31)
Day = Annotated[date, Field(ge=_FIRST, le=_LAST)]
LastsMinutes = Annotated[int, Field(strict=True, ge=5, le=24 * 60)]


class SeriesIn(OrderContent):
    """An order that recurs on the days of a rule from a day on, at a time of the day by the clocks of China.

    `skip_on` are days that are left out; with `without_holidays` so are public holidays.
    """

    id: UUID | None = None
    rrule: RuleText
    starts_on: Day
    starts_at: ClockTime
    lasts_minutes: LastsMinutes
    skip_on: Annotated[list[Day], Field(max_length=366, default_factory=list)]
    without_holidays: bool = False


class SkipIn(InputModel):
    """A day to leave out; an order that is there for it is cancelled."""

    day: Day


class SeriesQuery(BaseModel):
    """What a list is narrowed to."""

    state: SeriesState | None = None
    offer_id: UUID | None = None
    mine: Annotated[bool, Field(description="Only my own 只看本人")] = False


class SeriesOut(OutputModel):
    """A recurring order; its days up to `planned_through` have been dealt with."""

    id: UUID
    number: str
    title: str
    offer_id: UUID
    requester_id: UUID
    placed_by: str
    area_id: UUID
    area_path: str
    resource_id: UUID | None
    quantity: int
    up_to_fen: int | None
    rrule: str
    starts_on: date
    starts_at: str
    lasts_minutes: int
    skip_on: list[date]
    without_holidays: bool
    planned_through: date
    state: SeriesState
    made_at: datetime
    version: int
    next_actions: list[NextActionOut]


class OccurrenceOut(OutputModel):
    """One day of a recurring order: its order, or why there is none."""

    day: date
    state: OccurrenceState
    order_id: UUID | None
    reason: str | None
    at: datetime
