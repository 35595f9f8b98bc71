"""Shapes of reversals and refunds."""

from datetime import date
from typing import Annotated
from uuid import UUID

from pydantic import Field

from shared.money import Fen
from shared.web import InputModel, ShortText

__all__ = ["RefundIn", "ReversalIn"]


class ReversalIn(InputModel):
    """Why a transaction is taken back, and on which day; the day is not before the original's and in an open period."""

    id: UUID
    reason: ShortText
    effective_on: date


class RefundIn(ReversalIn):
    """A part that goes back: from the accounts that the original reached to those from which it came."""

    parts: Annotated[
        list[Fen], Field(min_length=1, max_length=100, description="For each posting of the original, in its order.")
    ]
