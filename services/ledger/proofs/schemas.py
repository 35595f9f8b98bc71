"""Shapes of proofs. Hashes and signatures are hexadecimal, but for the note, which is C2SP signed-note text."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from shared.web import InputModel, OutputModel, ShortText

__all__ = [
    "ConsistencyOut",
    "CosignatureIn",
    "CosignatureOut",
    "HeadOut",
    "InclusionOut",
    "LineOut",
    "WitnessIn",
    "WitnessOut",
]


class LineOut(OutputModel):
    """One posting as everybody may see it: exactly what is hashed, in the order in which it is hashed."""

    index: int
    transaction_id: UUID
    leg: int
    kind: str
    debit_account_id: UUID
    credit_account_id: UUID
    unit: str
    amount_fen: int
    debit_sequence: int
    debit_after_fen: int
    credit_sequence: int
    credit_after_fen: int
    description: str
    effective_on: date
    actor_sha256: str
    written_at: str
    hold_id: UUID | None
    original_id: UUID | None
    document_sha256: str | None


class CosignatureOut(OutputModel):
    """Who else has signed a head, and when they say they saw it."""

    witness: str
    title: str
    public_key: str
    line: str
    signed_at: datetime


class HeadOut(OutputModel):
    """A signed head: keep the note, and nobody can rewrite what it covers without you seeing it."""

    book_id: UUID
    tree_size: int
    root: str
    sealed_at: datetime
    note: str
    public_keys: list[str]
    cosignatures: list[CosignatureOut]


class InclusionOut(OutputModel):
    """That a posting is in the book: its line, and the hashes that lead from it to the head's root."""

    format: str
    tenant: str
    book_id: UUID
    line: LineOut
    leaf_hash: str
    tree_size: int
    hashes: list[str]
    note: str
    public_keys: list[str]


class ConsistencyOut(OutputModel):
    """That a newer head only adds to an older one."""

    format: str
    book_id: UUID
    first_note: str
    second_note: str
    hashes: list[str]
    public_keys: list[str]


class WitnessIn(InputModel):
    """Another body that signs heads: its key's name (one word) and its Ed25519 public key, 32 bytes in hexadecimal."""

    id: UUID | None = None
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]{0,79}$")]
    title: ShortText
    public_key: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class WitnessOut(OutputModel):
    """A witness."""

    id: UUID
    name: str
    title: str
    public_key: str
    registered_at: datetime


class CosignatureIn(InputModel):
    """A witness's signature line over a head, as C2SP tlog-cosignature has it: `\u2014 name base64`."""

    witness: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]{0,79}$")]
    signature: Annotated[str, Field(min_length=10, max_length=200, pattern=r"^\u2014 \S+ \S+$")]
