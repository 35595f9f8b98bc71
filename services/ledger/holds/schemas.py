"""Shapes of holds."""

from datetime import date, datetime
from typing import Literal
from uuid import UUID

from pydantic import AwareDatetime

from services.ledger.books.schemas import Unit
from shared.money import Fen
from shared.web import InputModel, OutputModel, ShortText

__all__ = ["HoldIn", "HoldOut", "SettleIn", "VoidIn"]


class HoldIn(InputModel):
    """What is reserved: it will go from the debited to the credited account. It expires by itself if it has a day."""

    debit_account_id: UUID
    credit_account_id: UUID
    amount_fen: Fen
    unit: Unit = "CNY"
    description: ShortText
    effective_on: date
    expires_at: AwareDatetime | None = None


class SettleIn(InputModel):
    """A part of a hold that is spent; the rest is released when it is the last one. The id makes it safe to repeat."""

    id: UUID
    amount_fen: Fen
    is_final: bool = False
    description: ShortText
    effective_on: date


class VoidIn(InputModel):
    """Why a hold is given up. The id makes it safe to repeat."""

    id: UUID
    description: ShortText
    effective_on: date


class HoldOut(OutputModel):
    """Reserved money: amount = settled + released + remaining."""

    id: UUID
    book_id: UUID
    debit_account_id: UUID
    credit_account_id: UUID
    unit: str
    amount_fen: int
    settled_fen: int
    released_fen: int
    remaining_fen: int
    state: Literal["open", "settled", "voided", "expired"]
    expires_at: datetime | None
