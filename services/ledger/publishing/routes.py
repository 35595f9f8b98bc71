"""HTTP of the open books: no sign-in, no personal data."""

from typing import Annotated, Any, Final
from uuid import UUID

import orjson
from fastapi import Path, Query, Response

from services.ledger.open import Anybody, OpenBook, OpenReading, Tenant
from services.ledger.periods import repository as periods
from services.ledger.periods.schemas import StatementOut, StatementSummary
from services.ledger.periods.views import statement_out, statement_summary
from services.ledger.publishing import repository, service
from services.ledger.publishing.page import statement_page
from services.ledger.publishing.rules import beancount_text, csv_text
from services.ledger.publishing.schemas import BookExport, OpenBookOut, OpenBookSummary
from shared.pagination import Page, Paging
from shared.web import service_router

__all__ = ["router"]

router = service_router(tags=["open books 公开账本"])

_BOOK: Final = "/v1/open-books/{tenant}/{book_id}"
_STATEMENT: Final = _BOOK + "/statements/{statement_id}"
AreaPath = Annotated[
    str | None, Query(pattern=r"^[a-z0-9_]{1,64}(\.[a-z0-9_]{1,64}){0,15}$", description="At or below")
]
StatementId = Annotated[UUID, Path(description="Of a published statement")]


def _file(kind: str, example: str) -> dict[int | str, dict[str, Any]]:
    return {
        200: {"description": "The file 文件", "content": {kind: {"schema": {"type": "string"}, "example": example}}}
    }


@router.get("/v1/open-books/{tenant}", summary="Open books 公开账本列表")
async def list_open_books(
    _: Anybody, session: OpenReading, paging: Paging, area_path: AreaPath = None
) -> Page[OpenBookSummary]:
    """Return the books of funds and property companies, the newest first."""
    rows = await repository.open_books(session, area_path=area_path, after=paging.after, limit=paging.size + 1)
    return paging.page(rows, key=lambda row: (row.opened_at, row.id), view=OpenBookSummary.model_validate)


@router.get(_BOOK, summary="An open book 公开账本")
async def read_open_book(_: Anybody, session: OpenReading, book: OpenBook) -> OpenBookOut:
    """Return charter, balances, the newest statement and the newest signed head of a book."""
    return await service.show_book(session, book)


@router.get(_BOOK + "/book.json", summary="Download a whole book 下载账本")
async def export_book(
    _: Anybody,
    session: OpenReading,
    book: OpenBook,
    tree_size: Annotated[int | None, Query(ge=1, le=2**62, description="Up to this signed head")] = None,
) -> BookExport:
    """Return every line up to a signed head, for the stand-alone verifier."""
    return await service.export_book(session, book, tree_size)


@router.get(_BOOK + "/statements", summary="Published statements 历期公示")
async def list_statements(_: Anybody, session: OpenReading, book: OpenBook, paging: Paging) -> Page[StatementSummary]:
    """Return the published statements of a book, the newest first; a correction is a new version, the old one stays."""
    after = paging.after[0] if paging.after else None
    rows = await periods.statements_of(session, book.id, after=after, limit=paging.size + 1, published_only=True)
    return paging.page(rows, key=lambda row: (row.id,), view=statement_summary)


@router.get(_STATEMENT, summary="A statement 公示表")
async def read_open_statement(
    _: Anybody, session: OpenReading, book: OpenBook, statement_id: StatementId
) -> StatementOut:
    """Return a statement with the signed head that covers it."""
    return await statement_out(session, await service.published_statement(session, book, statement_id))


@router.get(
    _STATEMENT + "/lines.csv", response_class=Response, responses=_file("text/csv", "序号,日期,…"), summary="CSV 明细表"
)
async def statement_csv(_: Anybody, session: OpenReading, book: OpenBook, statement_id: StatementId) -> Response:
    """Return the lines of a statement as a table with Chinese headers."""
    lines = await service.published_lines(session, await service.published_statement(session, book, statement_id))
    content = csv_text(lines, await repository.names_of(session, book.id))
    named = {"Content-Disposition": f'attachment; filename="statement-{statement_id}.csv"'}
    return Response(content, media_type="text/csv; charset=utf-8", headers=named)


@router.get(
    _STATEMENT + "/page",
    response_class=Response,
    responses=_file("text/html", "<!doctype html>…"),
    summary="打印页 Page",
)
async def statement_html(
    _: Anybody, session: OpenReading, book: OpenBook, tenant: Tenant, statement_id: StatementId
) -> Response:
    """Return a statement as a page to read and to print, with the signed head as text and as a QR code."""
    statement = await service.published_statement(session, book, statement_id)
    lines, names = await service.published_lines(session, statement), await repository.names_of(session, book.id)
    path = f"/v1/open-books/{tenant}/{book.id}/book.json"
    content = statement_page(await statement_out(session, statement), lines, names, book_path=path)
    return Response(content, media_type="text/html; charset=utf-8", headers=_PAGE_HEADERS)


# The page needs its own style and nothing else: no script, no other host, nobody's frame.
_PAGE_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
}


@router.get(
    _STATEMENT + "/beancount",
    response_class=Response,
    responses=_file("text/plain", "2026-01-01 open Assets:Bank CNY"),
    summary="beancount 导出",
)
async def statement_beancount(_: Anybody, session: OpenReading, book: OpenBook, statement_id: StatementId) -> Response:
    """Return a statement in the language of beancount, with assertions of all opening and closing balances."""
    statement = await service.published_statement(session, book, statement_id)
    content = beancount_text(orjson.loads(statement.document), await service.published_lines(session, statement))
    return Response(content, media_type="text/plain; charset=utf-8")
