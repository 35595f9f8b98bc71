"""Shapes of campaigns. All amounts are exact integers in fen."""

from datetime import date, datetime
from typing import Literal
from uuid import UUID

from pydantic import AwareDatetime, model_validator

from services.ledger.campaigns.rules import CampaignState
from services.ledger.funds.schemas import Category, GiverKind
from shared.money import Fen
from shared.steps import NextActionOut
from shared.web import InputModel, OutputModel, PlainText, ShortText

__all__ = [
    "AnswerIn",
    "CampaignIn",
    "CampaignOut",
    "CancelIn",
    "ChangeIn",
    "ChangeOut",
    "GiftIn",
    "GiftOut",
    "MatchIn",
]


class MatchIn(InputModel):
    """What the fund adds when enough was raised; as many approve it as the charter asks for the amount."""

    unlock_fen: Fen
    share_fen: Fen


class CampaignIn(InputModel):
    """A new campaign. Below `min_fen` (the goal, if not said) everybody gets theirs back after the deadline.

    `excess` says what becomes of gifts beyond the goal: refused, or for the fund itself.
    """

    id: UUID | None = None
    title: ShortText
    category: Category
    goal_fen: Fen
    min_fen: Fen | None = None
    deadline: AwareDatetime
    giver_cap_fen: Fen | None = None
    excess: Literal["refuse", "to_fund"] = "refuse"
    match: MatchIn | None = None


class GiftIn(InputModel):
    """What somebody promises, or has given if `received`."""

    id: UUID | None = None
    giver_kind: GiverKind
    giver_id: UUID
    amount_fen: Fen
    received: bool = False
    due_on: date | None = None


class CancelIn(InputModel):
    """Why a campaign is given up."""

    reason: PlainText


class ChangeIn(InputModel):
    """Another goal, another day, or both, and why."""

    id: UUID | None = None
    goal_fen: Fen | None = None
    deadline: AwareDatetime | None = None
    reason: PlainText

    @model_validator(mode="after")
    def _changes_something(self) -> "ChangeIn":
        if self.goal_fen is None and self.deadline is None:
            message = "a change changes the goal or the deadline"
            raise ValueError(message)
        return self


class AnswerIn(InputModel):
    """What a giver says to a change: stay, or take the gift back."""

    giver_id: UUID
    answer: Literal["consent", "leave"]


class GiftOut(OutputModel):
    """A gift."""

    id: UUID
    campaign_id: UUID
    giver_kind: GiverKind
    giver_id: UUID
    amount_fen: int
    due_on: date | None
    pledged_at: datetime
    received_at: datetime | None
    transaction_id: UUID | None
    refunded_at: datetime | None
    refund_id: UUID | None
    version: int


class CampaignOut(OutputModel):
    """A campaign: what was raised, what is promised besides, and what is missing to the goal."""

    id: UUID
    fund_id: UUID
    title: str
    category: str
    goal_fen: int
    min_fen: int
    deadline: datetime
    giver_cap_fen: int | None
    excess: str
    unlock_fen: int | None
    share_fen: int | None
    hold_id: UUID | None
    account_id: UUID
    result_account_id: UUID
    raised_fen: int
    pledged_fen: int
    missing_fen: int
    givers: int
    state: CampaignState
    because: str | None
    opened_at: datetime
    settled_at: datetime | None
    refunded_at: datetime | None
    open_change_id: UUID | None
    version: int
    next_actions: list[NextActionOut]


class ChangeOut(OutputModel):
    """A change and how far the asking has come: who has consented or left, of how many."""

    id: UUID
    campaign_id: UUID
    goal_fen: int | None
    deadline: datetime | None
    reason: str
    asked_at: datetime
    outcome: Literal["accepted", "withdrawn"] | None
    decided_at: datetime | None
    answered: int
    asked: int
