"""HTTP of availability."""

from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query

from services.matching.availability.rules import ASKED_MAX, free_windows
from services.matching.availability.schemas import WindowOut, WindowsOut
from services.matching.availability.service import times_of
from services.matching.offers.schemas import Moment
from services.matching.offers.service import get_offer
from shared.auth import Principal, authenticated
from shared.clock import CHINA, utc_now
from shared.problems import Invalid
from shared.texts import Text
from shared.web import Reading, service_router

__all__ = ["asked_span", "router"]

router = service_router(tags=["availability 可用时段"])


class BadPeriod(Invalid):
    """It ends before it begins, or lasts longer than a quarter."""

    code = "bad_period"
    title = Text(zh="查询的时间范围有误，最长 93 天", en="Not a period of at most 93 days")


async def asked_span(
    since: Annotated[Moment | None, Query(alias="from", description="From when on; now 起")] = None,
    until: Annotated[Moment | None, Query(description="Until when; a week later 止")] = None,
) -> tuple[datetime, datetime]:
    """Read the period that is asked about."""
    begins = since or utc_now()
    ends = until or begins + timedelta(days=7)
    if not begins < ends <= begins + ASKED_MAX:
        raise BadPeriod(pointer="/query/until")
    return begins, ends


@router.get("/v1/offers/{offer_id}/windows", summary="When an offer is free 资源可用时段")
async def read_windows(
    _: Annotated[Principal, Depends(authenticated)],
    session: Reading,
    asked: Annotated[tuple[datetime, datetime], Depends(asked_span)],
    offer_id: UUID,
) -> WindowsOut:
    """Return when an offer of any kind is free: times in rooms and of groups, shares of days, or some of a stock."""
    offer = await get_offer(session, offer_id)
    times = await times_of(session, offer, *asked)
    windows = [
        WindowOut(resource_id=one.resource_id, starts_at=one.start, ends_at=one.end, units=one.units)
        for one in free_windows(times, *asked, CHINA)
    ]
    return WindowsOut(offer_id=offer.id, windows=windows)
