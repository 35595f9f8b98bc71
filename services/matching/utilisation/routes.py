"""HTTP of the use of venues."""

from collections import defaultdict
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query

from services.matching.availability.routes import asked_span
from services.matching.places import known_area
from services.matching.utilisation import service
from services.matching.utilisation.rules import Use, permille, whole
from services.matching.utilisation.schemas import AreaUseOut, UseOut, UtilisationOut, VenueUseOut
from shared.auth import Principal, authenticated
from shared.web import Reading, service_router

__all__ = ["router"]

router = service_router(tags=["utilisation 场地利用"])


def _use(use: Use) -> UseOut:
    return UseOut(open_min=use.open_min, booked_min=use.booked_min, bookings=use.bookings, permille=permille(use))


@router.get("/v1/venue-utilisation", summary="Use of venues 场地利用率")
async def read_utilisation(
    _: Annotated[Principal, Depends(authenticated)],
    session: Reading,
    asked: Annotated[tuple[datetime, datetime], Depends(asked_span)],
    under: Annotated[UUID | None, Query(description="At or below this area 区域")] = None,
) -> UtilisationOut:
    """Return booked of open time, by venue and area, for a period of at most 93 days."""
    path = (await known_area(session, under, pointer="/query/under")).path if under else None
    found = await service.use_of_venues(session, path, *asked)
    by_area: defaultdict[tuple[UUID, str], list[Use]] = defaultdict(list)
    for offer, use in found:
        by_area[offer.area_id, offer.coverage].append(use)
    return UtilisationOut(
        starts_at=asked[0],
        ends_at=asked[1],
        venues=[
            VenueUseOut(offer_id=offer.id, title=offer.title, area_id=offer.area_id, use=_use(use))
            for offer, use in found
        ],
        areas=[
            AreaUseOut(area_id=area_id, path=area_path, venues=len(uses), use=_use(whole(uses)))
            for (area_id, area_path), uses in by_area.items()
        ],
        total=_use(whole(use for _, use in found)),
    )
