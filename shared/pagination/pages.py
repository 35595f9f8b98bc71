"""A page of a list and the request for one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, Generic, TypeVar
from urllib.parse import urlencode

from fastapi import Depends, Query, Request
from pydantic import BaseModel

from shared.pagination.cursors import decode_cursor, encode_cursor

__all__ = ["Page", "PageRequest", "Paging", "page_request"]

PAGE_SIZE_MAX: Final = 200
PAGE_SIZE_DEFAULT: Final = 50

T = TypeVar("T")
Row = TypeVar("Row")


class Page(BaseModel, Generic[T]):
    """Some lines of a list, and where to go on; `next_cursor` is null on the last page."""

    items: list[T]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class PageRequest:
    """What a list is asked for: at most `size` rows after the sort key `after`.

    A repository fetches `size + 1` rows: the one too many tells that there is a next page.
    """

    size: int
    after: tuple[Any, ...] | None
    key: bytes
    scope: str

    def page(
        self, rows: Sequence[Row], *, key: Callable[[Row], tuple[Any, ...]], view: Callable[[Row], T]
    ) -> "Page[T]":
        """Make the page from the fetched rows; `key` gives a row's sort key and `view` its representation."""
        shown = rows[: self.size]
        cursor = None
        if len(rows) > self.size:
            cursor = encode_cursor(key(shown[-1]), key=self.key, scope=self.scope)
        return Page(items=[view(row) for row in shown], next_cursor=cursor)


async def page_request(
    request: Request,
    page_size: Annotated[int, Query(ge=1, le=PAGE_SIZE_MAX, description="Lines a page 每页条数")] = PAGE_SIZE_DEFAULT,
    cursor: Annotated[
        str | None, Query(max_length=2048, description="`next_cursor` of the page before 上一页游标")
    ] = None,
) -> PageRequest:
    """Read the paging of a list; the cursor is bound to the path and to the filters."""
    filters = sorted(
        (name, value) for name, value in request.query_params.multi_items() if name not in {"cursor", "page_size"}
    )
    scope = f"{request.url.path}?{urlencode(filters)}"
    key: bytes = request.app.state.cursor_key
    after = decode_cursor(cursor, key=key, scope=scope) if cursor is not None else None
    return PageRequest(size=page_size, after=after, key=key, scope=scope)


Paging = Annotated[PageRequest, Depends(page_request)]
