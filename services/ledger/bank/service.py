"""Use cases of bank reconciliation."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, timedelta
from itertools import groupby
from typing import Final
from uuid import UUID

from services.ledger.bank import repository
from services.ledger.bank.models import BankDecision, BankLine
from services.ledger.bank.parsing import Complaint, ParsedLine, oldest_first
from services.ledger.bank.rules import (
    DAYS_APART_MAX,
    AlreadyBooked,
    AlreadyMatched,
    LineState,
    NotABankAccount,
    NotEqual,
    NotForThisBook,
    Proposal,
    UnknownPosting,
    WrongSide,
    WrongSign,
    day_ends,
    propose,
    unambiguous,
)
from services.ledger.bank.schemas import ClearingOut, LineReportOut, PostingRef, ReconciliationOut
from services.ledger.books import repository as books
from services.ledger.books.models import Book
from services.ledger.books.rules import AccountClass, Leg, TransactionKind, TransactionRequest
from services.ledger.books.service import get_book, post_all
from services.ledger.funds.models import Fund
from services.ledger.funds.repository import fund_of_book
from shared.auth import Principal, Role
from shared.clock import today, utc_now
from shared.db import Session, WriteSession
from shared.ids import new_id
from shared.problems import NotFound

__all__ = [
    "ageing",
    "begin",
    "book_line",
    "ignore",
    "import_lines",
    "match",
    "match_all",
    "proposals",
    "reconcile",
    "require_bank_account",
    "unmatch",
]

_AT_ONCE: Final = 10_000
_APART: Final = timedelta(days=DAYS_APART_MAX)


async def require_bank_account(session: Session, book: Book, account_id: UUID) -> None:
    """Refuse an account that is not an asset in yuan of this book."""
    found = await books.find_account(session, account_id)
    if found is None or found[0].book_id != book.id or (found[0].kind, found[0].unit) != (AccountClass.ASSET, "CNY"):
        raise NotABankAccount(pointer="/account_id")


async def import_lines(
    session: WriteSession,
    caller: Principal,
    book: Book,
    account_id: UUID,
    read: tuple[Sequence[ParsedLine], Sequence[Complaint]],
) -> list[LineReportOut]:
    """Keep the good lines of a file that are not there yet; returns what became of each line."""
    caller.must(Role.TREASURER, at=book.area_path, rule="treasurers_reconcile")
    await require_bank_account(session, book, account_id)
    lines, complaints = read
    # Ids sort by time: within a day they are the order in which things happened, whichever way the file runs.
    now = utc_now()
    rows = [
        {
            "tenant_id": session.tenant,
            "id": new_id(),
            "book_id": book.id,
            "account_id": account_id,
            "booked_on": line.booked_on,
            "amount_fen": line.amount_fen,
            "description": line.description,
            "counterparty": line.counterparty,
            "reference": line.reference,
            "balance_fen": line.balance_fen,
            "fingerprint": line.fingerprint,
            "place": line.place,
            "state": "unmatched",
            "imported_at": now,
            "version": 1,
        }
        for line in oldest_first(lines)
    ]
    added = await repository.add_lines(session, rows)
    report = [
        LineReportOut(
            line=line.place, result="ok" if line.fingerprint in added else "duplicate", code=None, detail=None
        )
        for line in lines
    ]
    report += [
        LineReportOut(line=item.place, result="refused", code=item.code, detail=item.detail) for item in complaints
    ]
    return sorted(report, key=lambda item: item.line)


async def begin(session: WriteSession, caller: Principal, line_id: UUID) -> tuple[BankLine, Book]:
    """Lock a line for a step of its book's treasurer."""
    line = await repository.lock_line(session, line_id)
    if line is None:
        raise NotFound
    book = await get_book(session, line.book_id)
    caller.must(Role.TREASURER, at=book.area_path, rule="treasurers_reconcile")
    return line, book


async def proposals(session: Session, line: BankLine) -> list[Proposal]:
    """Return what a line may tell of, the best first."""
    near = await repository.candidates(
        session, line.account_id, line.booked_on - _APART, line.booked_on + _APART, limit=_AT_ONCE
    )
    numbers = await repository.invoice_numbers(session, list({item.transaction_id for item in near}))
    near = [replace(item, invoice_number=numbers.get(item.transaction_id)) for item in near]
    return propose(line.amount_fen, line.booked_on, f"{line.description} {line.reference or ''}", near)


def _decide(
    session: WriteSession,
    caller: Principal,
    line: BankLine,
    action: str,
    reason: str | None = None,
    *,
    postings: Iterable[tuple[UUID, int]] = (),
) -> None:
    """Keep who has done what with a line and why, and which postings it was about: a match taken back is gone else."""
    session.add(
        BankDecision(
            tenant_id=session.tenant,
            id=new_id(),
            line_id=line.id,
            action=action,
            reason=reason,
            postings=[{"transaction_id": str(transaction), "leg": leg} for transaction, leg in postings],
            actor=caller.actor,
            at=utc_now(),
        )
    )
    line.version += 1


def _require(line: BankLine, *states: str) -> None:
    if line.state not in states:
        raise LineState(state=line.state)


async def match(session: WriteSession, caller: Principal, line: BankLine, postings: Sequence[PostingRef]) -> None:
    """Say which postings a line tells of: on its account, not told of yet, and summing to it."""
    _require(line, "unmatched")
    wanted = list(dict.fromkeys((item.transaction_id, item.leg) for item in postings))
    found = {
        (posting.transaction_id, posting.leg): _signed(line.account_id, posting.debit_account, posting.amount)
        for posting in await books.postings_of(session, [item[0] for item in wanted])
        if line.account_id in {posting.debit_account, posting.credit_account}
    }
    if len(wanted) != len(postings) or any(item not in found for item in wanted):
        raise UnknownPosting(pointer="/postings")
    if any((found[item] > 0) != (line.amount_fen > 0) for item in wanted):
        raise WrongSide(pointer="/postings")
    if sum(found[item] for item in wanted) != line.amount_fen:
        raise NotEqual(pointer="/postings", amount_fen=line.amount_fen)
    free = await repository.add_matches(session, line.account_id, [(line.id, *item) for item in wanted])
    if free != len(wanted):
        raise AlreadyMatched(pointer="/postings")
    line.state = "matched"
    _decide(session, caller, line, "match", postings=wanted)
    await session.flush()


def _signed(account: UUID, debit: UUID, amount: int) -> int:
    return amount if debit == account else -amount


async def unmatch(session: WriteSession, caller: Principal, line: BankLine, reason: str) -> None:
    """Take a match or an ignoring back."""
    _require(line, "matched", "ignored")
    told = [(item.transaction_id, item.leg) for item in await repository.matches_of(session, [line.id])]
    await repository.remove_matches(session, line.id)
    line.state = "unmatched"
    _decide(session, caller, line, "unmatch", reason, postings=told)
    await session.flush()


async def ignore(session: WriteSession, caller: Principal, line: BankLine, reason: str) -> None:
    """Leave a line without a posting, for a reason."""
    _require(line, "unmatched")
    line.state = "ignored"
    _decide(session, caller, line, "ignore", reason)
    await session.flush()


async def match_all(session: WriteSession, caller: Principal, book: Book, account_id: UUID) -> tuple[int, int]:
    """Match whatever can only be one; returns how many were, and how many lines are left.

    Of more than 10 000 lines or postings only the oldest are looked at, and of these none that a later one might
    claim too.
    """
    caller.must(Role.TREASURER, at=book.area_path, rule="treasurers_reconcile")
    await require_bank_account(session, book, account_id)
    lines = await repository.lock_unmatched(session, account_id, _AT_ONCE)
    if not lines:
        return 0, 0
    # Read after the locks: whoever has matched one of the lines meanwhile is seen, and nobody else can now.
    near = await repository.candidates(
        session, account_id, lines[0].booked_on - _APART, lines[-1].booked_on + _APART, limit=_AT_ONCE
    )
    lines_until = lines[-1].booked_on - _APART if len(lines) == _AT_ONCE else date.max
    postings_until = near[-1].effective_on - _APART if len(near) == _AT_ONCE else date.max
    by_id = {line.id: line for line in lines}
    pairs = [
        (by_id[line_id], item)
        for line_id, item in unambiguous([(line.id, line.amount_fen, line.booked_on) for line in lines], near)
        if item.effective_on < lines_until and by_id[line_id].booked_on < postings_until
    ]
    rows = [(line.id, item.transaction_id, item.leg) for line, item in pairs]
    if rows and await repository.add_matches(session, account_id, rows) != len(rows):
        raise AlreadyMatched
    for line, item in pairs:
        line.state = "matched"
        _decide(session, caller, line, "match", postings=[(item.transaction_id, item.leg)])
    await session.flush()
    return len(pairs), len(lines) - len(pairs)


async def book_line(session: WriteSession, caller: Principal, line: BankLine, kind: str) -> None:
    """Book what only the bank knew: interest into the fund, a fee out of it; the line is matched with it."""
    _require(line, "unmatched")
    fund = await fund_of_book(session, line.book_id)
    if fund is None or fund.bank_account != line.account_id:
        raise NotForThisBook
    if (line.amount_fen > 0) != (kind == "interest"):
        raise WrongSign(amount_fen=line.amount_fen)
    await _require_not_booked(session, line)
    request = TransactionRequest(
        id=new_id(),
        book_id=line.book_id,
        kind=TransactionKind.POST,
        legs=_legs(fund, abs(line.amount_fen), kind),
        description=f"bank {kind}, line {line.id}",
        effective_on=max(line.booked_on, await _first_open_day(session, line.book_id)),
    )
    await post_all(session, caller.actor, request)
    if await repository.add_matches(session, line.account_id, [(line.id, request.id, 1)]) != 1:
        raise AlreadyMatched
    line.state = "matched"
    _decide(session, caller, line, "book", kind, postings=[(request.id, 1)])
    await session.flush()


async def _require_not_booked(session: Session, line: BankLine) -> None:
    """Refuse to book twice: a booking whose match was taken back still stands in the book."""
    before = [
        UUID(item["transaction_id"])
        for decision in await repository.decisions_of(session, [line.id])
        if decision.action == "book"
        for item in decision.postings
    ]
    standing = await repository.not_reversed(session, before)
    if standing:
        raise AlreadyBooked(transaction_ids=sorted(map(str, standing)))


def _legs(fund: Fund, amount: int, kind: str) -> tuple[Leg, ...]:
    if kind == "interest":
        return (Leg(fund.bank_account, fund.fund_account, amount),)
    return (
        Leg(fund.expense_account, fund.bank_account, amount),
        Leg(fund.fund_account, fund.released_account, amount),
    )


async def _first_open_day(session: Session, book_id: UUID) -> date:
    """Return the first day on which a book can be posted to: what a closed period has missed belongs to the next."""
    book = await get_book(session, book_id)
    return book.closed_through + timedelta(days=1) if book.closed_through is not None else date.min


async def reconcile(session: Session, account_id: UUID, on: date) -> ReconciliationOut:
    """Put the bank beside the book as they stood on a day, and say what of the difference is explained."""
    ledger_fen, loose_fen, loose = await repository.posting_sums(session, account_id, on)
    unmatched, ignored = await repository.line_sums(session, account_id, on)
    ends = await _bank_ends(session, account_id, on)
    unexplained = None
    if ends is not None:
        # What the bank held before its first line is in the book as a posting that no line tells of.
        unexplained = ends[1] - ends[0] - (ledger_fen - loose_fen + unmatched[1] + ignored[1])
    return ReconciliationOut(
        account_id=account_id,
        on=on,
        ledger_balance_fen=ledger_fen,
        bank_opening_fen=ends[0] if ends is not None else None,
        bank_balance_fen=ends[1] if ends is not None else None,
        unmatched_lines=unmatched[0],
        unmatched_lines_fen=unmatched[1],
        unmatched_postings=loose,
        unmatched_postings_fen=loose_fen,
        ignored_lines=ignored[0],
        ignored_lines_fen=ignored[1],
        unexplained_fen=unexplained,
    )


async def _bank_ends(session: Session, account_id: UUID, on: date) -> tuple[int, int] | None:
    """Return what the bank says it held before its first line and at the end of a day; None if it is silent.

    Both are the bank's own figures, not sums of our lines: what is missing between them must show.
    """
    days = await repository.days_with_balance(session, account_id, on)
    if days is None:
        return None
    before, after = await repository.moved_outside(session, account_id, *days, on)
    opening, closing = day_ends(await repository.moves_on(session, account_id, days[0]))
    if days[1] != days[0]:
        _, closing = day_ends(await repository.moves_on(session, account_id, days[1]))
    return opening - before, closing + after


async def ageing(session: Session, book_id: UUID) -> list[ClearingOut]:
    """Return the clearing accounts that are not zero, with the age of what is left: the first in was cleared first."""
    moves = await repository.moves_of(session, book_id)
    day = today()
    return [_aged(list(group), day) for _, group in groupby(moves, key=lambda move: move[0])]


def _aged(moves: list[tuple[UUID, str, str, date, int]], day: date) -> ClearingOut:
    account_id, code, name = moves[0][:3]
    left = _left((move[3], move[4]) for move in moves)
    ages = [((day - on).days, amount) for on, amount in left]
    week, month = 7, 30
    oldest = min(on for on, _ in left)
    return ClearingOut(
        account_id=account_id,
        code=code,
        name=name,
        balance_fen=sum(amount for _, amount in left),
        oldest_on=oldest,
        age_days=(day - oldest).days,
        days_0_to_7_fen=sum(amount for age, amount in ages if age <= week),
        days_8_to_30_fen=sum(amount for age, amount in ages if week < age <= month),
        days_31_and_more_fen=sum(amount for age, amount in ages if age > month),
    )


def _left(moves: Iterable[tuple[date, int]]) -> list[tuple[date, int]]:
    """Return what is left of moves when each clears the oldest of the other side first."""
    left: list[tuple[date, int]] = []
    for on, signed in moves:
        rest = signed
        while rest and left and (left[0][1] > 0) != (rest > 0):
            first_on, first = left[0]
            cleared = min(abs(first), abs(rest))
            rest += cleared if rest < 0 else -cleared
            first += cleared if first < 0 else -cleared
            left[0:1] = [(first_on, first)] if first else []
        if rest:
            left.append((on, rest))
    return left
