"""What a posting is, and what can be wrong with one."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from services.ledger.canonical import Field, canonical_bytes
from shared.problems import Conflict, Invalid, Problem
from shared.texts import Text

__all__ = [
    "AccountClass",
    "AccountCodeTaken",
    "BookHasRules",
    "BookKind",
    "Leg",
    "NewAccount",
    "PostingRefused",
    "TooManyLegs",
    "TransactionKind",
    "TransactionRequest",
    "body_hash",
    "is_debit_normal",
    "refusal",
]


class AccountClass(StrEnum):
    """What an account counts."""

    ASSET = "asset"
    LIABILITY = "liability"
    NET_ASSETS = "net_assets"
    INCOME = "income"
    EXPENSE = "expense"
    CLEARING = "clearing"
    BUDGET = "budget"
    MEMO = "memo"


class BookKind(StrEnum):
    """What a book is for. Books of funds and of property companies are open to everybody."""

    GENERAL = "general"
    FUND = "fund"
    PROPERTY = "property"


class TransactionKind(StrEnum):
    """What a transaction does."""

    POST = "post"
    HOLD = "hold"
    SETTLE = "settle"
    VOID = "void"
    EXPIRE = "expire"
    REVERSE = "reverse"
    REFUND = "refund"


_CREDIT_NORMAL: Final = frozenset({AccountClass.LIABILITY, AccountClass.NET_ASSETS, AccountClass.INCOME})


def is_debit_normal(kind: AccountClass) -> bool:
    """Tell on which side an account of a class grows."""
    return kind not in _CREDIT_NORMAL


@dataclass(frozen=True, slots=True)
class NewAccount:
    """An account to open. What is said of it stays for good.

    Attributes:
        floor_fen: what its balance may never fall below, reserved money included; none if it may.
        purpose: money on it goes on only to accounts of the same purpose, or to one of `*`, which takes any.
        spend_by: and only until this day.
    """

    id: UUID
    book_id: UUID
    code: str
    name: str
    kind: AccountClass
    unit: str = "CNY"
    floor_fen: int | None = None
    purpose: str | None = None
    spend_by: date | None = None


@dataclass(frozen=True, slots=True)
class Leg:
    """One posting: from the credited to the debited account. Amount in the smallest part of its unit (fen for CNY)."""

    debit: UUID
    credit: UUID
    amount: int
    unit: str = "CNY"


@dataclass(frozen=True, slots=True)
class TransactionRequest:
    """What the posting function is asked: all legs or none. The id makes it safe to ask twice."""

    id: UUID
    book_id: UUID
    kind: TransactionKind
    legs: tuple[Leg, ...]
    description: str
    effective_on: date
    hold_id: UUID | None = None
    is_final: bool = False
    expires_at: datetime | None = None
    original_id: UUID | None = None
    document_sha256: bytes | None = None


def body_hash(request: TransactionRequest) -> bytes:
    """Return what two requests with one id must share to be the same: SHA-256 of their canonical bytes."""
    fields: list[Field] = [
        "linli/request/2",
        request.book_id,
        request.kind.value,
        request.description,
        request.effective_on.isoformat(),
        request.hold_id,
        int(request.is_final),
        request.expires_at.astimezone(UTC).isoformat() if request.expires_at else None,
        request.original_id,
        request.document_sha256,
    ]
    for leg in request.legs:
        fields += [leg.debit, leg.credit, leg.unit, leg.amount]
    return hashlib.sha256(canonical_bytes(fields)).digest()


class AccountCodeTaken(Conflict):
    """Another account of the book has this code."""

    code = "account_code_taken"
    title = Text(zh="该账本已有此科目代码", en="The book has an account of this code")


class PostingRefused(Conflict):
    """The posting function has said no, and will say so again to the same id."""

    code = "posting_refused"
    title = Text(zh="记账被拒绝", en="The posting was refused")


class BookHasRules(Conflict):
    """The book of a fund or a property company is not posted to by hand."""

    code = "book_has_rules"
    title = Text(zh="该账本只能按其业务规则记账", en="This book moves by its own rules, not by hand")


class TooManyLegs(Invalid):
    """More postings than one call takes."""

    code = "too_many_postings"
    title = Text(zh="一次提交的分录过多", en="More postings than one call takes")


class _FloorBroken(Conflict):
    code = "insufficient_funds"
    title = Text(zh="余额不足", en="Not enough money in the account")


class _IdConflict(Conflict):
    code = "id_taken"
    title = Text(zh="该编号已被其他内容使用", en="This id already names something else")


class _PeriodClosed(Conflict):
    code = "period_closed"
    title = Text(zh="该期间已结账", en="The period of this date is closed")


class _PurposeMismatch(Conflict):
    code = "purpose_mismatch"
    title = Text(zh="限定用途的资金不得挪用", en="Money given for a purpose is spent on nothing else")


class _BadAmount(Invalid):
    code = "amount_out_of_range"
    title = Text(zh="金额超出范围", en="The amount is out of range")


def refusal(result: str, transactions: Sequence[UUID]) -> Problem:
    """Return the problem that tells a result of the posting function."""
    kinds: dict[str, type[Problem]] = {
        "period_closed": _PeriodClosed,
        "purpose_mismatch": _PurposeMismatch,
        "floor_broken": _FloorBroken,
        "id_conflict": _IdConflict,
        "amount_out_of_range": _BadAmount,
    }
    kind = kinds.get(result, PostingRefused)
    return kind(result=result, transaction_ids=[str(item) for item in transactions])
