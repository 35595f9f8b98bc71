"""Shapes of contracts. All amounts are exact integers in fen."""

from datetime import datetime
from uuid import UUID

from services.ledger.books.schemas import Sha256
from services.ledger.contracts.rules import ContractState
from shared.money import Fen
from shared.steps import NextActionOut
from shared.web import InputModel, OutputModel, PlainText, ShortText

__all__ = ["AcceptanceIn", "ContractIn", "ContractOut"]


class ContractIn(InputModel):
    """What a supplier does under a grant, and for how much; the hash is of the signed document."""

    id: UUID | None = None
    supplier_id: UUID
    title: ShortText
    amount_fen: Fen
    document_sha256: Sha256


class AcceptanceIn(InputModel):
    """That the work is done as ordered, with the hash of its proof (photos, a signed record)."""

    proof_sha256: Sha256
    note: PlainText


class ContractOut(OutputModel):
    """A contract: held is what its money still is, invoiced what bills have come to."""

    id: UUID
    grant_id: UUID
    supplier_id: UUID
    title: str
    amount_fen: int
    held_fen: int
    invoiced_fen: int
    document_sha256: str
    state: ContractState
    signed_by: UUID
    signed_at: datetime
    approved_by: UUID | None
    accepted_by: UUID | None
    accepted_at: datetime | None
    acceptance_sha256: str | None
    acceptance_note: str | None
    version: int
    next_actions: list[NextActionOut]
