"""Shapes of needs."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from services.matching.needs.rules import NeedState
from services.matching.offers.schemas import CategoryCode, Quantity
from shared.steps import NextActionOut
from shared.web import InputModel, OutputModel, PlainText, ShortText

__all__ = ["NeedIn", "NeedOut", "WithdrawIn"]


Latitude = Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False)]
Longitude = Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)]


class NeedIn(InputModel):
    """A line for the demand list. The summary is public: no names, no phone numbers."""

    id: UUID | None = None
    case_id: UUID | None = None
    category: CategoryCode
    summary: ShortText
    area_id: UUID
    latitude: Latitude | None = None
    longitude: Longitude | None = None
    quantity: Quantity = 1
    urgent: bool = False


class WithdrawIn(InputModel):
    """Why it is not needed any more."""

    reason: PlainText


class NeedOut(OutputModel):
    """A line of the demand list; `no_match_reason` says why nothing suits, as of the last look.

    The case, the point and the reason of a withdrawal are for the staff of the area and the units at work on it; to
    others they are null.
    """

    id: UUID
    case_id: UUID | None
    category: str
    summary: str
    area_id: UUID
    area_path: str
    latitude: float | None
    longitude: float | None
    quantity: int
    urgent: bool
    state: NeedState
    no_match_reason: str | None
    withdrawn_reason: str | None
    opened_at: datetime
    version: int
    next_actions: list[NextActionOut]
