"""Use cases of periods: open, close with a statement, open again, and publish what the log covers."""

import hashlib
from uuid import UUID

from services.ledger.books.models import Book
from services.ledger.books.repository import lock_book
from services.ledger.books.service import get_book
from services.ledger.periods import repository
from services.ledger.periods.models import Period, Statement
from services.ledger.periods.rules import (
    NotInOrder,
    NotLastClosed,
    PeriodNotOver,
    PeriodState,
    SameCloser,
    Subject,
    check_first_day,
    statement_bytes,
    statement_document,
)
from services.ledger.periods.schemas import PeriodIn
from services.ledger.proofs.sealing import leaf_hash
from shared.auth import Principal, Role
from shared.clock import today, utc_now
from shared.contracts.ledger import StatementPublished
from shared.db import Database, Session, WriteSession
from shared.ids import new_id
from shared.messaging import publish
from shared.problems import IdTaken, NotFound

__all__ = ["begin", "close_period", "compute_statement", "open_period", "publish_due", "reopen_period"]


async def open_period(session: WriteSession, caller: Principal, book: Book, wanted: PeriodIn) -> tuple[Period, bool]:
    """Open the next period of a book; returns it and whether it is new."""
    caller.must(Role.TREASURER, at=book.area_path, rule="treasurers_keep_periods")
    if wanted.first_on > wanted.last_on:
        raise NotInOrder(pointer="/last_on")
    earlier = await repository.find_period(session, wanted.id) if wanted.id else None
    if earlier is not None:
        if (earlier.book_id, earlier.first_on, earlier.last_on) != (book.id, wanted.first_on, wanted.last_on):
            raise IdTaken(pointer="/id")
        return earlier, False
    # One at a time: who opens another meanwhile finds it here.
    await lock_book(session, book.id)
    last = await repository.last_period(session, book.id)
    check_first_day(wanted.first_on, last.last_on if last else None)
    period = Period(
        tenant_id=session.tenant,
        id=wanted.id or new_id(),
        book_id=book.id,
        first_on=wanted.first_on,
        last_on=wanted.last_on,
        state="open",
        version=1,
    )
    session.add(period)
    await session.flush()
    return period, True


async def begin(session: WriteSession, period_id: UUID) -> tuple[Period, Book]:
    """Lock a period for a step."""
    period = await repository.lock_period(session, period_id)
    if period is None:
        raise NotFound
    return period, await get_book(session, period.book_id)


async def close_period(session: WriteSession, caller: Principal, period: Period, book: Book) -> Statement:
    """Close a period and state what it came to.

    Under the locks of all balances of the book nobody posts: whoever has posted is in the statement, and whoever comes
    later is refused for the period.
    """
    caller.must(Role.TREASURER, at=book.area_path, rule="treasurers_keep_periods")
    if period.state != "open":
        raise PeriodState(state=period.state)
    if period.last_on >= today():
        raise PeriodNotOver(last_on=period.last_on.isoformat())
    before = await repository.last_closed(session, book.id)
    opens_next = before is None or before.last_on < period.first_on
    earlier_open = list(await repository.periods_of(session, book.id, after=period.first_on, limit=1))
    if not opens_next or any(item.state == "open" for item in earlier_open):
        raise PeriodState(state="an earlier period is open")
    await lock_book(session, book.id)
    book.closed_through = period.last_on
    period.state, period.closed_by, period.closed_at = "closed", caller.subject_id, utc_now()
    period.version += 1
    await session.flush()
    number = await repository.versions_of(session, period.id) + 1
    reason = period.reopened_because
    content = statement_bytes(await compute_statement(session, book, period, number=number, reason=reason))
    statement = Statement(
        tenant_id=session.tenant,
        id=new_id(),
        period_id=period.id,
        book_id=book.id,
        number=number,
        document=content,
        sha256=hashlib.sha256(content).digest(),
        reason=reason,
        made_at=utc_now(),
    )
    session.add(statement)
    await session.flush()
    return statement


async def compute_statement(
    session: Session, book: Book, period: Period, *, number: int, reason: str | None
) -> dict[str, object]:
    """Compute a statement from the postings."""
    days = (period.first_on, period.last_on)
    subject = Subject(session.tenant, book.id, book.name, book.kind, *days, number, reason)
    lines = repository.lines_between(session, book.id, *days)
    leaves = [leaf_hash(session.tenant, book.id, line) async for line in lines]
    moves, flows = (
        await repository.moves_of(session, book.id, *days),
        await repository.cash_flows(session, book.id, *days),
    )
    return statement_document(subject, moves, flows, leaves)


async def reopen_period(session: WriteSession, caller: Principal, period: Period, book: Book, reason: str) -> None:
    """Open the newest closed period again for a correction; its statement stays, and the next one is a new version."""
    caller.must(Role.AUDITOR, at=book.area_path, rule="auditors_reopen_periods")
    if period.state != "closed":
        raise PeriodState(state=period.state)
    if caller.subject_id == period.closed_by:
        raise SameCloser(rule="closer_does_not_reopen")
    last = await repository.last_closed(session, book.id)
    if last is None or last.id != period.id:
        raise NotLastClosed
    await lock_book(session, book.id)
    earlier = await repository.last_closed(session, book.id, before=period.first_on)
    book.closed_through = earlier.last_on if earlier is not None else None
    period.state, period.closed_by, period.closed_at, period.reopened_because = "open", None, None, reason
    period.version += 1
    await session.flush()


async def publish_due(database: Database, tenant: str) -> int:
    """Publish statements that the log has come to cover; returns how many."""
    async with database.write(tenant) as session:
        due = await repository.statements_due(session)
        for statement, tree_size in due:
            statement.tree_size, statement.published_at = tree_size, utc_now()
            told = StatementPublished(
                statement_id=statement.id,
                period_id=statement.period_id,
                book_id=statement.book_id,
                number=statement.number,
                sha256=statement.sha256.hex(),
                tree_size=tree_size,
            )
            await publish(session, f"book/{statement.book_id}", told)
        return len(due)
