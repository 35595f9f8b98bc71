"""Shapes of offers and claims."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import AwareDatetime, Field

from services.intake.claims.rules import ClaimState, OfferState
from shared.money import MAX_FEN
from shared.web import InputModel, OutputModel, PlainText

__all__ = ["ChooseIn", "ClaimIn", "ClaimOut", "ClaimsOut", "HelperIn", "HelperOut", "OfferIn", "OfferOut"]

Cost = Annotated[int, Field(strict=True, ge=0, le=MAX_FEN, description="Expected cost in fen 预计费用（分）")]


class ClaimIn(InputModel):
    """Which of the caller's units takes the case, and until when."""

    unit_id: UUID
    due_at: AwareDatetime
    note: PlainText | None = None


class OfferIn(InputModel):
    """Which of the caller's units would take the case, until when, and at what cost."""

    unit_id: UUID
    due_at: AwareDatetime
    cost_fen: Cost | None = None
    note: PlainText | None = None


class HelperIn(InputModel):
    """A unit that helps, and with what."""

    unit_id: UUID
    task: PlainText | None = None


class ChooseIn(InputModel):
    """The offer that is chosen, and who helps."""

    offer_id: UUID
    helpers: Annotated[list[HelperIn], Field(max_length=20)] = Field(default_factory=list)
    note: PlainText | None = None


class OfferOut(OutputModel):
    """What a unit would do."""

    id: UUID
    unit_id: UUID
    unit_name: str
    due_at: datetime
    cost_fen: int | None
    note: str | None
    state: OfferState
    made_at: datetime


class HelperOut(OutputModel):
    """A unit that helps."""

    unit_id: UUID
    unit_name: str
    task: str | None


class ClaimOut(OutputModel):
    """A unit that holds, or held, the case; the lease is renewed by progress, and stands still with the clock.

    `lease_left_s` counts working seconds while it stands still; `overdue_at` is when `due_at` passed without a result.
    """

    id: UUID
    unit_id: UUID
    due_at: datetime
    cost_fen: int | None
    lease_until: datetime
    renewals: int
    state: ClaimState
    started_at: datetime
    ended_at: datetime | None
    lease_left_s: int | None
    overdue_at: datetime | None
    helpers: list[HelperOut]


class ClaimsOut(OutputModel):
    """Offers and claims of a case, the first ones first."""

    offers: list[OfferOut]
    claims: list[ClaimOut]
