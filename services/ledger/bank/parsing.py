"""Reading what a bank exports: CSV in UTF-8 or GBK, Chinese or English headers, yuan as text.

Pure: text in, lines and complaints out. Amounts become fen by moving the point in the text; no float ever sees them.
Names of counterparties are people's data: what leaves here has their first character and no more, wherever they stood.
"""

import csv
import hashlib
import io
import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

from services.ledger.canonical import Field, canonical_bytes
from shared.money import MAX_FEN
from shared.problems import Invalid, TooLarge
from shared.tables import UnreadableText, decoded
from shared.texts import Text

__all__ = [
    "BYTES_MAX",
    "BadFile",
    "BankFileTooLarge",
    "Complaint",
    "ParsedLine",
    "first_broken_balance",
    "mask",
    "oldest_first",
    "parse_amount",
    "parse_file",
]

BYTES_MAX: Final = 2 * 1024 * 1024
LINES_MAX: Final = 5_000
_COLUMNS: Final[dict[str, tuple[str, ...]]] = {
    "date": ("date", "交易日期", "交易时间", "记账日期", "日期"),
    "description": ("description", "摘要", "用途", "交易摘要", "附言"),
    "credit": ("credit", "收入", "收入金额", "贷方发生额", "贷方金额"),
    "debit": ("debit", "支出", "支出金额", "借方发生额", "借方金额"),
    "amount": ("amount", "金额", "交易金额", "发生额"),
    "balance": ("balance", "余额", "账户余额"),
    "counterparty": ("counterparty", "对方户名", "对方名称", "交易对手"),
    "reference": ("reference", "流水号", "交易流水号", "凭证号"),
}
_AMOUNT: Final = re.compile(r"(-?)(\d{1,3}(?:,\d{3}){1,4}|\d{1,14})(?:\.(\d{1,2}))?", re.ASCII)
_DATE: Final = re.compile(r"(\d{4})(?:-(\d{1,2})-(\d{1,2})|/(\d{1,2})/(\d{1,2})|(\d{2})(\d{2}))(?:[ T].*)?", re.ASCII)
_TEXT_MAX: Final = 200
_REFERENCE_MAX: Final = 80
# A date of another century is a slip, and days around it would leave the calendar.
_YEARS: Final = range(2000, 2100)
# A single character stands in words by chance; replacing it would spoil them.
_NAME_MIN: Final = 2


class BadFile(Invalid):
    """The file as a whole cannot be read: its encoding, its headers, or its size."""

    code = "bad_bank_file"
    title = Text(zh="对账单文件无法读取", en="The bank's file cannot be read")


class BankFileTooLarge(TooLarge):
    """More than 2 MiB: a year of a neighbourhood's bank is far less."""

    code = "bank_file_too_large"


@dataclass(frozen=True, slots=True)
class ParsedLine:
    """A good line; `place` is its line in the file, `fingerprint` what makes it the same line in another file."""

    place: int
    booked_on: date
    amount_fen: int
    description: str
    counterparty: str | None
    reference: str | None
    balance_fen: int | None
    fingerprint: bytes


@dataclass(frozen=True, slots=True)
class Complaint:
    """What is wrong with a line."""

    place: int
    code: str
    detail: str


def parse_amount(text: str) -> int | None:
    """Read yuan as fen: plain ASCII digits, thousands by commas if any, at most two decimals; None for anything else.

    Full-width digits, exponents, signs other than a leading minus, and currency signs are refused: a bank that writes
    them has not been understood.
    """
    found = _AMOUNT.fullmatch(text.strip())
    if found is None:
        return None
    fen = int(found[2].replace(",", "")) * 100 + int((found[3] or "").ljust(2, "0"))
    return None if fen > MAX_FEN else -fen if found[1] else fen


def parse_date(text: str) -> date | None:
    """Read a date of 2000 to 2099 as 2026-01-31, 2026/1/31 or 20260131, with or without a time behind it."""
    found = _DATE.fullmatch(text.strip())
    if found is None:
        return None
    parts = [int(part) for part in found.groups() if part is not None]
    try:
        return date(*parts) if parts[0] in _YEARS else None
    except ValueError:
        return None


def mask(name: str) -> str | None:
    """Keep of a name its first character."""
    name = name.strip()
    return f"{name[0]}**" if name else None


def parse_file(content: bytes) -> tuple[list[ParsedLine], list[Complaint]]:
    """Read a bank's file; returns the good lines and what is wrong with the others.

    Raises:
        BankFileTooLarge: more than 2 MiB.
        BadFile: neither UTF-8 nor GBK, no CSV, no date or no amount column, or more than 5 000 lines.
    """
    if len(content) > BYTES_MAX:
        raise BankFileTooLarge
    try:
        return _read(csv.DictReader(io.StringIO(_decoded(content), newline="")))
    except csv.Error as error:
        # A cell longer than the reader bears, or a quote that never ends.
        raise BadFile(reason="csv") from error


def _read(reader: "csv.DictReader[str]") -> tuple[list[ParsedLine], list[Complaint]]:
    columns = _columns(reader.fieldnames or ())
    lines: list[ParsedLine] = []
    complaints: list[Complaint] = []
    equal: Counter[bytes] = Counter()
    for place, row in enumerate(reader, start=2):
        if place > LINES_MAX + 1:
            raise BadFile(reason="too_many_lines", lines_max=LINES_MAX)
        cells = {name: (row.get(column) or "").strip() for name, column in columns.items()}
        if not any(cells.values()):
            continue
        read = _read_row(place, cells)
        if isinstance(read, Complaint):
            complaints.append(read)
            continue
        equal[read.fingerprint] += 1
        lines.append(_numbered(read, equal[read.fingerprint]))
    return lines, complaints


def _decoded(content: bytes) -> str:
    try:
        return decoded(content)
    except UnreadableText as error:
        raise BadFile(reason="encoding") from error


def _columns(names: Iterable[str | None]) -> dict[str, str]:
    """Find the columns by their headers."""
    known = {alias: name for name, aliases in _COLUMNS.items() for alias in aliases}
    found: dict[str, str] = {}
    for column in names:
        name = known.get((column or "").strip().lower())
        if name is not None and column is not None:
            found.setdefault(name, column)
    if "date" not in found or not found.keys() & {"amount", "credit", "debit"}:
        raise BadFile(reason="headers")
    return found


def _read_row(place: int, cells: Mapping[str, str]) -> ParsedLine | Complaint:
    booked_on = parse_date(cells.get("date", ""))
    if booked_on is None:
        return Complaint(place, "bad_date", cells.get("date", "")[:40])
    amount = _amount(place, cells)
    if isinstance(amount, Complaint):
        return amount
    balance_text = cells.get("balance", "")
    balance_fen = parse_amount(balance_text) if balance_text else None
    if balance_text and balance_fen is None:
        return Complaint(place, "bad_balance", balance_text[:40])
    description, reference = cells.get("description", ""), cells.get("reference", "")
    # PostgreSQL text cannot hold U+0000.
    if any("\x00" in text for text in cells.values()):
        return Complaint(place, "bad_text", "U+0000")
    for name, longest in (("description", _TEXT_MAX), ("reference", _REFERENCE_MAX)):
        if len(cells.get(name, "")) > longest:
            return Complaint(place, "too_long", f"{name}: {longest}")
    description, counterparty = _without_name(description, cells.get("counterparty", ""))
    fields: list[Field]
    if reference:
        fields = ["reference", reference, booked_on.isoformat(), amount]
    else:
        fields = ["line", booked_on.isoformat(), amount, description, counterparty, balance_fen]
    return ParsedLine(
        place, booked_on, amount, description, counterparty, reference or None, balance_fen, canonical_bytes(fields)
    )


def _without_name(description: str, name: str) -> tuple[str, str | None]:
    """Mask a name, also where the words repeat it: "转账 王小明" would keep what the column does not."""
    masked = mask(name)
    if masked is None or len(name) < _NAME_MIN:
        return description, masked
    return description.replace(name, masked)[:_TEXT_MAX], masked


def _numbered(line: ParsedLine, ordinal: int) -> ParsedLine:
    """Tell equal lines of one file apart by their order: two gifts of ten yuan on one day are two."""
    return replace(line, fingerprint=hashlib.sha256(line.fingerprint + ordinal.to_bytes(4, "big")).digest())


def _amount(place: int, cells: Mapping[str, str]) -> int | Complaint:
    """Read what came in or went out, from one signed column or from two."""
    if cells.get("amount"):
        amount = parse_amount(cells["amount"])
        if amount is None:
            return Complaint(place, "bad_amount", cells["amount"][:40])
        return amount or Complaint(place, "no_amount", "")
    given = {name: cells[name] for name in ("credit", "debit") if cells.get(name)}
    sums = {name: parse_amount(text) for name, text in given.items()}
    if None in sums.values() or any((value or 0) < 0 for value in sums.values()):
        return Complaint(place, "bad_amount", " ".join(given.values())[:40])
    came, went = sums.get("credit") or 0, sums.get("debit") or 0
    if came and went:
        return Complaint(place, "both_sides", " ".join(given.values())[:40])
    return came - went or Complaint(place, "no_amount", "")


def oldest_first(lines: Sequence[ParsedLine]) -> list[ParsedLine]:
    """Return the lines in the order in which they happened; some banks write the newest first.

    Where all are of one day, the balances tell which way the file runs.
    """
    there, back = list(lines), list(lines)[::-1]
    if not there or there[0].booked_on < there[-1].booked_on:
        return there
    if there[0].booked_on > there[-1].booked_on:
        return back
    return back if len(_breaks(back)) < len(_breaks(there)) else there


def first_broken_balance(lines: Sequence[ParsedLine], refused: Collection[int] = ()) -> int | None:
    """Return the first line, in the order of time, whose balance does not follow from the one before.

    Args:
        lines: in any order.
        refused: places of refused lines: what they moved is unknown, so nothing is said of the line after one.
    """
    broken = _breaks(oldest_first(lines), refused)
    return broken[0] if broken else None


def _breaks(lines: Sequence[ParsedLine], refused: Collection[int] = ()) -> list[int]:
    """Return the places of lines whose balance does not follow; lines without one are added up on the way."""
    found: list[int] = []
    running: int | None = None
    before: ParsedLine | None = None
    for line in lines:
        if before is not None and any(
            place in refused for place in range(min(before.place, line.place), max(before.place, line.place))
        ):
            running = None
        if running is not None:
            running += line.amount_fen
            if line.balance_fen is not None and line.balance_fen != running:
                found.append(line.place)
        running = running if line.balance_fen is None else line.balance_fen
        before = line
    return found
