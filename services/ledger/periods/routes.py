"""HTTP of periods. What they came to is read at the open books."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Response

from services.ledger.books.service import get_book
from services.ledger.periods import repository, service
from services.ledger.periods.schemas import PeriodIn, PeriodOut, ReopenIn, StatementOut
from services.ledger.periods.views import statement_out
from shared.auth import Principal, Role, authenticated, requires
from shared.pagination import Page, Paging
from shared.problems import NotFound
from shared.web import ExpectedVersion, Reading, Writing, check_version, service_router, set_etag

__all__ = ["router"]

router = service_router(tags=["periods 账期"])

Caller = Annotated[Principal, Depends(authenticated)]
Treasurer = Annotated[Principal, Depends(requires(Role.TREASURER))]


@router.post("/v1/books/{book_id}/periods", status_code=201, summary="Open the next period 开设账期")
async def open_period(
    caller: Treasurer, session: Writing, response: Response, book_id: UUID, wanted: PeriodIn
) -> PeriodOut:
    """Open the next period of a book; it begins on the day after the one before."""
    period, is_new = await service.open_period(session, caller, await get_book(session, book_id), wanted)
    response.status_code = 201 if is_new else 200
    response.headers["Location"] = f"/v1/periods/{period.id}"
    set_etag(response, period.version)
    return PeriodOut.model_validate(period)


@router.get("/v1/books/{book_id}/periods", summary="Periods of a book 账期列表")
async def list_periods(_: Caller, session: Reading, paging: Paging, book_id: UUID) -> Page[PeriodOut]:
    """Return the periods of a book, the newest first."""
    await get_book(session, book_id)
    after = paging.after[0] if paging.after else None
    rows = await repository.periods_of(session, book_id, after=after, limit=paging.size + 1)
    return paging.page(rows, key=lambda row: (row.first_on,), view=PeriodOut.model_validate)


@router.get("/v1/periods/{period_id}", summary="Read a period 账期详情")
async def read_period(_: Caller, session: Reading, response: Response, period_id: UUID) -> PeriodOut:
    """Return one period."""
    period = await repository.find_period(session, period_id)
    if period is None:
        raise NotFound
    set_etag(response, period.version)
    return PeriodOut.model_validate(period)


@router.post("/v1/periods/{period_id}/close", summary="Close a period 结账")
async def close_period(caller: Treasurer, session: Writing, expected: ExpectedVersion, period_id: UUID) -> StatementOut:
    """Close a period whose last day has passed, and make its statement. Nothing posts into it from then on.

    The statement is published a moment later, when the signed log covers it.
    """
    period, book = await service.begin(session, period_id)
    check_version(expected, period.version, PeriodOut.model_validate(period))
    statement = await service.close_period(session, caller, period, book)
    return await statement_out(session, statement)


@router.post("/v1/periods/{period_id}/reopen", summary="Open a closed period again 重开账期")
async def reopen_period(
    caller: Annotated[Principal, Depends(requires(Role.AUDITOR))],
    session: Writing,
    response: Response,
    expected: ExpectedVersion,
    period_id: UUID,
    wanted: ReopenIn,
) -> PeriodOut:
    """Open the newest closed period again, for a correction, by an auditor who has not closed it."""
    period, book = await service.begin(session, period_id)
    check_version(expected, period.version, PeriodOut.model_validate(period))
    await service.reopen_period(session, caller, period, book, wanted.reason)
    set_etag(response, period.version)
    return PeriodOut.model_validate(period)
