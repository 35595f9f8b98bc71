"""Shapes of funds. All amounts are exact integers in fen."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, model_validator

from shared.money import Fen
from shared.web import InputModel, OutputModel, ShortText

__all__ = ["CharterIn", "CharterOut", "ContributionIn", "ContributionOut", "FundIn", "FundOut", "StatementOut"]

GiverKind = Literal["unit", "person", "household"]
Part = Annotated[int, Field(strict=True, ge=1, le=1_000_000)]
Category = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]


class TierIn(InputModel):
    """Up to this amount, this many approvals by different people, k of n if `voters` says how many there are.

    Without `voters` one refusal refuses; with it, so many that the approvals cannot be reached any more.
    """

    up_to_fen: Fen
    approvals: Annotated[int, Field(strict=True, ge=1, le=20)]
    voters: Annotated[int, Field(strict=True, ge=1, le=100)] | None = None

    @model_validator(mode="after")
    def _enough_voters(self) -> "TierIn":
        if self.voters is not None and self.voters < self.approvals:
            message = "there are at least as many voters as approvals"
            raise ValueError(message)
        return self


class CharterIn(InputModel):
    """The rules of a fund. The fund's share x den may not exceed the raised money x num."""

    giver_kinds: Annotated[list[GiverKind], Field(min_length=1, max_length=3)]
    categories: Annotated[list[Category], Field(min_length=1, max_length=100)]
    match_num: Part | None = None
    match_den: Part | None = None
    cap_fen: Fen | None = None
    household_cap_fen: Fen | None = None
    tiers: Annotated[list[TierIn], Field(min_length=1, max_length=10)]
    quorum: Annotated[int, Field(strict=True, ge=1, le=100)] = 1
    needs_review: bool = False

    @model_validator(mode="after")
    def _ratio_is_whole(self) -> "CharterIn":
        if (self.match_num is None) != (self.match_den is None):
            message = "a ratio has both match_num and match_den"
            raise ValueError(message)
        return self


class FundIn(InputModel):
    """A new fund with its charter; its book and accounts are opened with it."""

    id: UUID | None = None
    name: ShortText
    area_id: UUID
    charter: CharterIn


class TierOut(OutputModel):
    """Up to this amount, this many approvals."""

    up_to_fen: int
    approvals: int
    voters: int | None


class CharterOut(OutputModel):
    """The rules of a fund."""

    giver_kinds: list[str]
    categories: list[str]
    match_num: int | None
    match_den: int | None
    cap_fen: int | None
    household_cap_fen: int | None
    tiers: list[TierOut]
    quorum: int
    needs_review: bool


class FundOut(OutputModel):
    """A fund with what it has: the balance, what of it is held, and what is free."""

    id: UUID
    name: str
    area_id: UUID
    area_path: str
    book_id: UUID
    charter: CharterOut
    balance_fen: int
    held_fen: int
    available_fen: int
    opened_at: datetime
    version: int


class ContributionIn(InputModel):
    """What a unit or a person promises, or has given if `received`.

    Money has an `amount_fen`, may be for one purpose (`restricted_to`, a category of the charter) and until a day
    (`spend_by`). What is given in kind, or as volunteer hours, has a `quantity` in whole pieces or hours and a
    description, with or without a value in fen.
    """

    id: UUID | None = None
    kind: Literal["money", "in_kind", "hours"] = "money"
    giver_kind: Literal["unit", "person"]
    giver_id: UUID
    amount_fen: Fen | None = None
    quantity: Annotated[int, Field(strict=True, ge=1, le=1_000_000_000)] | None = None
    description: ShortText | None = None
    received: bool = False
    due_on: date | None = None
    restricted_to: Category | None = None
    spend_by: date | None = None

    @model_validator(mode="after")
    def _whole(self) -> "ContributionIn":
        if self.kind == "money" and (self.amount_fen is None or self.quantity is not None):
            message = "money has an amount_fen and no quantity"
            raise ValueError(message)
        if self.kind != "money" and (self.quantity is None or self.description is None):
            message = "what is given in kind or as hours has a quantity and a description"
            raise ValueError(message)
        if self.kind != "money" and (self.restricted_to or self.spend_by):
            message = "only money is restricted"
            raise ValueError(message)
        return self


class ContributionOut(OutputModel):
    """A contribution; `in_arrears` when it is due and has not arrived, `withdrawn_at` when it is not owed any more."""

    id: UUID
    fund_id: UUID
    grant_id: UUID | None
    kind: Literal["money", "in_kind", "hours"]
    giver_kind: GiverKind
    giver_id: UUID
    amount_fen: int | None
    quantity: int | None
    description: str | None
    due_on: date | None
    restricted_to: str | None
    spend_by: date | None
    pledged_at: datetime
    received_at: datetime | None
    withdrawn_at: datetime | None
    in_arrears: bool
    transaction_id: UUID | None
    version: int


class StatementOut(OutputModel):
    """Where the fund's money came from and went to, computed from the postings; opening + in - out = closing."""

    fund_id: UUID
    opening_fen: int
    contributions_fen: int
    returned_fen: int
    granted_fen: int
    closing_fen: int
    held_fen: int
    spent_fen: int
    restricted_fen: int
    bank_fen: int
    in_kind_fen: int
    volunteer_hours: int
    as_of: datetime
