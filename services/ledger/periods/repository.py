"""SQL of periods and statements."""

from collections.abc import AsyncIterator, Sequence
from datetime import date
from typing import Final
from uuid import UUID

from sqlalchemy import func, select, text, tuple_

from services.ledger.books.models import Posting, Transaction
from services.ledger.periods.models import Period, Statement
from services.ledger.periods.rules import AccountMoves, CashFlow
from services.ledger.proofs.models import Log
from services.ledger.proofs.repository import LINE_COLUMNS, line_from
from services.ledger.proofs.rules import Line
from shared.db import Session, WriteSession

__all__ = [
    "cash_flows",
    "find_period",
    "find_statement",
    "last_closed",
    "last_period",
    "lines_between",
    "lock_period",
    "moves_of",
    "periods_of",
    "statements_due",
    "statements_of",
    "versions_of",
]

_PAGE: Final = 2_000
_MOVES: Final = text("""
    SELECT a.id, a.code, a.name, a.class AS kind, a.unit,
           coalesce(sum(m.signed) FILTER (WHERE m.effective_on < :first_on), 0)::bigint AS before,
           coalesce(sum(m.signed) FILTER (WHERE m.effective_on >= :first_on AND m.signed > 0), 0)::bigint AS debits,
           coalesce(-sum(m.signed) FILTER (WHERE m.effective_on >= :first_on AND m.signed < 0), 0)::bigint AS credits
    FROM (SELECT p.debit_account AS account, p.amount AS signed, t.effective_on
          FROM ledger.transactions t JOIN ledger.postings p ON p.tenant_id = t.tenant_id AND p.transaction_id = t.id
          WHERE t.tenant_id = :tenant AND t.book_id = :book AND t.effective_on <= :last_on
          UNION ALL
          SELECT p.credit_account, -p.amount, t.effective_on
          FROM ledger.transactions t JOIN ledger.postings p ON p.tenant_id = t.tenant_id AND p.transaction_id = t.id
          WHERE t.tenant_id = :tenant AND t.book_id = :book AND t.effective_on <= :last_on) m
    JOIN ledger.accounts a ON a.tenant_id = :tenant AND a.id = m.account
    GROUP BY a.id, a.code, a.name, a.class, a.unit""")
_IS_BANK: Final = "split_part({0}.code, ':', 1) = 'bank' AND {0}.unit = 'CNY'"
_FLOWS: Final = text(f"""
    SELECT other.id, other.code, other.name, coalesce(sum(m.came), 0)::bigint AS came,
           coalesce(sum(m.went), 0)::bigint AS went
    FROM (SELECT p.credit_account AS account, p.amount AS came, 0 AS went
          FROM ledger.transactions t JOIN ledger.postings p ON p.tenant_id = t.tenant_id AND p.transaction_id = t.id
          JOIN ledger.accounts b ON b.tenant_id = p.tenant_id AND b.id = p.debit_account
          WHERE t.tenant_id = :tenant AND t.book_id = :book AND t.effective_on BETWEEN :first_on AND :last_on
            AND {_IS_BANK.format("b")}
          UNION ALL
          SELECT p.debit_account, 0, p.amount
          FROM ledger.transactions t JOIN ledger.postings p ON p.tenant_id = t.tenant_id AND p.transaction_id = t.id
          JOIN ledger.accounts b ON b.tenant_id = p.tenant_id AND b.id = p.credit_account
          WHERE t.tenant_id = :tenant AND t.book_id = :book AND t.effective_on BETWEEN :first_on AND :last_on
            AND {_IS_BANK.format("b")}) m
    JOIN ledger.accounts other ON other.tenant_id = :tenant AND other.id = m.account
    WHERE NOT ({_IS_BANK.format("other")})
    GROUP BY other.id, other.code, other.name""")


async def find_period(session: Session, period_id: UUID) -> Period | None:
    """Return a period."""
    return await session.scalar(select(Period).where(Period.tenant_id == session.tenant, Period.id == period_id))


async def lock_period(session: WriteSession, period_id: UUID) -> Period | None:
    """Return a period and keep others from changing it meanwhile."""
    statement = select(Period).where(Period.tenant_id == session.tenant, Period.id == period_id)
    return await session.scalar(statement.with_for_update())


async def last_period(session: Session, book_id: UUID) -> Period | None:
    """Return the newest period of a book."""
    statement = select(Period).where(Period.tenant_id == session.tenant, Period.book_id == book_id)
    return await session.scalar(statement.order_by(Period.last_on.desc()).limit(1))


async def last_closed(session: Session, book_id: UUID, *, before: date | None = None) -> Period | None:
    """Return the newest closed period of a book, or the newest that begins before a day."""
    statement = select(Period).where(
        Period.tenant_id == session.tenant, Period.book_id == book_id, Period.state == "closed"
    )
    if before is not None:
        statement = statement.where(Period.first_on < before)
    return await session.scalar(statement.order_by(Period.last_on.desc()).limit(1))


async def periods_of(session: Session, book_id: UUID, *, after: date | None, limit: int) -> Sequence[Period]:
    """Return the periods of a book, the newest first."""
    statement = select(Period).where(Period.tenant_id == session.tenant, Period.book_id == book_id)
    if after is not None:
        statement = statement.where(Period.first_on < after)
    return (await session.scalars(statement.order_by(Period.first_on.desc()).limit(limit))).all()


async def moves_of(session: Session, book_id: UUID, first_on: date, last_on: date) -> list[AccountMoves]:
    """Sum what each account did before and during some days."""
    values = {"tenant": session.tenant, "book": book_id, "first_on": first_on, "last_on": last_on}
    return [AccountMoves(*row) for row in await session.execute(_MOVES, values)]


async def cash_flows(session: Session, book_id: UUID, first_on: date, last_on: date) -> list[CashFlow]:
    """Sum what came into the bank and went out of it during some days, by the account on the other side."""
    values = {"tenant": session.tenant, "book": book_id, "first_on": first_on, "last_on": last_on}
    return [CashFlow(*row) for row in await session.execute(_FLOWS, values)]


async def lines_between(session: Session, book_id: UUID, first_on: date, last_on: date) -> AsyncIterator[Line]:
    """Yield the postings of some days in the order of transaction id and leg, reading page by page."""
    after: tuple[UUID, int] | None = None
    while True:
        statement = (
            select(*LINE_COLUMNS)
            .join(
                Transaction, (Posting.tenant_id == Transaction.tenant_id) & (Posting.transaction_id == Transaction.id)
            )
            .where(Transaction.tenant_id == session.tenant, Transaction.book_id == book_id)
            .where(Transaction.effective_on.between(first_on, last_on))
            .order_by(Transaction.id, Posting.leg)
            .limit(_PAGE)
        )
        if after is not None:
            statement = statement.where(tuple_(Transaction.id, Posting.leg) > tuple_(*after))
        lines = [line_from(row) for row in await session.execute(statement)]
        for line in lines:
            yield line
        if len(lines) < _PAGE:
            return
        after = (lines[-1].transaction_id, lines[-1].leg)


async def versions_of(session: Session, period_id: UUID) -> int:
    """Count the statements of a period."""
    statement = select(Statement.number).where(Statement.tenant_id == session.tenant, Statement.period_id == period_id)
    return await session.scalar(statement.order_by(Statement.number.desc()).limit(1)) or 0


async def find_statement(session: Session, statement_id: UUID) -> Statement | None:
    """Return a statement."""
    return await session.scalar(
        select(Statement).where(Statement.tenant_id == session.tenant, Statement.id == statement_id)
    )


async def statements_of(
    session: Session, book_id: UUID, *, after: UUID | None, limit: int, published_only: bool
) -> Sequence[Statement]:
    """Return the statements of a book, the newest first, all versions."""
    statement = select(Statement).where(Statement.tenant_id == session.tenant, Statement.book_id == book_id)
    if published_only:
        statement = statement.where(Statement.published_at.is_not(None))
    if after is not None:
        statement = statement.where(Statement.id < after)
    return (await session.scalars(statement.order_by(Statement.id.desc()).limit(limit))).all()


async def statements_due(session: WriteSession) -> Sequence[tuple[Statement, int]]:
    """Return statements that the log covers by now, with its size, for one publisher at a time.

    Whatever was posted before a period was closed belongs to a database transaction up to the closing one. When those
    have all ended and the log has passed them, it covers the statement.
    """
    behind = select(Transaction.id).where(
        Transaction.tenant_id == Statement.tenant_id,
        Transaction.book_id == Statement.book_id,
        Transaction.xid >= func.coalesce(Log.sealed_below, 0),
        Transaction.xid <= Statement.xid,
    )
    statement = (
        select(Statement, func.coalesce(Log.tree_size, 0))
        .outerjoin(Log, (Log.tenant_id == Statement.tenant_id) & (Log.book_id == Statement.book_id))
        .where(Statement.tenant_id == session.tenant, Statement.published_at.is_(None))
        .where(Statement.xid < text("pg_snapshot_xmin(pg_current_snapshot())::text::bigint"), ~behind.exists())
        .order_by(Statement.id)
        .with_for_update(of=Statement, skip_locked=True)
    )
    return [(row[0], row[1]) for row in await session.execute(statement)]
