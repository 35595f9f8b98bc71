"""The open side of the books: anybody reads them without signing in, so the tenant stands in the address.

Only books of funds and of property companies are open; a general one is not there for the public.
"""

from collections.abc import AsyncIterator
from typing import Annotated, Final
from uuid import UUID

from fastapi import Depends, Path, Request

from services.ledger.books.models import Book
from services.ledger.books.repository import find_book
from services.ledger.books.rules import BookKind
from shared.auth import Principal, public
from shared.db import ReadSession
from shared.problems import NotFound
from shared.web import database_of

__all__ = ["Anybody", "OpenBook", "OpenReading", "Tenant"]

_OPEN: Final = frozenset({BookKind.FUND, BookKind.PROPERTY})

Tenant = Annotated[str, Path(pattern=r"^[a-z0-9_]{1,32}$", description="Whose books 区县")]
Anybody = Annotated[Principal, Depends(public)]


async def _reading(request: Request, tenant: Tenant) -> AsyncIterator[ReadSession]:
    async with database_of(request).read(tenant) as session:
        yield session


OpenReading = Annotated[ReadSession, Depends(_reading, scope="function")]


async def _book(session: OpenReading, book_id: UUID) -> Book:
    book = await find_book(session, book_id)
    if book is None or book.kind not in _OPEN:
        raise NotFound
    return book


OpenBook = Annotated[Book, Depends(_book, scope="function")]
