"""HTTP of deliveries: one's own, and for administrators those to the people of their areas."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query, Response

from services.directory.deliveries import service
from services.directory.deliveries.rules import Channel, State
from services.directory.deliveries.schemas import DeliveryDetail, DeliveryView, OwnDelivery
from services.directory.reach import MANAGERS
from shared.auth import Principal, authenticated, requires
from shared.pagination import Page, Paging
from shared.web import ExpectedVersion, Reading, Writing, service_router, set_etag

__all__ = ["router"]

router = service_router(tags=["deliveries 消息投递"])

Manager = Annotated[Principal, Depends(requires(*MANAGERS))]


@router.get("/v1/me/deliveries", summary="What was sent to me 发给我的消息")
async def own_deliveries(caller: Annotated[Principal, Depends(authenticated)], session: Reading) -> list[OwnDelivery]:
    """Return the newest hundred messages to the caller outside the inbox, and what became of them."""
    return await service.own_deliveries(session, caller)


@router.get("/v1/deliveries", summary="List deliveries 消息投递列表")
async def list_deliveries(
    caller: Manager,
    session: Reading,
    paging: Paging,
    state: Annotated[State | None, Query(description="Only in this state 状态")] = None,
    channel: Annotated[Channel | None, Query(description="Only on this channel 渠道")] = None,
    person_id: Annotated[UUID | None, Query(description="Only to this person 收件人")] = None,
) -> Page[DeliveryView]:
    """Return deliveries to people who live in the caller's areas, the newest first, without words and addresses."""
    rows = await service.list_deliveries(
        session,
        caller,
        state=state,
        channel=channel,
        person_id=person_id,
        before=paging.after[0] if paging.after else None,
        limit=paging.size + 1,
    )
    return paging.page(rows, key=lambda row: (row.id,), view=service.delivery_view)


@router.get("/v1/deliveries/{delivery_id}", summary="Read a delivery 查看消息投递")
async def get_delivery(caller: Manager, session: Reading, delivery_id: UUID, response: Response) -> DeliveryDetail:
    """Return one delivery with every try."""
    found = await service.read_delivery(session, caller, delivery_id)
    set_etag(response, found.version)
    return found


@router.post("/v1/deliveries/{delivery_id}/retry", summary="Try a failed delivery again 重试投递")
async def retry_delivery(
    caller: Manager, expected: ExpectedVersion, session: Writing, delivery_id: UUID, response: Response
) -> DeliveryView:
    """Send once more what has failed."""
    row = await service.try_again(session, caller, delivery_id, expected)
    set_etag(response, row.version)
    return row
