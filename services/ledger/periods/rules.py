"""What a period must be, and what a statement says: exact sums of postings, and nothing that a later run would change.

A statement is canonical JSON: members sorted, no blanks, UTF-8. Run again over the same postings it is the same bytes.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final
from uuid import UUID

import orjson

from services.ledger.books.rules import AccountClass, is_debit_normal
from shared.problems import Conflict, Forbidden, Invalid
from shared.texts import Text

__all__ = [
    "AccountMoves",
    "CashFlow",
    "NotInOrder",
    "NotLastClosed",
    "PeriodNotOver",
    "PeriodState",
    "SameCloser",
    "Subject",
    "check_first_day",
    "statement_bytes",
    "statement_document",
]

_BANK: Final = "bank"


@dataclass(frozen=True, slots=True)
class AccountMoves:
    """What an account did: net debits before the period, gross debits and credits in it, in the smallest unit."""

    id: UUID
    code: str
    name: str
    kind: str
    unit: str
    before: int
    debits: int
    credits: int

    @property
    def is_bank(self) -> bool:
        """Whether it counts money in a bank: `bank`, or `bank:` and a name."""
        return self.code.split(":", maxsplit=1)[0] == _BANK and self.unit == "CNY"

    def shown(self) -> dict[str, Any]:
        """Show it with balances on the account's own side."""
        sign = 1 if is_debit_normal(AccountClass(self.kind)) else -1
        opening = sign * self.before
        return {
            "id": str(self.id),
            "code": self.code,
            "name": self.name,
            "class": self.kind,
            "unit": self.unit,
            "opening": opening,
            "debits": self.debits,
            "credits": self.credits,
            "closing": opening + sign * (self.debits - self.credits),
        }


@dataclass(frozen=True, slots=True)
class CashFlow:
    """Money that came into the bank from an account's side, or went out to it, in fen."""

    account_id: UUID
    code: str
    name: str
    came: int
    went: int


@dataclass(frozen=True, slots=True)
class Subject:
    """What a statement is about."""

    tenant: str
    book_id: UUID
    book_name: str
    kind: str
    first_on: date
    last_on: date
    version: int
    reason: str | None


def statement_document(
    subject: Subject, accounts: Sequence[AccountMoves], flows: Sequence[CashFlow], leaves: Sequence[bytes]
) -> dict[str, Any]:
    """Return a statement.

    Args:
        subject: what it is about.
        accounts: all that were ever posted to up to the last day.
        flows: money in and out of the bank during the period.
        leaves: the leaf hashes of the period's postings in the order of transaction id and leg.
    """
    rows = [moves.shown() for moves in sorted(accounts, key=lambda item: item.code)]
    banks = {str(moves.id) for moves in accounts if moves.is_bank}
    by_code = sorted(flows, key=lambda flow: flow.code)
    cash = {
        "opening": sum(row["opening"] for row in rows if row["id"] in banks),
        "in": [_flow(flow, flow.came) for flow in by_code if flow.came],
        "out": [_flow(flow, flow.went) for flow in by_code if flow.went],
        "closing": sum(row["closing"] for row in rows if row["id"] in banks),
    }
    return {
        "format": "linli/statement/1",
        "tenant": subject.tenant,
        "book_id": str(subject.book_id),
        "book_name": subject.book_name,
        "book_kind": subject.kind,
        "first_on": subject.first_on.isoformat(),
        "last_on": subject.last_on.isoformat(),
        "version": subject.version,
        "reason": subject.reason,
        "cash": cash,
        "accounts": rows,
        "lines": len(leaves),
        "lines_sha256": hashlib.sha256(b"".join(leaves)).hexdigest(),
    }


def _flow(flow: CashFlow, amount: int) -> dict[str, Any]:
    return {"account_id": str(flow.account_id), "code": flow.code, "name": flow.name, "amount": amount}


def statement_bytes(document: dict[str, Any]) -> bytes:
    """Return the canonical bytes of a statement."""
    return orjson.dumps(document, option=orjson.OPT_SORT_KEYS)


def check_first_day(first_on: date, last_period_ends: date | None) -> None:
    """Refuse a period that leaves a gap or overlaps: each begins on the day after the one before.

    Raises:
        NotInOrder: it does not.
    """
    if last_period_ends is not None and first_on != last_period_ends + timedelta(days=1):
        raise NotInOrder(pointer="/first_on", must_begin_on=(last_period_ends + timedelta(days=1)).isoformat())


class NotInOrder(Invalid):
    """A period begins on the day after the one before."""

    code = "period_not_in_order"
    title = Text(zh="账期必须首尾相接", en="A period begins on the day after the one before")


class PeriodState(Conflict):
    """The period is not in the state for this step, or an earlier one is still open."""

    code = "wrong_state"
    title = Text(zh="账期当前状态不能执行此操作", en="Not possible in the period's state")


class PeriodNotOver(Conflict):
    """A period is closed when its last day has passed."""

    code = "period_not_over"
    title = Text(zh="账期尚未结束", en="The period is not over yet")


class NotLastClosed(Conflict):
    """Only the newest closed period can be opened again: the later ones stand on it."""

    code = "not_last_closed"
    title = Text(zh="只能重开最近一个已结账期", en="Only the newest closed period can be opened again")


class SameCloser(Forbidden):
    """Who has closed a period does not open it again."""

    code = "same_person"
    title = Text(zh="结账人不得自行重开账期", en="Who has closed a period does not open it again")
