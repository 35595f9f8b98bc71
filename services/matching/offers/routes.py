"""HTTP of offers."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query, Response

from services.matching.offers import repository, service
from services.matching.offers.repository import OfferFilter
from services.matching.offers.rules import OfferKind
from services.matching.offers.schemas import OfferIn, OfferOut, OfferPatch
from services.matching.places import known_area
from shared.auth import Principal, Role, authenticated, requires
from shared.clock import utc_now
from shared.pagination import Page, Paging
from shared.web import ExpectedVersion, Reading, Writing, check_version, service_router, set_etag

__all__ = ["router"]

router = service_router(tags=["offers 资源"])

Caller = Annotated[Principal, Depends(authenticated)]
Giver = Annotated[
    Principal,
    Depends(requires(Role.UNIT_STAFF, Role.PARTNER, Role.OFFICER, Role.SECRETARY, Role.ADMINISTRATOR)),
]


@router.post("/v1/offers", status_code=201, summary="Offer something 提供资源")
async def make_offer(caller: Giver, session: Writing, response: Response, wanted: OfferIn) -> OfferOut:
    """Put a line on the resource list."""
    offer, is_new = await service.make_offer(session, caller, wanted)
    response.status_code = 201 if is_new else 200
    response.headers["Location"] = f"/v1/offers/{offer.id}"
    set_etag(response, offer.version)
    return OfferOut.model_validate(offer)


@router.get("/v1/offers", summary="Resource list 资源清单")
async def list_offers(
    _: Caller,
    session: Reading,
    paging: Paging,
    under: Annotated[UUID | None, Query(description="At or below this area 区域")] = None,
    category: Annotated[str | None, Query(max_length=40)] = None,
    partner_id: UUID | None = None,
    kind: OfferKind | None = None,
    needs_refresh: Annotated[bool, Query(description="Only what nobody has confirmed for long 待确认")] = False,
    q: Annotated[str | None, Query(min_length=1, max_length=100, description="Words in the text 关键词")] = None,
) -> Page[OfferOut]:
    """Return what is offered, the newest first."""
    path = (await known_area(session, under, pointer="/query/under")).path if under else None
    wanted = OfferFilter(
        under=path,
        category=category,
        partner_id=partner_id,
        kind=kind,
        words=q,
        stale_at=utc_now() if needs_refresh else None,
    )
    rows = await repository.list_offers(session, wanted, after=paging.after, limit=paging.size + 1)
    return paging.page(rows, key=lambda row: (row.created_at, row.id), view=OfferOut.model_validate)


@router.get("/v1/offers/{offer_id}", summary="Read an offer 资源详情")
async def read_offer(_: Caller, session: Reading, response: Response, offer_id: UUID) -> OfferOut:
    """Return one offer."""
    offer = await service.get_offer(session, offer_id)
    set_etag(response, offer.version)
    return OfferOut.model_validate(offer)


@router.patch("/v1/offers/{offer_id}", summary="Change and confirm an offer 修改资源")
async def change_offer(
    caller: Giver, session: Writing, response: Response, expected: ExpectedVersion, offer_id: UUID, wanted: OfferPatch
) -> OfferOut:
    """Change an offer; an empty change confirms that it still stands."""
    offer = await service.lock_offer(session, offer_id)
    check_version(expected, offer.version, OfferOut.model_validate(offer))
    await service.change_offer(session, caller, offer, wanted)
    set_etag(response, offer.version)
    return OfferOut.model_validate(offer)
