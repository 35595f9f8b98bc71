"""What a posting is, and what can be wrong with one."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

import orjson

from shared.problems import Conflict, Invalid, Problem
from shared.texts import Text

__all__ = [
    "AccountClass",
    "AccountCodeTaken",
    "Leg",
    "PostingRefused",
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


class TransactionKind(StrEnum):
    """What a transaction does."""

    POST = "post"
    HOLD = "hold"
    SETTLE = "settle"
    VOID = "void"


_CREDIT_NORMAL: Final = frozenset({AccountClass.LIABILITY, AccountClass.NET_ASSETS, AccountClass.INCOME})


def is_debit_normal(kind: AccountClass) -> bool:
    """Tell on which side an account of a class grows."""
    return kind not in _CREDIT_NORMAL


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


def body_hash(request: TransactionRequest) -> bytes:
    """Return what two requests with one id must share to be the same."""
    content = [
        str(request.book_id),
        request.kind.value,
        [[str(leg.debit), str(leg.credit), leg.unit, leg.amount] for leg in request.legs],
        request.description,
        request.effective_on.isoformat(),
        str(request.hold_id),
        request.is_final,
        request.expires_at.isoformat() if request.expires_at else None,
    ]
    return hashlib.sha256(orjson.dumps(content)).digest()


class AccountCodeTaken(Conflict):
    """Another account of the book has this code."""

    code = "account_code_taken"
    title = Text(zh="该账本已有此科目代码", en="The book has an account of this code")


class PostingRefused(Conflict):
    """The posting function has said no, and will say so again to the same id."""

    code = "posting_refused"
    title = Text(zh="记账被拒绝", en="The posting was refused")


class _FloorBroken(Conflict):
    code = "insufficient_funds"
    title = Text(zh="余额不足", en="Not enough money in the account")


class _IdConflict(Conflict):
    code = "id_taken"
    title = Text(zh="该编号已被其他内容使用", en="This id already names something else")


class _BadAmount(Invalid):
    code = "amount_out_of_range"
    title = Text(zh="金额超出范围", en="The amount is out of range")


def refusal(result: str, transactions: Sequence[UUID]) -> Problem:
    """Return the problem that tells a result of the posting function."""
    kinds: dict[str, type[Problem]] = {
        "floor_broken": _FloorBroken,
        "id_conflict": _IdConflict,
        "amount_out_of_range": _BadAmount,
    }
    kind = kinds.get(result, PostingRefused)
    return kind(result=result, transaction_ids=[str(item) for item in transactions])
