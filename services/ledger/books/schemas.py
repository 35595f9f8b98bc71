"""Shapes of books. All amounts are exact integers in the smallest part of their unit (fen for CNY)."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from services.ledger.books.rules import AccountClass, BookKind, TransactionKind
from shared.money import BalanceFen, Fen
from shared.web import InputModel, OutputModel, ShortText

__all__ = [
    "AccountIn",
    "AccountOut",
    "BookIn",
    "BookOut",
    "EntryOut",
    "LegOut",
    "Sha256",
    "SingleIn",
    "TransactionIn",
    "TransactionOut",
    "TransactionResultOut",
    "TransactionsIn",
    "TransactionsOut",
]

Unit = Literal["CNY", "hours", "pieces"]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", description="SHA-256 of a document, in hexadecimal.")]


class BookIn(InputModel):
    """A new book at an area."""

    id: UUID | None = None
    name: ShortText
    area_id: UUID


class BookOut(OutputModel):
    """A book."""

    id: UUID
    name: str
    area_id: UUID
    area_path: str
    kind: BookKind
    closed_through: date | None
    opened_at: datetime
    version: int


class AccountIn(InputModel):
    """A new account. `floor_fen` is what its balance may never fall below, reserved money included.

    Money on an account with a `purpose` goes on only to accounts with the same one, or to one with `*`, and not after
    `spend_by`.
    """

    id: UUID | None = None
    code: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_:.-]{0,79}$")]
    name: ShortText
    account_class: AccountClass
    unit: Unit = "CNY"
    floor_fen: BalanceFen | None = None
    purpose: Annotated[str, Field(pattern=r"^(\*|[a-z][a-z0-9_]{0,39})$")] | None = None
    spend_by: date | None = None


class AccountOut(OutputModel):
    """An account with its balance on its own side; `available_fen` is less what is reserved."""

    id: UUID
    book_id: UUID
    code: str
    name: str
    account_class: AccountClass
    unit: str
    floor_fen: int | None
    purpose: str | None
    spend_by: date | None
    balance_fen: int
    available_fen: int
    posted_debits_fen: int
    posted_credits_fen: int
    pending_debits_fen: int
    pending_credits_fen: int
    last_sequence: int


class LegIn(InputModel):
    """One posting."""

    debit_account_id: UUID
    credit_account_id: UUID
    amount_fen: Fen
    unit: Unit = "CNY"


class SingleIn(InputModel):
    """A transaction: all legs or none."""

    description: ShortText
    effective_on: date
    postings: Annotated[list[LegIn], Field(min_length=1, max_length=100)]
    document_sha256: Sha256 | None = None


class TransactionIn(SingleIn):
    """A transaction of a batch. Its id, made by the client, makes it safe to send twice."""

    id: UUID


class TransactionsIn(InputModel):
    """A batch; each transaction succeeds or is refused for itself."""

    transactions: Annotated[list[TransactionIn], Field(min_length=1, max_length=500)]


class TransactionResultOut(OutputModel):
    """What became of one transaction: `ok`, `replayed`, or why it was refused."""

    id: UUID
    result: str


class TransactionsOut(OutputModel):
    """One result per transaction, in the order asked."""

    results: list[TransactionResultOut]


class LegOut(OutputModel):
    """One posting as it was written."""

    leg: int
    debit_account_id: UUID
    credit_account_id: UUID
    amount_fen: int
    unit: str


class TransactionOut(OutputModel):
    """A transaction as it was answered."""

    id: UUID
    kind: TransactionKind
    result: str
    description: str
    effective_on: date
    hold_id: UUID | None
    original_id: UUID | None
    document_sha256: str | None
    actor: str
    created_at: datetime
    postings: list[LegOut]


class EntryOut(OutputModel):
    """One move of an account: its side, and the balance after it on the account's own side."""

    sequence: int
    transaction_id: UUID
    side: Literal["debit", "credit"]
    other_account_id: UUID
    amount_fen: int
    balance_after_fen: int
    description: str
    effective_on: date
    created_at: datetime
