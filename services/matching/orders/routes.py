"""HTTP of orders: the catalogue, booking, and each side's steps."""

from functools import partial
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Query, Response

from services.matching.offers.rules import OfferKind
from services.matching.orders import contacts, repository, service
from services.matching.orders.models import Order
from services.matching.orders.placing import Placing, orderer_of, place_order
from services.matching.orders.rules import OrderAction
from services.matching.orders.schemas import (
    AcceptIn,
    CatalogueItem,
    ConfirmIn,
    ContactOut,
    DeliverIn,
    DisclosureOut,
    OrderContent,
    OrderIn,
    OrderOut,
    OrderQuery,
    OrderRulesIn,
    OrderRulesOut,
    OrderStepOut,
    RateIn,
    ReasonIn,
    ReorderIn,
    WordIn,
)
from services.matching.orders.views import catalogue_item, is_partners_view, order_out
from services.matching.places import known_area
from shared.auth import Principal, Role, authenticated, requires
from shared.clock import utc_now
from shared.db import Session, WriteSession
from shared.pagination import Page, Paging
from shared.problems import NotFound
from shared.vault import StatedPurpose, VaultOfApp
from shared.web import ExpectedVersion, Reading, Writing, check_version, service_router, set_etag

__all__ = ["router"]

router = service_router(tags=["orders 点单"])

Caller = Annotated[Principal, Depends(authenticated)]
Giver = Annotated[Principal, Depends(requires(Role.UNIT_STAFF, Role.PARTNER))]
_MADE_BEFORE: dict[int | str, dict[str, Any]] = {200: {"model": OrderOut, "description": "Made before"}}


@router.get("/v1/catalogue", summary="What can be ordered 可点服务")
async def read_catalogue(
    _: Caller,
    session: Reading,
    paging: Paging,
    area_id: Annotated[UUID, Query(description="Where it is for 服务地点")],
    kind: OfferKind | None = None,
    category: Annotated[str | None, Query(max_length=40)] = None,
    q: Annotated[str | None, Query(min_length=1, max_length=100, description="Words in the text 关键词")] = None,
) -> Page[CatalogueItem]:
    """Return the services, goods, discounts and bookable venues that reach an area, the newest first."""
    path = (await known_area(session, area_id, pointer="/query/area_id")).path
    rows = await repository.list_catalogue(
        session,
        path,
        kind=kind,
        category=category,
        words=q,
        now=utc_now(),
        after=paging.after,
        limit=paging.size + 1,
    )
    return paging.page(rows, key=lambda row: (row.offer.created_at, row.offer.id), view=catalogue_item)


def _told(order: Order, caller: Principal, response: Response) -> OrderOut:
    set_etag(response, order.version)
    return order_out(order, caller)


@router.post("/v1/orders", status_code=201, summary="Order 下单", responses=_MADE_BEFORE)
async def place_an_order(
    caller: Caller, session: Writing, vault: VaultOfApp, response: Response, wanted: OrderIn
) -> OrderOut:
    """Order something for oneself, or as staff of the area for a resident.

    Where the price depends on an entitlement the order is `pricing` for a moment; read it again for its price.
    """
    orderer = await orderer_of(session, caller, wanted)
    placing = Placing(
        id=wanted.id,
        content=wanted,
        slot=wanted.slot,
        wanted_by=wanted.wanted_by,
    )
    order, is_new = await place_order(session, orderer, placing)
    if is_new:
        order.contact_id = await contacts.keep_contact(session, vault, wanted.contact)
    response.status_code = 201 if is_new else 200
    response.headers["Location"] = f"/v1/orders/{order.id}"
    return _told(order, caller, response)


@router.get("/v1/orders", summary="List orders 点单列表")
async def list_orders(
    caller: Caller, session: Reading, paging: Paging, wanted: Annotated[OrderQuery, Query()]
) -> Page[OrderOut]:
    """Return the orders that the caller may see, the newest first: own ones, of the own unit, of the own areas."""
    path = (await known_area(session, wanted.under, pointer="/query/under")).path if wanted.under else None
    rows = await repository.list_orders(session, caller, wanted, under=path, after=paging.after, limit=paging.size + 1)
    return paging.page(rows, key=lambda row: (row.opened_at, row.id), view=partial(order_out, caller=caller))


async def _seen(session: Session, caller: Principal, order_id: UUID) -> Order:
    order = await repository.find_order(session, caller, order_id)
    if order is None:
        raise NotFound
    return order


@router.get("/v1/orders/{order_id}", summary="Read an order 点单详情")
async def read_order(caller: Caller, session: Reading, response: Response, order_id: UUID) -> OrderOut:
    """Return an order with what the caller may do next."""
    return _told(await _seen(session, caller, order_id), caller, response)


@router.get("/v1/orders/{order_id}/history", summary="History of an order 点单过程")
async def read_order_history(caller: Caller, session: Reading, paging: Paging, order_id: UUID) -> Page[OrderStepOut]:
    """Return every step of an order in its order; a partner reads those from when it heard of it."""
    order = await _seen(session, caller, order_id)
    since = order.placed_at if is_partners_view(order, caller) else None
    after = paging.after[0] if paging.after else 0
    rows = await repository.steps_of(session, order_id, since=since, after=after, limit=paging.size + 1)
    return paging.page(rows, key=lambda row: (row.position,), view=OrderStepOut.model_validate)


@router.get("/v1/orders/{order_id}/contact", summary="Where to come 联系方式")
async def read_order_contact(
    caller: Caller,
    session: Writing,
    vault: VaultOfApp,
    response: Response,
    order_id: UUID,
    purpose: StatedPurpose,
) -> ContactOut:
    """Return where to come and whom to call: to the partner while it works on it. Who reads it is written down."""
    order = await _seen(session, caller, order_id)
    words = await contacts.read_contact(session, caller, vault, order, purpose)
    response.headers["Cache-Control"] = "no-store"
    return ContactOut(
        order_id=order_id,
        name=words.get("name"),
        phone=words.get("phone"),
        address=words.get("address"),
        note=words.get("note"),
    )


@router.get("/v1/orders/{order_id}/contact-disclosures", summary="Who has read it 联系方式查看记录")
async def list_order_contact_disclosures(
    caller: Caller, session: Reading, paging: Paging, order_id: UUID
) -> Page[DisclosureOut]:
    """Return who has read where to come, for the requester and the staff of the area, the newest first."""
    order = await _seen(session, caller, order_id)
    if is_partners_view(order, caller):
        raise NotFound
    after = paging.after[0] if paging.after else None
    rows = await repository.disclosures_of(session, order_id, after=after, limit=paging.size + 1)
    return paging.page(rows, key=lambda row: (row.id,), view=DisclosureOut.model_validate)


@router.post(
    "/v1/orders/{order_id}/reorder", status_code=201, summary="The same again 再来一单", responses=_MADE_BEFORE
)
async def order_again(
    caller: Caller, session: Writing, response: Response, order_id: UUID, wanted: ReorderIn
) -> OrderOut:
    """Order the same again, at another time, for the same person; the price is found anew."""
    earlier = await _seen(session, caller, order_id)
    service.must_order_again(caller, earlier)
    content = OrderContent(
        offer_id=earlier.offer_id,
        area_id=earlier.area_id,
        resource_id=earlier.resource_id,
        quantity=earlier.quantity,
        up_to_fen=earlier.up_to_fen,
        is_of_age=True,
        for_person_id=earlier.requester_id,
    )
    placing = Placing(
        id=wanted.id,
        content=content,
        slot=wanted.slot,
        wanted_by=wanted.wanted_by,
        contact_id=earlier.contact_id,
        repeats_id=earlier.id,
    )
    order, is_new = await place_order(session, await orderer_of(session, caller, content), placing)
    response.status_code = 201 if is_new else 200
    response.headers["Location"] = f"/v1/orders/{order.id}"
    return _told(order, caller, response)


async def _begin(session: WriteSession, caller: Principal, order_id: UUID, action: OrderAction, expected: int) -> Order:
    order = await service.lock_order(session, caller, order_id)
    service.begin_step(caller, order, action)
    check_version(expected, order.version, order_out(order, caller))
    return order


@router.post("/v1/orders/{order_id}/confirm", summary="Agree to the price 确认价格")
async def confirm_order(
    caller: Caller,
    session: Writing,
    response: Response,
    expected: ExpectedVersion,
    order_id: UUID,
    wanted: ConfirmIn,
) -> OrderOut:
    """Agree to the price of a quoted order; it goes on to its partner."""
    order = await _begin(session, caller, order_id, OrderAction.CONFIRM, expected)
    await service.confirm_price(session, caller, order, wanted.price_fen)
    return _told(order, caller, response)


@router.post("/v1/orders/{order_id}/cancel", summary="Cancel 取消")
async def cancel_order(
    caller: Caller, session: Writing, response: Response, expected: ExpectedVersion, order_id: UUID, wanted: WordIn
) -> OrderOut:
    """Take an order back: until it is accepted always, then until it begins."""
    order = await _begin(session, caller, order_id, OrderAction.CANCEL, expected)
    await service.cancel_order(session, caller, order, wanted.note)
    return _told(order, caller, response)


@router.post("/v1/orders/{order_id}/accept", summary="Accept 接单")
async def accept_order(
    caller: Giver, session: Writing, response: Response, expected: ExpectedVersion, order_id: UUID, wanted: AcceptIn
) -> OrderOut:
    """Promise to deliver, as the partner."""
    order = await _begin(session, caller, order_id, OrderAction.ACCEPT, expected)
    await service.accept_order(session, caller, order, wanted)
    return _told(order, caller, response)


@router.post("/v1/orders/{order_id}/decline", summary="Decline 不接单")
async def decline_order(
    caller: Giver, session: Writing, response: Response, expected: ExpectedVersion, order_id: UUID, wanted: ReasonIn
) -> OrderOut:
    """Say no and why, as the partner; the requester can order elsewhere at once."""
    order = await _begin(session, caller, order_id, OrderAction.DECLINE, expected)
    await service.decline_order(session, caller, order, wanted.reason)
    return _told(order, caller, response)


@router.post("/v1/orders/{order_id}/deliver", summary="Deliver 完成")
async def deliver_order(
    caller: Giver, session: Writing, response: Response, expected: ExpectedVersion, order_id: UUID, wanted: DeliverIn
) -> OrderOut:
    """Note that it is done, with proof, as the partner."""
    order = await _begin(session, caller, order_id, OrderAction.DELIVER, expected)
    await service.deliver_order(session, caller, order, wanted)
    return _told(order, caller, response)


@router.post("/v1/orders/{order_id}/break-off", summary="Break off 终止履约")
async def break_off_order(
    caller: Annotated[Principal, Depends(requires(Role.UNIT_STAFF, Role.PARTNER, Role.OFFICER, Role.SECRETARY))],
    session: Writing,
    response: Response,
    expected: ExpectedVersion,
    order_id: UUID,
    wanted: ReasonIn,
) -> OrderOut:
    """End an accepted order that will not be delivered; it counts as broken."""
    order = await _begin(session, caller, order_id, OrderAction.BREAK_OFF, expected)
    await service.break_off(session, caller, order, wanted.reason)
    return _told(order, caller, response)


@router.post("/v1/orders/{order_id}/rate", summary="Rate 评价")
async def rate_order(
    caller: Caller, session: Writing, response: Response, expected: ExpectedVersion, order_id: UUID, wanted: RateIn
) -> OrderOut:
    """Say how it was, from 1 to 5, and whether it is a complaint."""
    order = await _begin(session, caller, order_id, OrderAction.RATE, expected)
    await service.rate_order(session, caller, order, wanted)
    return _told(order, caller, response)


@router.get("/v1/order-rules", summary="How long things may take 点单时限")
async def read_order_rules(_: Caller, session: Reading, response: Response) -> OrderRulesOut:
    """Return the tenant's times; version 1 are the defaults."""
    shown = await service.rules_out(session)
    set_etag(response, shown.version)
    return shown


@router.put("/v1/order-rules", summary="Set how long things may take 设置点单时限")
async def put_order_rules(
    caller: Annotated[Principal, Depends(requires(Role.ADMINISTRATOR))],
    session: Writing,
    response: Response,
    expected: ExpectedVersion,
    wanted: OrderRulesIn,
) -> OrderRulesOut:
    """Set the tenant's times for orders from now on."""
    shown = await service.put_rules(session, caller, wanted, expected)
    set_etag(response, shown.version)
    return shown
