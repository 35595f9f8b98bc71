"""HTTP of webhooks in: the door for senders, below `/v1/webhooks`, and the reports for people.

The door asks for a signature instead of a token, and looks at nothing before it.
"""

from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import Depends, Query, Request, Response
from fastapi.routing import APIRoute

from services.matching.webhook_secrets.rules import Mode
from services.matching.webhook_secrets.service import partner_of
from services.matching.webhooks_in import repository
from services.matching.webhooks_in.reading import message_schema
from services.matching.webhooks_in.receiving import Desk, Sender
from services.matching.webhooks_in.rules import BODY_MAX_BYTES, DeliveryState, Fate, MessageTooLarge
from services.matching.webhooks_in.schemas import DeliveryOut, ReceiptOut, ReportOut
from services.matching.webhooks_in.views import delivery_out, receipt_out, report_out
from shared.auth import Principal, Role, public, requires
from shared.pagination import Page, Paging
from shared.problems import NotFound
from shared.web import Reading, database_of, service_router

__all__ = ["door", "router"]

_TAGS: Final = ["webhooks in 合伙人推送"]
router = service_router(tags=[*_TAGS])
door = service_router(tags=[*_TAGS])
# A message is named by its own id, and nothing is said about its body before its signature.
door.route_class = APIRoute

Anybody = Annotated[Principal, Depends(public)]
Giver = Annotated[
    Principal,
    Depends(requires(Role.UNIT_STAFF, Role.PARTNER, Role.OFFICER, Role.SECRETARY, Role.ADMINISTRATOR)),
]

_HEADERS: Final[list[dict[str, Any]]] = [
    {"name": name, "in": "header", "required": True, "schema": {"type": "string"}, "description": description}
    for name, description in (
        ("webhook-id", "Names the message, the same when it is sent again 消息编号"),
        ("webhook-timestamp", "Seconds since 1970, at most 5 minutes off 时间戳（秒）"),
        ("webhook-signature", "`v1,base64` or `v1a,base64`, several divided by spaces 签名"),
    )
]
_ADDRESS: Final[list[dict[str, Any]]] = [
    {"name": name, "in": "path", "required": True, "schema": {"type": "string"}, "description": description}
    for name, description in (("tenant", "Whose list 区县"), ("partner_id", "Who sends 合伙人"))
]
_MESSAGE: Final[dict[str, Any]] = {
    "parameters": [*_ADDRESS, *_HEADERS],
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": message_schema()}},
    },
}


async def _body(request: Request) -> bytes:
    """Read a body, and no more of it than a message has."""
    content = bytearray()
    async for piece in request.stream():
        content += piece
        if len(content) > BODY_MAX_BYTES:
            raise MessageTooLarge
    return bytes(content)


def _desk(request: Request) -> Desk:
    desk: Desk = request.app.state.webhook_desk
    return desk


@door.post(
    "/v1/webhooks/{tenant}/{partner_id}",
    status_code=202,
    response_model=ReceiptOut,
    openapi_extra=_MESSAGE,
    summary="Push offers 推送资源",
)
async def push_offers(_: Anybody, request: Request) -> Response:
    """Take a signed batch (Standard Webhooks). The same message again gets the same answer and no second effect."""
    # Parameters that FastAPI reads cost a quarter of the request, and here a malformed one is nobody's address.
    body = await _body(request)
    sender = Sender.read(request.path_params["tenant"], request.path_params["partner_id"])
    receipt = await _desk(request).receive(sender, request.headers.items(), body)
    told = receipt_out(sender, receipt)
    headers = {"Location": told.report_url}
    if not receipt.is_new:
        headers["Idempotency-Replayed"] = "true"
    return Response(told.model_dump_json(), 202, headers, "application/json")


@door.get(
    "/v1/webhooks/{tenant}/{partner_id}/{delivery_id}",
    openapi_extra={"parameters": _HEADERS},
    summary="Report to the sender 推送回执",
)
async def read_report(
    _: Anybody, request: Request, tenant: str, partner_id: str, delivery_id: str, fate: Fate | None = None
) -> ReportOut:
    """Return what became of each line; the request is signed with the delivery's id over an empty body."""
    sender = Sender.read(tenant, partner_id)
    wanted = Sender.read(tenant, delivery_id).partner_id
    await _desk(request).check_reader(sender, request.headers.items(), wanted)
    async with database_of(request).read(sender.tenant) as session:
        delivery = await repository.find_delivery(session, sender.partner_id, wanted)
        if delivery is None:
            raise NotFound
        return report_out(delivery, await repository.lines_of(session, delivery.id, fate=fate))


@router.get("/v1/partners/{partner_id}/webhook-deliveries", summary="List pushed batches 推送记录")
async def list_webhook_deliveries(
    caller: Giver,
    session: Reading,
    paging: Paging,
    partner_id: UUID,
    mode: Mode | None = None,
    state: DeliveryState | None = None,
    message_id: Annotated[str | None, Query(max_length=128, description="webhook-id 消息编号")] = None,
) -> Page[DeliveryOut]:
    """Return what a partner has pushed, the newest first."""
    await partner_of(session, caller, partner_id)
    rows = await repository.list_deliveries(
        session,
        partner_id,
        mode=mode,
        state=state,
        message_id=message_id,
        after=paging.after,
        limit=paging.size + 1,
    )
    return paging.page(rows, key=lambda row: (row.received_at, row.id), view=delivery_out)


@router.get("/v1/partners/{partner_id}/webhook-deliveries/{delivery_id}", summary="Read a pushed batch 推送记录详情")
async def read_webhook_delivery(
    caller: Giver, session: Reading, partner_id: UUID, delivery_id: UUID, fate: Fate | None = None
) -> ReportOut:
    """Return what became of each line of a batch."""
    await partner_of(session, caller, partner_id)
    delivery = await repository.find_delivery(session, partner_id, delivery_id)
    if delivery is None:
        raise NotFound
    return report_out(delivery, await repository.lines_of(session, delivery.id, fate=fate))
