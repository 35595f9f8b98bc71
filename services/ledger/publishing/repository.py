"""SQL of the open books."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select, tuple_

from services.ledger.books.models import Account, Book
from services.ledger.funds.models import Fund
from services.ledger.periods.models import Statement
from services.ledger.publishing.rules import Names
from shared.db import Session

__all__ = ["charter_of_book", "latest_published", "names_of", "open_books"]

_OPEN_KINDS = ("fund", "property")


async def open_books(
    session: Session, *, area_path: str | None, after: tuple[Any, ...] | None, limit: int
) -> Sequence[Book]:
    """Return the open books of a tenant at or below an area, the newest first."""
    statement = select(Book).where(Book.tenant_id == session.tenant, Book.kind.in_(_OPEN_KINDS))
    if area_path is not None:
        statement = statement.where(Book.area_path.op("<@", is_comparison=True)(area_path))
    if after is not None:
        statement = statement.where(tuple_(Book.opened_at, Book.id) < tuple_(*after))
    return (await session.scalars(statement.order_by(Book.opened_at.desc(), Book.id.desc()).limit(limit))).all()


async def charter_of_book(session: Session, book_id: UUID) -> dict[str, Any] | None:
    """Return the charter of the fund whose book it is."""
    return await session.scalar(select(Fund.charter).where(Fund.tenant_id == session.tenant, Fund.book_id == book_id))


async def names_of(session: Session, book_id: UUID) -> dict[UUID, Names]:
    """Return what the accounts of a book are called."""
    statement = select(Account.id, Account.code, Account.name, Account.kind, Account.unit).where(
        Account.tenant_id == session.tenant, Account.book_id == book_id
    )
    return {row[0]: Names(*row[1:]) for row in await session.execute(statement)}


async def latest_published(session: Session, book_id: UUID) -> Statement | None:
    """Return the newest published statement of a book."""
    statement = select(Statement).where(
        Statement.tenant_id == session.tenant, Statement.book_id == book_id, Statement.published_at.is_not(None)
    )
    return await session.scalar(statement.order_by(Statement.id.desc()).limit(1))
