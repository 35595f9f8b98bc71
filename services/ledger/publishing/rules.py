"""A statement in the forms in which people read it: a table with Chinese headers, and the plain text of beancount.

Amounts in fen become yuan with two decimals by integer arithmetic; other units stay whole.
"""

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby
from typing import Any, Final

from services.ledger.books.rules import AccountClass, is_debit_normal
from services.ledger.proofs.rules import Line
from shared.problems import Conflict
from shared.texts import Text

__all__ = ["BookTooLarge", "Names", "beancount_text", "csv_text", "yuan"]

_CNY: Final = "CNY"
_FEN: Final = 100
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
_HEADERS: Final = (
    "序号", "日期", "摘要", "借方科目", "贷方科目", "金额", "单位", "类型", "款项编号", "分录", "冲正或退款所对应款项",
    "凭证SHA-256", "记账时间",
)  # fmt: skip
_KINDS: Final = {"post": "记账", "settle": "结算冻结", "reverse": "冲正", "refund": "退款"}
_UNITS: Final = {"CNY": "元", "hours": "小时", "pieces": "件"}
_ROOTS: Final = {
    AccountClass.ASSET: "Assets",
    AccountClass.LIABILITY: "Liabilities",
    AccountClass.NET_ASSETS: "Equity",
    AccountClass.INCOME: "Income",
    AccountClass.EXPENSE: "Expenses",
    AccountClass.CLEARING: "Assets:Clearing",
    AccountClass.BUDGET: "Equity:Budget",
    AccountClass.MEMO: "Equity:Memo",
}


class BookTooLarge(Conflict):
    """The whole book does not fit into one download; proofs and lines are there page by page."""

    code = "book_too_large"
    title = Text(zh="账本过大，请按页读取明细并使用单项证明", en="Too large for one download: read lines and proofs")


@dataclass(frozen=True, slots=True)
class Names:
    """What an account is called: code, name, class and unit."""

    code: str
    name: str
    kind: str
    unit: str


def yuan(amount: int, unit: str = _CNY) -> str:
    """Write an amount: fen as yuan with two decimals, other units as they are."""
    if unit != _CNY:
        return str(amount)
    whole, rest = divmod(abs(amount), _FEN)
    return f"{'-' if amount < 0 else ''}{whole}.{rest:02d}"


def _safe(text: str) -> str:
    """Keep a spreadsheet from taking a text for a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def csv_text(lines: Iterable[Line], names: Mapping[Any, Names]) -> str:
    """Write lines as CSV with Chinese headers; with a byte order mark, so that every spreadsheet reads the encoding."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(_HEADERS)
    for number, line in enumerate(lines, start=1):
        debit, credit = names[line.debit_account], names[line.credit_account]
        writer.writerow(
            (
                number,
                line.effective_on.isoformat(),
                _safe(line.description),
                _safe(debit.name),
                _safe(credit.name),
                yuan(line.amount, line.unit),
                _UNITS.get(line.unit, line.unit),
                _KINDS.get(line.kind, line.kind),
                line.transaction_id,
                line.leg,
                line.original_id or "",
                line.document_sha256.hex() if line.document_sha256 else "",
                line.written_at,
            )
        )
    return "\ufeff" + out.getvalue()


def beancount_text(document: Mapping[str, Any], lines: Sequence[Line]) -> str:
    """Write a statement in the language of beancount (version 3), with assertions of every opening and closing balance.

    Args:
        document: the statement.
        lines: its lines in the order of date, transaction and leg.
    """
    rows = document["accounts"]
    accounts = _account_names(rows)
    first, last = date.fromisoformat(document["first_on"]), date.fromisoformat(document["last_on"])
    before, after = first - timedelta(days=1), last + timedelta(days=1)
    out = [f'option "title" {_quoted(document["book_name"])}', 'option "operating_currency" "CNY"', ""]
    for row in rows:
        out.append(f"{before} open {accounts[row['id']]} {_commodity(row['unit'])}")
        out.append(f"  name: {_quoted(row['name'])}")
    out += ["", *_opening(rows, accounts, before), *_balances(rows, accounts, first, "opening"), ""]
    for _, legs in groupby(lines, key=lambda line: (line.effective_on, line.transaction_id)):
        out += [*_transaction(list(legs), accounts), ""]
    out += _balances(rows, accounts, after, "closing")
    return "\n".join(out) + "\n"


def _transaction(legs: list[Line], accounts: Mapping[str, str]) -> list[str]:
    head = legs[0]
    written = [f"{head.effective_on} * {_quoted(head.description)}", f'  id: "{head.transaction_id}"']
    for line in legs:
        for account, sign in ((line.debit_account, 1), (line.credit_account, -1)):
            amount = yuan(sign * line.amount, line.unit)
            written.append(f"  {accounts[str(account)]}  {amount} {_commodity(line.unit)}")
    return written


def _opening(rows: Sequence[Mapping[str, Any]], accounts: Mapping[str, str], on: date) -> list[str]:
    """Write one transaction with what every account brings along; debits and credits are equal by themselves."""
    brought = [row for row in rows if row["opening"]]
    if not brought:
        return []
    return [
        f'{on} * "期初 opening balances"',
        *(f"  {accounts[row['id']]}  {_signed(row, 'opening')} {_commodity(row['unit'])}" for row in brought),
        "",
    ]


def _balances(rows: Sequence[Mapping[str, Any]], accounts: Mapping[str, str], on: date, member: str) -> list[str]:
    return [
        f"{on} balance {accounts[row['id']]}  {_signed(row, member)} ~ 0.00 {_commodity(row['unit'])}" for row in rows
    ]


def _signed(row: Mapping[str, Any], member: str) -> str:
    sign = 1 if is_debit_normal(AccountClass(row["class"])) else -1
    return yuan(sign * row[member], row["unit"])


def _commodity(unit: str) -> str:
    return unit.upper()


def _account_names(rows: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Give each account a name that beancount takes: its root, and the parts of its code with capitals."""
    names: dict[str, str] = {}
    for row in rows:
        parts = [re.sub(r"[^A-Za-z0-9-]+", "-", part).strip("-") for part in row["code"].split(":")]
        shown = ":".join(part[:1].upper() + part[1:] for part in parts if part) or "Account"
        name = f"{_ROOTS[AccountClass(row['class'])]}:{shown}"
        names[row["id"]] = f"{name}-{len(names)}" if name in names.values() else name
    return names


def _quoted(text: str) -> str:
    flat = " ".join(text.split())
    return '"' + flat.replace("\\", "\\\\").replace('"', '\\"') + '"'
