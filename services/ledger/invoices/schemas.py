"""Shapes of invoices."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from shared.money import Fen
from shared.web import InputModel, OutputModel, ShortText

__all__ = ["InvoiceIn", "InvoiceOut"]


class InvoiceIn(InputModel):
    """A supplier's bill; the hash is of the scanned document.

    A bill under a contract names it, and its supplier is the contract's; a small one without says who it is from.
    """

    id: UUID | None = None
    contract_id: UUID | None = None
    supplier: ShortText
    number: ShortText
    document_sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    amount_fen: Fen


class InvoiceOut(OutputModel):
    """An invoice as it stands."""

    id: UUID
    grant_id: UUID
    contract_id: UUID | None
    supplier_id: UUID | None
    supplier: str
    number: str
    document_sha256: str
    amount_fen: int
    state: Literal["received", "approved", "paid"]
    received_by: UUID
    approved_by: UUID | None
    received_at: datetime
    payment_id: UUID | None
    paid_at: datetime | None
    version: int
