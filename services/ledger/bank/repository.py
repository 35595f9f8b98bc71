"""SQL of bank reconciliation."""

from collections.abc import Sequence
from datetime import date
from typing import Any, Final
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import insert

from services.ledger.bank.models import BankDecision, BankLine, BankMatch
from services.ledger.bank.rules import Candidate
from shared.db import Session, WriteSession

__all__ = [
    "add_lines",
    "add_matches",
    "bank_balance",
    "candidates",
    "decisions_of",
    "find_line",
    "line_sums",
    "lines_of",
    "lock_line",
    "matches_of",
    "moves_of",
    "posting_sums",
    "remove_matches",
]

# Postings on an account with the bank's sign: a debit of an asset account came in.
_CANDIDATES: Final = """
    SELECT p.transaction_id, p.leg, CASE WHEN p.debit_account = :account THEN p.amount ELSE -p.amount END AS amount_fen,
           t.effective_on, t.description
    FROM ledger.postings p JOIN ledger.transactions t ON t.tenant_id = p.tenant_id AND t.id = p.transaction_id
    WHERE p.tenant_id = :tenant AND (p.debit_account = :account OR p.credit_account = :account)
      AND NOT EXISTS (SELECT FROM ledger.bank_matches m WHERE m.tenant_id = p.tenant_id AND m.account_id = :account
                      AND m.transaction_id = p.transaction_id AND m.leg = p.leg)"""
_NEAR: Final = text(
    f"{_CANDIDATES} AND t.effective_on BETWEEN :first_on AND :last_on ORDER BY t.effective_on, p.transaction_id, p.leg"
    " LIMIT 10000"
)
_SUMS: Final = text(
    "SELECT coalesce(sum(amount_fen), 0)::bigint AS total, count(*) AS number,"
    f" (SELECT coalesce(sum(amount_fen), 0)::bigint FROM ({_CANDIDATES} AND t.effective_on <= :on) u) AS unmatched,"
    f" (SELECT count(*) FROM ({_CANDIDATES} AND t.effective_on <= :on) u) AS unmatched_number"
    " FROM (SELECT CASE WHEN p.debit_account = :account THEN p.amount ELSE -p.amount END AS amount_fen"
    "  FROM ledger.postings p JOIN ledger.transactions t ON t.tenant_id = p.tenant_id AND t.id = p.transaction_id"
    "  WHERE p.tenant_id = :tenant AND (p.debit_account = :account OR p.credit_account = :account)"
    "  AND t.effective_on <= :on) a"
)
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
    for start in range(0, len(rows), 500):
        statement = insert(BankLine).values(rows[start : start + 500]).on_conflict_do_nothing()
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


async def candidates(session: Session, account_id: UUID, first_on: date, last_on: date) -> list[Candidate]:
    """Return the postings of an account, on some days, that no line tells of."""
    values = {"tenant": session.tenant, "account": account_id, "first_on": first_on, "last_on": last_on}
    return [Candidate(*row) for row in await session.execute(_NEAR, values)]


async def add_matches(session: WriteSession, account_id: UUID, pairs: Sequence[tuple[UUID, UUID, int]]) -> int:
    """Note which postings lines tell of, as line, transaction and leg; returns how many were free."""
    rows = [
        {
            "tenant_id": session.tenant,
            "account_id": account_id,
            "line_id": line,
            "transaction_id": transaction,
            "leg": leg,
        }
        for line, transaction, leg in pairs
    ]
    statement = insert(BankMatch).values(rows).on_conflict_do_nothing().returning(BankMatch.leg)
    return len((await session.scalars(statement)).all())


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


async def posting_sums(session: Session, account_id: UUID, on: date) -> tuple[int, int, int]:
    """Return the account's balance up to a day, and of it what no line tells of: the sum and the number."""
    row = (await session.execute(_SUMS, {"tenant": session.tenant, "account": account_id, "on": on})).one()
    return row.total, row.unmatched, row.unmatched_number


async def line_sums(session: Session, account_id: UUID, on: date) -> dict[str, tuple[int, int]]:
    """Return by state how many lines there are up to a day, and their sum."""
    statement = (
        select(BankLine.state, func.count(), func.coalesce(func.sum(BankLine.amount_fen), 0))
        .where(BankLine.tenant_id == session.tenant, BankLine.account_id == account_id, BankLine.booked_on <= on)
        .group_by(BankLine.state)
    )
    return {row[0]: (int(row[1]), int(row[2])) for row in await session.execute(statement)}


async def bank_balance(session: Session, account_id: UUID, on: date) -> tuple[int, int] | None:
    """Return what the bank says: the balance at the end of a day, and that before the first line; None if it is silent.

    The first line's balance less its amount is what was there before it.
    """
    statement = select(BankLine).where(
        BankLine.tenant_id == session.tenant, BankLine.account_id == account_id, BankLine.booked_on <= on
    )
    total = select(func.coalesce(func.sum(BankLine.amount_fen), 0)).where(
        BankLine.tenant_id == session.tenant, BankLine.account_id == account_id, BankLine.booked_on <= on
    )
    first = await session.scalar(
        statement.where(BankLine.balance_fen.is_not(None)).order_by(BankLine.booked_on, BankLine.id).limit(1)
    )
    if first is None or first.balance_fen is None:
        return None
    opening = first.balance_fen - first.amount_fen
    return opening + int(await session.scalar(total) or 0), opening


async def moves_of(session: Session, book_id: UUID) -> list[tuple[UUID, str, str, date, int]]:
    """Return the moves of a book's clearing accounts that are not zero, in their sequence."""
    values = {"tenant": session.tenant, "book": book_id}
    return [(row[0], row[1], row[2], row[3], row[4]) for row in await session.execute(_MOVES, values)]
