"""Shapes of periods and statements."""

from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

from services.ledger.proofs.schemas import HeadOut
from shared.web import InputModel, OutputModel, PlainText

__all__ = ["PeriodIn", "PeriodOut", "ReopenIn", "StatementOut", "StatementSummary"]


class PeriodIn(InputModel):
    """A new period of a book: from the first to the last day, both included. It begins where the last one ends."""

    id: UUID | None = None
    first_on: date
    last_on: date


class ReopenIn(InputModel):
    """Why a closed period is opened again; everybody can read it in the next version of its statement."""

    reason: PlainText


class PeriodOut(OutputModel):
    """A period."""

    id: UUID
    book_id: UUID
    first_on: date
    last_on: date
    state: Literal["open", "closed"]
    closed_at: datetime | None
    version: int


class StatementSummary(OutputModel):
    """A line of the list of statements; `tree_size` is that of the signed head that covers it."""

    id: UUID
    period_id: UUID
    book_id: UUID
    number: int
    sha256: str
    reason: str | None
    made_at: datetime
    tree_size: int | None
    published_at: datetime | None


class StatementOut(StatementSummary):
    """A statement whole: the document, whose canonical bytes have the hash `sha256`, and the head that covers it."""

    document: dict[str, Any]
    head: HeadOut | None
