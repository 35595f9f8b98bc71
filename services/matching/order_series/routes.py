"""HTTP of recurring orders."""

from datetime import date
from functools import partial
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Query, Response

from services.matching.order_series import repository, service
from services.matching.order_series.models import Series
from services.matching.order_series.schemas import OccurrenceOut, SeriesIn, SeriesOut, SeriesQuery, SkipIn
from services.matching.order_series.views import series_out
from shared.auth import Principal, authenticated
from shared.db import WriteSession
from shared.pagination import Page, Paging
from shared.problems import NotFound
from shared.vault import VaultOfApp
from shared.web import ExpectedVersion, Reading, Writing, check_version, service_router, set_etag

__all__ = ["router"]

router = service_router(tags=["orders 点单"])

Caller = Annotated[Principal, Depends(authenticated)]
_MADE_BEFORE: dict[int | str, dict[str, Any]] = {200: {"model": SeriesOut, "description": "Made before"}}


def _told(series: Series, caller: Principal, response: Response) -> SeriesOut:
    set_etag(response, series.version)
    return series_out(series, caller)


@router.post("/v1/order-series", status_code=201, summary="Order regularly 定期点单", responses=_MADE_BEFORE)
async def make_order_series(
    caller: Caller, session: Writing, vault: VaultOfApp, response: Response, wanted: SeriesIn
) -> SeriesOut:
    """Let an order recur; each day becomes an order of its own ahead of time."""
    series, is_new = await service.make_series(session, caller, wanted, vault)
    response.status_code = 201 if is_new else 200
    response.headers["Location"] = f"/v1/order-series/{series.id}"
    return _told(series, caller, response)


@router.get("/v1/order-series", summary="List recurring orders 定期点单列表")
async def list_order_series(
    caller: Caller, session: Reading, paging: Paging, wanted: Annotated[SeriesQuery, Query()]
) -> Page[SeriesOut]:
    """Return the recurring orders that the caller may see, the newest first."""
    rows = await repository.list_series(session, caller, wanted, after=paging.after, limit=paging.size + 1)
    return paging.page(rows, key=lambda row: (row.made_at, row.id), view=partial(series_out, caller=caller))


@router.get("/v1/order-series/{series_id}", summary="Read a recurring order 定期点单详情")
async def read_order_series(caller: Caller, session: Reading, response: Response, series_id: UUID) -> SeriesOut:
    """Return a recurring order."""
    series = await repository.find_series(session, caller, series_id)
    if series is None:
        raise NotFound
    return _told(series, caller, response)


@router.get("/v1/order-series/{series_id}/occurrences", summary="Its days 各次情况")
async def list_order_occurrences(
    caller: Caller, session: Reading, paging: Paging, series_id: UUID
) -> Page[OccurrenceOut]:
    """Return the days that were dealt with, in their order: each with its order, or why there is none."""
    if await repository.find_series(session, caller, series_id) is None:
        raise NotFound
    after = date.fromisoformat(paging.after[0]) if paging.after else None
    rows = await repository.list_occurrences(session, series_id, after=after, limit=paging.size + 1)
    return paging.page(rows, key=lambda row: (row.day.isoformat(),), view=OccurrenceOut.model_validate)


async def _begin(session: WriteSession, caller: Principal, series_id: UUID, expected: int) -> Series:
    series = await service.lock_series(session, caller, series_id)
    check_version(expected, series.version, series_out(series, caller))
    return series


@router.post("/v1/order-series/{series_id}/skip", summary="Leave a day out 跳过一次")
async def skip_order_day(
    caller: Caller,
    session: Writing,
    response: Response,
    expected: ExpectedVersion,
    series_id: UUID,
    wanted: SkipIn,
) -> SeriesOut:
    """Leave one day out; if it was ordered already, that order is cancelled."""
    series = await _begin(session, caller, series_id, expected)
    await service.skip_day(session, caller, series, wanted.day)
    return _told(series, caller, response)


@router.post("/v1/order-series/{series_id}/stop", summary="Order nothing more 停止定期点单")
async def stop_order_series(
    caller: Caller, session: Writing, response: Response, expected: ExpectedVersion, series_id: UUID
) -> SeriesOut:
    """Order nothing more; what has not begun is cancelled."""
    series = await _begin(session, caller, series_id, expected)
    await service.stop_series(session, caller, series)
    return _told(series, caller, response)
