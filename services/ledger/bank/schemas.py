"""Shapes of bank reconciliation. All amounts are exact integers in fen; what came in is positive."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from shared.web import InputModel, OutputModel, PlainText

__all__ = [
    "BankLineOut",
    "BookAsIn",
    "BulkMatchIn",
    "BulkMatchOut",
    "ClearingOut",
    "ImportOut",
    "MatchIn",
    "PostingRef",
    "ProposalOut",
    "ReasonIn",
    "ReconciliationOut",
]


class LineReportOut(OutputModel):
    """What became of one line of the file."""

    line: int
    result: Literal["ok", "duplicate", "refused"]
    code: str | None
    detail: str | None


class ImportOut(OutputModel):
    """What became of a file; `balance_breaks_at` is the first line whose balance does not follow, if any."""

    added: int
    duplicates: int
    refused: int
    balance_breaks_at: int | None
    lines: list[LineReportOut]


class PostingRef(InputModel):
    """A posting."""

    transaction_id: UUID
    leg: Annotated[int, Field(strict=True, ge=1, le=5_000)] = 1


class MatchIn(InputModel):
    """The postings that a line tells of."""

    postings: Annotated[list[PostingRef], Field(min_length=1, max_length=50)]


class ReasonIn(InputModel):
    """Why."""

    reason: PlainText


class BookAsIn(InputModel):
    """What only the bank knew."""

    kind: Literal["interest", "fee"]


class BulkMatchIn(InputModel):
    """Match whatever can only be one."""

    account_id: UUID


class BulkMatchOut(OutputModel):
    """How many lines were matched, and how many are left."""

    matched: int
    unmatched: int


class MatchedOut(OutputModel):
    """A posting that a line tells of."""

    transaction_id: UUID
    leg: int


class DecisionOut(OutputModel):
    """What was decided about a line, and about which postings; a match that was taken back still stands here."""

    action: Literal["match", "unmatch", "ignore", "book"]
    reason: str | None
    postings: list[MatchedOut]
    actor: str
    at: datetime


class BankLineOut(OutputModel):
    """A line of the bank; the counterparty is masked, its name is not kept."""

    id: UUID
    book_id: UUID
    account_id: UUID
    booked_on: date
    amount_fen: int
    description: str
    counterparty: str | None
    reference: str | None
    balance_fen: int | None
    state: Literal["unmatched", "matched", "ignored"]
    postings: list[MatchedOut]
    decisions: list[DecisionOut]
    imported_at: datetime
    version: int


class CandidateOut(OutputModel):
    """A posting of a proposal."""

    transaction_id: UUID
    leg: int
    amount_fen: int
    effective_on: date
    description: str


class ProposalOut(OutputModel):
    """Postings that together may be what a line tells of, and why."""

    postings: list[CandidateOut]
    score: int
    reasons: list[str]


class ReconciliationOut(OutputModel):
    """The bank beside the book, as both stood at the end of a day.

    Opening + ledger - unmatched postings + unmatched lines + ignored lines + unexplained = bank, to the fen. The
    opening is what the bank held before the first line that was imported; what is unexplained has moved in the bank and
    is no line here. A match whose other half is of a later day counts as unmatched on both sides until then.
    """

    account_id: UUID
    on: date
    ledger_balance_fen: int
    bank_opening_fen: int | None
    bank_balance_fen: int | None
    unmatched_lines: int
    unmatched_lines_fen: int
    unmatched_postings: int
    unmatched_postings_fen: int
    ignored_lines: int
    ignored_lines_fen: int
    unexplained_fen: int | None


class ClearingOut(OutputModel):
    """A clearing account that is not zero: since when, and how old what is left is."""

    account_id: UUID
    code: str
    name: str
    balance_fen: int
    oldest_on: date
    age_days: int
    days_0_to_7_fen: int
    days_8_to_30_fen: int
    days_31_and_more_fen: int
