"""HTTP of series."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Response

from services.matching.holds.schemas import ConfirmIn, EndIn
from services.matching.holds.views import hold_out
from services.matching.offers.repository import offers_by_id
from services.matching.partners.repository import partners_by_id
from services.matching.series import repository, service
from services.matching.series.models import BookingSeries
from services.matching.series.schemas import SeriesIn, SeriesOut
from shared.auth import Principal, authenticated
from shared.db import Session
from shared.problems import Forbidden
from shared.web import ExpectedVersion, Reading, Writing, check_version, service_router, set_etag

__all__ = ["router"]

router = service_router(tags=["series 系列预约"])

Caller = Annotated[Principal, Depends(authenticated)]


async def _out(session: Session, series: BookingSeries, caller: Principal) -> SeriesOut:
    """Show a series to whoever has something to do with it: its taker, and who speaks for one of its offers."""
    holds = await repository.holds_of_series(session, series.id)
    offers = await offers_by_id(session, {hold.offer_id for hold in holds})
    partners = await partners_by_id(session, {offer.partner_id for offer in offers.values()})
    shown = []
    for hold in holds:
        offer = offers[hold.offer_id]
        shown.append(hold_out(hold, offer, partners[offer.partner_id], caller))
    is_mine = series.taker_id is not None and series.taker_id == caller.subject_id
    if not is_mine and not any(a.allowed or a.code == "wrong_state" for one in shown for a in one.next_actions):
        raise Forbidden(rule="own_series")
    columns = {name: getattr(series, name) for name in SeriesOut.model_fields if name != "holds"}
    return SeriesOut.model_validate({**columns, "holds": shown})


@router.post("/v1/booking-series", status_code=201, summary="Hold a series 系列预约")
async def hold_series(caller: Caller, session: Writing, response: Response, wanted: SeriesIn) -> SeriesOut:
    """Hold rooms, people and services on one recurring schedule, all together or not at all."""
    series, is_new = await service.hold_series(session, caller, wanted)
    response.status_code = 201 if is_new else 200
    response.headers["Location"] = f"/v1/booking-series/{series.id}"
    set_etag(response, series.version)
    return await _out(session, series, caller)


@router.get("/v1/booking-series/{series_id}", summary="Read a series 系列预约详情")
async def read_series(caller: Caller, session: Reading, response: Response, series_id: UUID) -> SeriesOut:
    """Return a series with everything that it holds."""
    series = await service.get_series(session, series_id)
    set_etag(response, series.version)
    return await _out(session, series, caller)


@router.post("/v1/booking-series/{series_id}/confirm", summary="Agree to a series 确认系列预约")
async def confirm_series(
    caller: Caller, session: Writing, response: Response, expected: ExpectedVersion, series_id: UUID, wanted: ConfirmIn
) -> SeriesOut:
    """Agree for one side to everything of a series that the caller may agree to."""
    series = await service.lock_series(session, series_id)
    check_version(expected, series.version, await _out(session, series, caller))
    await service.confirm_series(session, caller, series, wanted.side)
    set_etag(response, series.version)
    return await _out(session, series, caller)


@router.post("/v1/booking-series/{series_id}/call-off", summary="Call a series off 取消系列预约")
async def call_off_series(
    caller: Caller, session: Writing, response: Response, expected: ExpectedVersion, series_id: UUID, wanted: EndIn
) -> SeriesOut:
    """Give up what a series holds and has not begun."""
    series = await service.lock_series(session, series_id)
    check_version(expected, series.version, await _out(session, series, caller))
    await service.call_off(session, caller, series, wanted.reason)
    set_etag(response, series.version)
    return await _out(session, series, caller)
