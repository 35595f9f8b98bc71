"""SQL of bank reconciliation."""

from collections.abc import Sequence
from datetime import date
from typing import Any, Final
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import insert

from services.ledger.bank.models import BankDecision, BankLine, BankMatch
from services.ledger.bank.rules import Candidate
from services.ledger.books.models import Transaction
from services.ledger.books.rules import TransactionKind
from services.ledger.invoices.models import Invoice, Payment
from shared.db import Session, WriteSession

__all__ = [
    "add_lines",
    "add_matches",
    "candidates",
    "days_with_balance",
    "decisions_of",
    "find_line",
    "invoice_numbers",
    "line_sums",
    "lines_of",
    "lock_line",
    "lock_unmatched",
    "matches_of",
    "moved_outside",
    "moves_of",
    "moves_on",
    "not_reversed",
    "posting_sums",
    "remove_matches",
]

# A statement has at most 32 767 parameters.
_ROWS_AT_ONCE: Final = 500
# Postings on an account with the bank's sign: a debit of an asset account came in.
_CANDIDATES: Final = """
    SELECT p.transaction_id, p.leg, CASE WHEN p.debit_account = :account THEN p.amount ELSE -p.amount END AS amount_fen,
           t.effective_on, t.description,
           t.kind = 'reverse' OR EXISTS (SELECT FROM ledger.transactions r
                                         WHERE r.tenant_id = t.tenant_id AND r.original_id = t.id
                                           AND r.kind = 'reverse' AND r.result = 'ok') AS is_taken_back
    FROM ledger.postings p JOIN ledger.transactions t ON t.tenant_id = p.tenant_id AND t.id = p.transaction_id
    WHERE p.tenant_id = :tenant AND (p.debit_account = :account OR p.credit_account = :account)
      AND NOT EXISTS (SELECT FROM ledger.bank_matches m WHERE m.tenant_id = p.tenant_id AND m.account_id = :account
                      AND m.transaction_id = p.transaction_id AND m.leg = p.leg)"""
_NEAR: Final = text(
    f"{_CANDIDATES} AND t.effective_on BETWEEN :first_on AND :last_on ORDER BY t.effective_on, p.transaction_id, p.leg"
    " LIMIT :limit"
)
# What is settled on a day: a line of up to then with postings of up to then. A match whose other half comes later
# leaves both halves open on that day: money on its way.
_SETTLED: Final = """
    WITH settled AS MATERIALIZED (
        SELECT l.id FROM ledger.bank_lines l
        WHERE l.tenant_id = :tenant AND l.account_id = :account AND l.state = 'matched' AND l.booked_on <= :on
          AND NOT EXISTS (SELECT FROM ledger.bank_matches m
                          JOIN ledger.transactions t ON t.tenant_id = m.tenant_id AND t.id = m.transaction_id
                          WHERE m.tenant_id = l.tenant_id AND m.line_id = l.id AND t.effective_on > :on))"""
_POSTING_SUMS: Final = text(f"""{_SETTLED},
    moves AS (
        SELECT CASE WHEN p.debit_account = :account THEN p.amount ELSE -p.amount END AS amount_fen,
               EXISTS (SELECT FROM ledger.bank_matches m JOIN settled s ON s.id = m.line_id
                       WHERE m.tenant_id = p.tenant_id AND m.account_id = :account
                         AND m.transaction_id = p.transaction_id AND m.leg = p.leg) AS is_settled
        FROM ledger.postings p JOIN ledger.transactions t ON t.tenant_id = p.tenant_id AND t.id = p.transaction_id
        WHERE p.tenant_id = :tenant AND (p.debit_account = :account OR p.credit_account = :account)
          AND t.effective_on <= :on)
    SELECT coalesce(sum(amount_fen), 0)::bigint AS total,
           coalesce(sum(amount_fen) FILTER (WHERE NOT is_settled), 0)::bigint AS open_fen,
           count(*) FILTER (WHERE NOT is_settled) AS open_number
    FROM moves""")
_LINE_SUMS: Final = text(f"""{_SETTLED}
    SELECT count(*) FILTER (WHERE is_open) AS open_number,
           coalesce(sum(amount_fen) FILTER (WHERE is_open), 0)::bigint AS open_fen,
           count(*) FILTER (WHERE state = 'ignored') AS ignored_number,
           coalesce(sum(amount_fen) FILTER (WHERE state = 'ignored'), 0)::bigint AS ignored_fen
    FROM (SELECT l.state, l.amount_fen,
                 l.state <> 'ignored' AND l.id NOT IN (SELECT s.id FROM settled s) AS is_open
          FROM ledger.bank_lines l
          WHERE l.tenant_id = :tenant AND l.account_id = :account AND l.booked_on <= :on) a""")
_MOVES: Final = text("""
    SELECT a.id, a.code, a.name, t.effective_on,
           CASE WHEN p.debit_account = a.id THEN p.amount ELSE -p.amount END AS amount_fen
    FROM ledger.accounts a
    JOIN ledger.balances b ON b.tenant_id = a.tenant_id AND b.account_id = a.id
    JOIN ledger.postings p ON p.tenant_id = a.tenant_id AND (p.debit_account = a.id OR p.credit_account = a.id)
    JOIN ledger.transactions t ON t.tenant_id = p.tenant_id AND t.id = p.transaction_id
    WHERE a.tenant_id = :tenant AND a.book_id = :book AND a.class = 'clearing'
      AND b.posted_debits <> b.posted_credits
    ORDER BY a.code, CASE WHEN p.debit_account = a.id THEN p.debit_sequence ELSE p.credit_sequence END""")


async def add_lines(session: WriteSession, rows: Sequence[dict[str, Any]]) -> set[bytes]:
    """Add lines that are not there yet; returns the fingerprints of those that were added."""
    added: set[bytes] = set()
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        statement = insert(BankLine).values(rows[start : start + _ROWS_AT_ONCE]).on_conflict_do_nothing()
        added |= set(await session.scalars(statement.returning(BankLine.fingerprint)))
    return added


async def find_line(session: Session, line_id: UUID) -> BankLine | None:
    """Return a line."""
    return await session.scalar(select(BankLine).where(BankLine.tenant_id == session.tenant, BankLine.id == line_id))


async def lock_line(session: WriteSession, line_id: UUID) -> BankLine | None:
    """Return a line and keep others from changing it meanwhile."""
    statement = select(BankLine).where(BankLine.tenant_id == session.tenant, BankLine.id == line_id)
    return await session.scalar(statement.with_for_update())


async def lines_of(
    session: Session, book_id: UUID, *, account_id: UUID | None, state: str | None, after: UUID | None, limit: int
) -> Sequence[BankLine]:
    """Return the lines of a book by id, which is the order in which they were imported."""
    statement = select(BankLine).where(BankLine.tenant_id == session.tenant, BankLine.book_id == book_id)
    if account_id is not None:
        statement = statement.where(BankLine.account_id == account_id)
    if state is not None:
        statement = statement.where(BankLine.state == state)
    if after is not None:
        statement = statement.where(BankLine.id > after)
    return (await session.scalars(statement.order_by(BankLine.id).limit(limit))).all()


async def candidates(
    session: Session, account_id: UUID, first_on: date, last_on: date, *, limit: int
) -> list[Candidate]:
    """Return the postings of an account, on some days, that no line tells of; the oldest first."""
    values = {
        "tenant": session.tenant,
        "account": account_id,
        "first_on": first_on,
        "last_on": last_on,
        "limit": limit,
    }
    return [Candidate(*row) for row in await session.execute(_NEAR, values)]


async def invoice_numbers(session: Session, transaction_ids: Sequence[UUID]) -> dict[UUID, str]:
    """Return the numbers of the invoices that some transactions have paid."""
    statement = (
        select(Payment.transaction_id, Invoice.number)
        .join(Invoice, (Invoice.tenant_id == Payment.tenant_id) & (Invoice.id == Payment.invoice_id))
        .where(Payment.tenant_id == session.tenant, Payment.transaction_id.in_(transaction_ids))
    )
    return {row[0]: row[1] for row in await session.execute(statement)}


async def lock_unmatched(session: WriteSession, account_id: UUID, limit: int) -> Sequence[BankLine]:
    """Return the unmatched lines of an account, the oldest first, and keep others from changing them meanwhile.

    They are locked in the order of their ids, whoever asks, so that two who ask at once do not wait for each other.
    """
    wanted = (
        select(BankLine.id)
        .where(BankLine.tenant_id == session.tenant, BankLine.account_id == account_id, BankLine.state == "unmatched")
        .order_by(BankLine.booked_on, BankLine.id)
        .limit(limit)
    )
    ids = (await session.scalars(wanted)).all()
    locked = (
        select(BankLine)
        .where(BankLine.tenant_id == session.tenant, BankLine.id.in_(ids), BankLine.state == "unmatched")
        .order_by(BankLine.id)
        .with_for_update()
    )
    return sorted((await session.scalars(locked)).all(), key=lambda line: (line.booked_on, line.id))


async def add_matches(session: WriteSession, account_id: UUID, pairs: Sequence[tuple[UUID, UUID, int]]) -> int:
    """Note which postings lines tell of, as line, transaction and leg; returns how many were free.

    They are written in one order, whoever asks, so that two who ask for the same ones at once do not deadlock.
    """
    rows = [
        {
            "tenant_id": session.tenant,
            "account_id": account_id,
            "line_id": line,
            "transaction_id": transaction,
            "leg": leg,
        }
        for line, transaction, leg in sorted(pairs, key=lambda pair: pair[1:])
    ]
    added = 0
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        statement = insert(BankMatch).values(rows[start : start + _ROWS_AT_ONCE]).on_conflict_do_nothing()
        added += len((await session.scalars(statement.returning(BankMatch.leg))).all())
    return added


async def matches_of(session: Session, line_ids: Sequence[UUID]) -> Sequence[BankMatch]:
    """Return the postings that some lines tell of."""
    statement = select(BankMatch).where(BankMatch.tenant_id == session.tenant, BankMatch.line_id.in_(line_ids))
    return (await session.scalars(statement.order_by(BankMatch.transaction_id, BankMatch.leg))).all()


async def remove_matches(session: WriteSession, line_id: UUID) -> None:
    """Let a line tell of nothing any more."""
    for match in await matches_of(session, [line_id]):
        await session.delete(match)
    await session.flush()


async def decisions_of(session: Session, line_ids: Sequence[UUID]) -> Sequence[BankDecision]:
    """Return what was decided about some lines, in that order."""
    statement = select(BankDecision).where(BankDecision.tenant_id == session.tenant, BankDecision.line_id.in_(line_ids))
    return (await session.scalars(statement.order_by(BankDecision.id))).all()


async def not_reversed(session: Session, transaction_ids: Sequence[UUID]) -> set[UUID]:
    """Return those of some transactions that stand, with no reversal."""
    statement = select(Transaction.original_id).where(
        Transaction.tenant_id == session.tenant,
        Transaction.original_id.in_(transaction_ids),
        Transaction.kind == TransactionKind.REVERSE.value,
        Transaction.result == "ok",
    )
    return set(transaction_ids) - {found for found in await session.scalars(statement) if found is not None}


async def posting_sums(session: Session, account_id: UUID, on: date) -> tuple[int, int, int]:
    """Return the account's balance up to a day, and of it what was open on that day: the sum and the number."""
    row = (await session.execute(_POSTING_SUMS, {"tenant": session.tenant, "account": account_id, "on": on})).one()
    return row.total, row.open_fen, row.open_number


async def line_sums(session: Session, account_id: UUID, on: date) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return the lines up to a day that were open on it, and those ignored: of each the number and the sum."""
    row = (await session.execute(_LINE_SUMS, {"tenant": session.tenant, "account": account_id, "on": on})).one()
    return (row.open_number, row.open_fen), (row.ignored_number, row.ignored_fen)


async def days_with_balance(session: Session, account_id: UUID, on: date) -> tuple[date, date] | None:
    """Return the first and the last day, up to one, of which the bank has told a balance."""
    statement = select(func.min(BankLine.booked_on), func.max(BankLine.booked_on)).where(
        BankLine.tenant_id == session.tenant,
        BankLine.account_id == account_id,
        BankLine.booked_on <= on,
        BankLine.balance_fen.is_not(None),
    )
    first, last = (await session.execute(statement)).one()
    return None if first is None else (first, last)


async def moves_on(session: Session, account_id: UUID, day: date) -> list[tuple[int, int | None]]:
    """Return the amounts and balances of a day's lines in the order of their import."""
    statement = select(BankLine.amount_fen, BankLine.balance_fen).where(
        BankLine.tenant_id == session.tenant, BankLine.account_id == account_id, BankLine.booked_on == day
    )
    return [(row[0], row[1]) for row in await session.execute(statement.order_by(BankLine.id))]


async def moved_outside(session: Session, account_id: UUID, first: date, last: date, on: date) -> tuple[int, int]:
    """Sum the lines before a first day, and those after a last one up to `on`."""
    statement = select(
        func.coalesce(func.sum(BankLine.amount_fen).filter(BankLine.booked_on < first), 0),
        func.coalesce(func.sum(BankLine.amount_fen).filter(BankLine.booked_on > last), 0),
    ).where(BankLine.tenant_id == session.tenant, BankLine.account_id == account_id, BankLine.booked_on <= on)
    before, after = (await session.execute(statement)).one()
    return int(before), int(after)


async def moves_of(session: Session, book_id: UUID) -> list[tuple[UUID, str, str, date, int]]:
    """Return the moves of a book's clearing accounts that are not zero, in their sequence."""
    values = {"tenant": session.tenant, "book": book_id}
    return [(row[0], row[1], row[2], row[3], row[4]) for row in await session.execute(_MOVES, values)]
