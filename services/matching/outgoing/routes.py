"""HTTP of deliveries: what became of each, every attempt, and sending again."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query, Response

from services.matching.endpoints.rules import OFFICERS, EndpointAction
from services.matching.endpoints.service import begin_step, lock_visible, read_visible
from services.matching.outgoing import repository, service
from services.matching.outgoing.rules import DeliveryState
from services.matching.outgoing.schemas import AttemptOut, DeliveryDetail, DeliveryOut, ReplayIn, ReplayOut, TestIn
from shared.auth import Principal, Role, requires
from shared.pagination import Page, Paging
from shared.web import ExpectedVersion, Reading, Writing, service_router, set_etag

__all__ = ["router"]

router = service_router(tags=["webhooks out 推送"])

Caller = Annotated[Principal, Depends(requires(Role.UNIT_STAFF, Role.PARTNER, *OFFICERS))]
Own = Annotated[Principal, Depends(requires(Role.UNIT_STAFF, Role.PARTNER))]


@router.post("/v1/webhook-endpoints/{endpoint_id}/test", status_code=202, summary="Send a test 发送测试消息")
async def send_test(
    caller: Own, session: Writing, response: Response, endpoint_id: UUID, wanted: TestIn
) -> DeliveryOut:
    """Send the sample of an event, marked as a test; the delivery tells what came of it."""
    endpoint, partner = await read_visible(session, caller, endpoint_id)
    begin_step(caller, endpoint, partner, EndpointAction.TEST)
    delivery = await service.send_test(session, endpoint, wanted.event_type)
    response.headers["Location"] = f"/v1/webhook-deliveries/{delivery.id}"
    return delivery


@router.post("/v1/webhook-endpoints/{endpoint_id}/replay", status_code=202, summary="Replay since a time 重放消息")
async def replay_events(caller: Own, session: Writing, endpoint_id: UUID, wanted: ReplayIn) -> ReplayOut:
    """Send again what an endpoint has missed, or everything, since a time; each with its own webhook-id."""
    endpoint, partner = await lock_visible(session, caller, endpoint_id)
    begin_step(caller, endpoint, partner, EndpointAction.REPLAY)
    return await service.replay(session, endpoint, wanted)


@router.get("/v1/webhook-endpoints/{endpoint_id}/deliveries", summary="List deliveries 推送消息列表")
async def list_deliveries(
    caller: Caller,
    session: Reading,
    paging: Paging,
    endpoint_id: UUID,
    state: DeliveryState | None = None,
    event_type: Annotated[str | None, Query(pattern=r"^[a-z0-9_.]{1,80}$")] = None,
) -> Page[DeliveryOut]:
    """Return what was or is to be sent to an endpoint, the newest first."""
    await read_visible(session, caller, endpoint_id)
    rows = await repository.list_deliveries(
        session,
        endpoint_id,
        state=state,
        event_type=event_type,
        before=paging.after[0] if paging.after else None,
        limit=paging.size + 1,
    )
    return paging.page(rows, key=lambda row: (row[0].id,), view=service.delivery_view)


@router.get("/v1/webhook-endpoints/{endpoint_id}/attempts", summary="List attempts 推送记录")
async def list_attempts(caller: Caller, session: Reading, paging: Paging, endpoint_id: UUID) -> Page[AttemptOut]:
    """Return every attempt to reach an endpoint, the newest first."""
    await read_visible(session, caller, endpoint_id)
    before = paging.after[0] if paging.after else None
    rows = await repository.attempts_of_endpoint(session, endpoint_id, before=before, limit=paging.size + 1)
    return paging.page(rows, key=lambda row: (row.id,), view=AttemptOut.model_validate)


@router.get("/v1/webhook-deliveries/{delivery_id}", summary="Read a delivery 推送消息详情")
async def read_delivery(caller: Caller, session: Reading, response: Response, delivery_id: UUID) -> DeliveryDetail:
    """Return a delivery with what is sent and every attempt."""
    found = await service.read_delivery(session, caller, delivery_id)
    set_etag(response, found.version)
    return found


@router.post("/v1/webhook-deliveries/{delivery_id}/resend", status_code=202, summary="Send again 重新推送")
async def resend(
    caller: Own, session: Writing, response: Response, expected: ExpectedVersion, delivery_id: UUID
) -> DeliveryOut:
    """Send a delivery once more, with the same webhook-id and all its attempts."""
    delivery = await service.resend(session, caller, delivery_id, expected)
    set_etag(response, delivery.version)
    return delivery
