"""Shapes of the open books. Nothing here is about a person."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from services.ledger.periods.schemas import StatementSummary
from services.ledger.proofs.schemas import CosignatureOut, HeadOut, LineOut
from shared.web import OutputModel

__all__ = ["BookExport", "OpenAccountOut", "OpenBookOut", "OpenBookSummary"]


class OpenBookSummary(OutputModel):
    """An open book in a list."""

    id: UUID
    name: str
    kind: str
    area_id: UUID
    area_path: str
    closed_through: date | None
    opened_at: datetime


class OpenAccountOut(OutputModel):
    """An account with its balance on its own side, in the smallest part of its unit; what is held is promised."""

    id: UUID
    code: str
    name: str
    account_class: str
    unit: str
    purpose: str | None
    spend_by: date | None
    balance_fen: int
    held_fen: int


class OpenBookOut(OpenBookSummary):
    """An open book whole: charter (of a fund), balances, the newest statement, and the newest signed head."""

    charter: dict[str, Any] | None
    accounts: list[OpenAccountOut]
    latest_statement: StatementSummary | None
    head: HeadOut | None


class BookExport(OutputModel):
    """A whole book up to a signed head, for the stand-alone verifier."""

    format: str
    tenant: str
    book_id: UUID
    name: str
    kind: str
    accounts: list[dict[str, str]]
    public_keys: list[str]
    note: str
    cosignatures: list[CosignatureOut]
    statements: list[dict[str, Any]]
    lines: list[LineOut]
