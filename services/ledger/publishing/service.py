"""What the open books show."""

from typing import Final
from uuid import UUID

import orjson

from services.ledger.books import repository as books
from services.ledger.books.models import Book
from services.ledger.books.views import available_fen, balance_fen
from services.ledger.periods import repository as periods
from services.ledger.periods.models import Statement
from services.ledger.periods.views import statement_summary
from services.ledger.proofs import repository as proofs
from services.ledger.proofs.rules import Line
from services.ledger.proofs.service import head_of
from services.ledger.proofs.views import head_out, key_texts, line_out
from services.ledger.publishing import repository
from services.ledger.publishing.rules import BookTooLarge
from services.ledger.publishing.schemas import BookExport, OpenAccountOut, OpenBookOut, OpenBookSummary
from shared.db import Session
from shared.problems import NotFound

__all__ = ["export_book", "published_lines", "published_statement", "show_book"]

_LINES_MAX: Final = 100_000


async def show_book(session: Session, book: Book) -> OpenBookOut:
    """Show an open book whole."""
    head = await proofs.latest_head(session, book.id)
    latest = await repository.latest_published(session, book.id)
    shown = None
    if head is not None:
        shown = head_out(book.id, head, await proofs.cosignatures_of(session, book.id, head.tree_size))
    accounts = [
        OpenAccountOut(
            id=account.id,
            code=account.code,
            name=account.name,
            account_class=account.kind,
            unit=account.unit,
            purpose=account.purpose,
            spend_by=account.spend_by,
            balance_fen=balance_fen(balance),
            held_fen=balance_fen(balance) - available_fen(balance),
        )
        for account, balance in await books.accounts_of(session, book.id)
    ]
    return OpenBookOut(
        **OpenBookSummary.model_validate(book).model_dump(),
        charter=await repository.charter_of_book(session, book.id),
        accounts=accounts,
        latest_statement=statement_summary(latest) if latest is not None else None,
        head=shown,
    )


async def export_book(session: Session, book: Book, tree_size: int | None) -> BookExport:
    """Export a book up to a signed head, the newest by default, for the stand-alone verifier.

    Raises:
        BookTooLarge: it has more than 100 000 lines.
    """
    head = await head_of(session, book.id, tree_size)
    if head.tree_size > _LINES_MAX:
        raise BookTooLarge(lines=head.tree_size, lines_max=_LINES_MAX)
    names = await repository.names_of(session, book.id)
    cosigned = await proofs.cosignatures_of(session, book.id, head.tree_size)
    pairs = proofs.lines_in_log(session, book.id, size=head.tree_size)
    return BookExport(
        format="linli/book/1",
        tenant=session.tenant,
        book_id=book.id,
        name=book.name,
        kind=book.kind,
        accounts=[
            {"id": str(key), "code": name.code, "name": name.name, "class": name.kind, "unit": name.unit}
            for key, name in sorted(names.items(), key=lambda pair: pair[1].code)
        ],
        public_keys=key_texts(),
        note=head.note,
        cosignatures=head_out(book.id, head, cosigned).cosignatures,
        statements=[orjson.loads(item) for item in await _covered(session, book.id, head.tree_size)],
        lines=[line_out(index, line) async for index, line in pairs],
    )


async def _covered(session: Session, book_id: UUID, tree_size: int) -> list[bytes]:
    """Return the statements that a head covers; of a period its newest version, unless an older head is asked for."""
    found: dict[UUID, Statement] = {}
    for statement in await periods.statements_of(session, book_id, after=None, limit=10_000, published_only=True):
        if statement.tree_size is not None and statement.tree_size <= tree_size:
            found.setdefault(statement.period_id, statement)
    return [statement.document for statement in reversed(found.values())]


async def published_statement(session: Session, book: Book, statement_id: UUID) -> Statement:
    """Return a published statement of a book, or NotFound."""
    statement = await periods.find_statement(session, statement_id)
    if statement is None or statement.book_id != book.id or statement.published_at is None:
        raise NotFound
    return statement


async def published_lines(session: Session, statement: Statement) -> list[Line]:
    """Return the lines of a statement in the order of date, transaction and leg.

    Raises:
        BookTooLarge: there are more than 100 000.
    """
    document = orjson.loads(statement.document)
    if document["lines"] > _LINES_MAX:
        raise BookTooLarge(lines=document["lines"], lines_max=_LINES_MAX)
    period = await periods.find_period(session, statement.period_id)
    if period is None:
        raise NotFound
    lines = [line async for line in periods.lines_between(session, statement.book_id, period.first_on, period.last_on)]
    return sorted(lines, key=lambda line: (line.effective_on, line.transaction_id, line.leg))
