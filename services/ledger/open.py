"""The open side of the books: anybody reads them without signing in, so the tenant stands in the address.

Only books of funds and of property companies are open; a general one is not there for the public.
"""

from typing import Annotated, Final
from uuid import UUID

from fastapi import Depends

from services.ledger.books.models import Book
from services.ledger.books.repository import find_book
from services.ledger.books.rules import BookKind
from shared.problems import NotFound
from shared.web.open import Anybody, OpenReading, Tenant

__all__ = ["Anybody", "OpenBook", "OpenReading", "Tenant"]

_OPEN: Final = frozenset({BookKind.FUND, BookKind.PROPERTY})


async def _book(session: OpenReading, book_id: UUID) -> Book:
    book = await find_book(session, book_id)
    if book is None or book.kind not in _OPEN:
        raise NotFound
    return book


OpenBook = Annotated[Book, Depends(_book)]
