"""Shapes of property books. All amounts are exact integers in fen; days are whole days of the book."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, StringConstraints, model_validator

from services.ledger.books.schemas import Sha256
from services.ledger.property.rules import ChargeKind, SpendingState
from shared.money import MAX_FEN, Fen
from shared.steps import NextActionOut
from shared.web import InputModel, OutputModel, PlainText, ShortText

__all__ = [
    "ArrearsOut",
    "BankOut",
    "BudgetActualLineOut",
    "BudgetActualOut",
    "BudgetIn",
    "BudgetLineOut",
    "BudgetOut",
    "CategoryOut",
    "ChargeOut",
    "ChargesIn",
    "CollectionOut",
    "IncomeLineOut",
    "LineResultOut",
    "LinesOut",
    "OpeningOut",
    "PropertyBookIn",
    "PropertyBookOut",
    "ReasonIn",
    "ReceiptOut",
    "ReceiptsIn",
    "ReportOut",
    "SpendingIn",
    "SpendingLineOut",
    "SpendingOut",
]

Category = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
PayerKind = Literal["household", "unit"]
Period = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=40), Field(pattern=r"^[^\x00]*$")
]


class CategoryIn(InputModel):
    """A category of spending; it becomes the account `expense:<category>`."""

    category: Category
    name: ShortText


class OpeningIn(InputModel):
    """What the compound's bank account held when the book began."""

    bank_fen: Fen
    on: date


class PropertyBookIn(InputModel):
    """A new property book at a compound, kept by a company."""

    id: UUID | None = None
    name: ShortText
    area_id: UUID
    company_unit_id: UUID
    categories: Annotated[list[CategoryIn], Field(min_length=1, max_length=50)]
    opening: OpeningIn | None = None

    @model_validator(mode="after")
    def _categories_differ(self) -> "PropertyBookIn":
        if len({item.category for item in self.categories}) != len(self.categories):
            message = "a category is named once"
            raise ValueError(message)
        return self


class CategoryOut(OutputModel):
    """A category of spending."""

    category: str
    name: str


class OpeningOut(OutputModel):
    """What the bank account held when the book began."""

    bank_fen: int
    on: date


class PropertyBookOut(OutputModel):
    """A property book; `book_id` is the book with its accounts."""

    id: UUID
    name: str
    area_id: UUID
    area_path: str
    company_unit_id: UUID
    book_id: UUID
    categories: list[CategoryOut]
    opening: OpeningOut | None
    bank_fen: int
    receivable_fen: int
    opened_at: datetime
    version: int


class ChargeLineIn(InputModel):
    """What one payer is asked to pay. Its id, made by the client, makes it safe to send twice."""

    id: UUID
    kind: ChargeKind
    payer_kind: PayerKind
    payer_id: UUID
    amount_fen: Fen
    due_on: date
    period: Period | None = None


class ChargesIn(InputModel):
    """Charges that count from one day; each is taken or refused for itself."""

    charged_on: date
    charges: Annotated[list[ChargeLineIn], Field(min_length=1, max_length=500)]


class ReceiptLineIn(InputModel):
    """What has come in for one charge, a part of it or all."""

    id: UUID
    charge_id: UUID
    amount_fen: Fen
    received_on: date


class ReceiptsIn(InputModel):
    """Receipts; each is taken or refused for itself, in the order given."""

    receipts: Annotated[list[ReceiptLineIn], Field(min_length=1, max_length=500)]


class LineResultOut(OutputModel):
    """What became of one line; `code` says why it was refused."""

    id: UUID
    result: Literal["ok", "replayed", "refused"]
    code: str | None


class LinesOut(OutputModel):
    """One result per line, in the order asked."""

    results: list[LineResultOut]


class ChargeOut(OutputModel):
    """A charge as it stands today: what of it was taken back, what has come in and what is open."""

    id: UUID
    kind: ChargeKind
    payer_kind: PayerKind
    payer_id: UUID
    amount_fen: int
    taken_back_fen: int
    received_fen: int
    open_fen: int
    is_overdue: bool
    charged_on: date
    due_on: date
    period: str | None
    recorded_at: datetime


class ReceiptOut(OutputModel):
    """What has come in for a charge."""

    id: UUID
    charge_id: UUID
    amount_fen: int
    received_on: date
    recorded_at: datetime


class SpendingIn(InputModel):
    """A bill to be paid; the hash is of the scanned document. Once paid, it counts on `spent_on`."""

    id: UUID | None = None
    category: Category
    supplier: ShortText
    description: ShortText
    document_sha256: Sha256
    amount_fen: Fen
    spent_on: date


class ReasonIn(InputModel):
    """Why."""

    reason: PlainText


class SpendingOut(OutputModel):
    """A spending as it stands, who has done what, and what the caller may do next."""

    id: UUID
    property_book_id: UUID
    category: str
    supplier: str
    description: str
    document_sha256: str
    amount_fen: int
    spent_on: date
    state: SpendingState
    requested_by: UUID
    requested_at: datetime
    approved_by: UUID | None
    approved_at: datetime | None
    paid_by: UUID | None
    paid_at: datetime | None
    refused_by: UUID | None
    reason: str | None
    transaction_id: UUID | None
    version: int
    next_actions: list[NextActionOut]


class BudgetLineIn(InputModel):
    """What a year plans for one account, like `income:fees` or `expense:lift`."""

    account_code: Annotated[str, Field(pattern=r"^(income|expense):[a-z][a-z0-9_]{0,39}$")]
    planned_fen: Annotated[int, Field(strict=True, ge=0, le=MAX_FEN)]


class BudgetIn(InputModel):
    """The plan of a year, whole."""

    lines: Annotated[list[BudgetLineIn], Field(min_length=1, max_length=100)]

    @model_validator(mode="after")
    def _accounts_differ(self) -> "BudgetIn":
        if len({item.account_code for item in self.lines}) != len(self.lines):
            message = "an account is planned once"
            raise ValueError(message)
        return self


class BudgetLineOut(OutputModel):
    """What a year plans for one account."""

    account_code: str
    name: str
    planned_fen: int


class BudgetOut(OutputModel):
    """One version of the plan of a year."""

    property_book_id: UUID
    year: int
    version: int
    lines: list[BudgetLineOut]
    planned_at: datetime


class IncomeLineOut(OutputModel):
    """One source of income: what became due to the compound, and what has come in, in the interval."""

    account_code: str
    name: str
    charged_fen: int
    received_fen: int


class SpendingLineOut(OutputModel):
    """What was spent on one category in the interval."""

    account_code: str
    name: str
    spent_fen: int


class BankOut(OutputModel):
    """The bank account: opening + brought in + received - spent = closing. `brought_in_fen` is the book's beginning."""

    opening_fen: int
    brought_in_fen: int
    received_fen: int
    spent_fen: int
    closing_fen: int


class CollectionOut(OutputModel):
    """What of the interval's charges has come in by its end; the rate is in basis points, rounded down."""

    charged_fen: int
    collected_fen: int
    rate_bp: int | None


class ArrearsOut(OutputModel):
    """What is open at the end of the interval, by whole days since it fell due; the day itself is day 0."""

    not_due_fen: int
    days_0_to_30_fen: int
    days_31_to_90_fen: int
    days_91_and_more_fen: int
    receivable_fen: int


class BudgetActualLineOut(OutputModel):
    """A year's plan for one account, and what there was of it by the end of the interval."""

    account_code: str
    name: str
    planned_fen: int
    actual_fen: int


class BudgetActualOut(OutputModel):
    """A year's plan against what there was from 1 January to the end of the year or of the interval."""

    year: int
    version: int
    actual_through: date
    lines: list[BudgetActualLineOut]


class ReportOut(OutputModel):
    """A property book over an interval, both days included, computed from its postings and lines."""

    property_book_id: UUID
    first: date
    last: date
    income: list[IncomeLineOut]
    spending: list[SpendingLineOut]
    bank: BankOut
    collection: CollectionOut
    arrears: ArrearsOut
    budgets: list[BudgetActualOut]
    as_of: datetime
