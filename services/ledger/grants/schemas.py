"""Shapes of grants. All amounts are exact integers in fen."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from services.ledger.funds.schemas import Category
from services.ledger.grants.rules import GrantState
from shared.money import MAX_FEN, Fen
from shared.steps import NextActionOut
from shared.web import InputModel, OutputModel, PlainText, ShortText

__all__ = [
    "GrantIn",
    "GrantOut",
    "GrantSummary",
    "OwnMoneyIn",
    "ReasonIn",
    "ReviewIn",
    "ReviewOut",
    "SourceOut",
    "VoteIn",
    "VoteOut",
]


class GrantIn(InputModel):
    """An application: `own_fen` of `total_fen` is raised by the households, the fund is asked for the rest."""

    id: UUID | None = None
    fund_id: UUID
    project_id: UUID | None = None
    category: Category
    purpose: ShortText
    total_fen: Fen
    own_fen: Annotated[int, Field(strict=True, ge=0, le=MAX_FEN)] = 0


class VoteIn(InputModel):
    """A word to the vote."""

    reason: PlainText | None = None


class ReasonIn(InputModel):
    """Why."""

    reason: PlainText


class ReviewIn(InputModel):
    """What a reviewer found. A conflict of interest is declared here as well, and is then no review."""

    opinion: Literal["recommend", "advise_against", "conflict"]
    note: PlainText


class OwnMoneyIn(InputModel):
    """What a household has paid in."""

    id: UUID | None = None
    household_id: UUID
    amount_fen: Fen


class VoteOut(OutputModel):
    """What one person said."""

    person_id: UUID
    vote: Literal["approve", "refuse", "recuse"]
    reason: str | None
    voted_at: datetime


class ReviewOut(OutputModel):
    """What one reviewer found."""

    reviewer_id: UUID
    opinion: Literal["recommend", "advise_against", "conflict"]
    note: str
    reviewed_at: datetime


class SourceOut(OutputModel):
    """Where a part of the fund's share comes from, and the hold on it."""

    from_account: UUID
    to_account: UUID
    hold_id: UUID
    amount_fen: int


class GrantSummary(OutputModel):
    """A line of a list."""

    id: UUID
    fund_id: UUID
    project_id: UUID | None
    request_id: UUID | None
    applicant_id: UUID
    category: str
    purpose: str
    total_fen: int
    own_fen: int
    asked_fen: int
    approvals_needed: int
    voters: int | None
    quorum: int
    state: GrantState
    reason: str | None
    hold_id: UUID | None
    submitted_at: datetime
    decided_at: datetime | None
    back_to_fund_fen: int | None
    back_to_households_fen: int | None
    version: int


class GrantOut(GrantSummary):
    """A grant whole: votes, own money, and whether it unlocks the fund's share."""

    reviews: list[ReviewOut]
    votes: list[VoteOut]
    sources: list[SourceOut]
    raised_fen: int
    match_unlocked: bool
    available_fen: int
    next_actions: list[NextActionOut]
