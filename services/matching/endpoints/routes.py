"""HTTP of endpoints, and of the catalogue of events."""

from datetime import timedelta
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request, Response

from services.matching.endpoints import repository, service
from services.matching.endpoints.models import Endpoint
from services.matching.endpoints.rules import OFFICERS, EndpointAction, EndpointState
from services.matching.endpoints.schemas import (
    CatalogueOut,
    DisableIn,
    EndpointIn,
    EndpointOut,
    EndpointPatch,
    EndpointWithSecret,
    RotateIn,
)
from services.matching.endpoints.views import catalogue_out, endpoint_out, endpoints_out
from services.matching.partners.models import Partner
from services.matching.settings import MatchingSettings
from shared.auth import Principal, Role, public, requires
from shared.db import WriteSession
from shared.pagination import Page, Paging
from shared.vault import VaultOfApp
from shared.web import ExpectedVersion, Reading, Writing, check_version, service_router, set_etag, show_once

__all__ = ["router"]

router = service_router(tags=["webhooks out 推送"])

Caller = Annotated[Principal, Depends(requires(Role.UNIT_STAFF, Role.PARTNER, *OFFICERS))]
Own = Annotated[Principal, Depends(requires(Role.UNIT_STAFF, Role.PARTNER))]


def _allows_loopback(request: Request) -> bool:
    settings: MatchingSettings = request.app.state.settings
    return settings.webhooks_allow_loopback


Loopback = Annotated[bool, Depends(_allows_loopback)]


@router.get("/v1/webhook-events", summary="Catalogue of events 事件目录")
async def read_event_catalogue(_: Annotated[Principal, Depends(public)]) -> CatalogueOut:
    """Return every type of event that a partner can subscribe to, with its JSON Schema and a sample."""
    return catalogue_out()


@router.post("/v1/webhook-endpoints", status_code=201, summary="Register an endpoint 登记推送地址")
async def register_endpoint(
    caller: Own,
    request: Request,
    session: Writing,
    response: Response,
    vault: VaultOfApp,
    allows_loopback: Loopback,
    wanted: EndpointIn,
) -> EndpointWithSecret:
    """Let a partner hear of what concerns it. The secret is shown this once."""
    endpoint, partner, secret = await service.register_endpoint(
        session, caller, vault, wanted, allows_loopback=allows_loopback
    )
    show_once(request, "secret")
    response.status_code = 201 if secret is not None else 200
    response.headers["Location"] = f"/v1/webhook-endpoints/{endpoint.id}"
    set_etag(response, endpoint.version)
    shown = await endpoint_out(session, endpoint, partner, caller)
    return EndpointWithSecret(**shown.model_dump(), secret=secret)


@router.get("/v1/webhook-endpoints", summary="List endpoints 推送地址列表")
async def list_endpoints(
    caller: Caller,
    session: Reading,
    paging: Paging,
    partner_id: UUID | None = None,
    state: EndpointState | None = None,
) -> Page[EndpointOut]:
    """Return the endpoints of the caller's units, and for officers those of the partners of their areas."""
    rows = await repository.list_endpoints(
        session,
        units=sorted(caller.units(Role.UNIT_STAFF, Role.PARTNER)),
        paths=caller.paths(*OFFICERS),
        partner_id=partner_id,
        state=state,
        before=paging.after[0] if paging.after else None,
        limit=paging.size + 1,
    )
    shown = await endpoints_out(session, rows, caller)
    return paging.page(rows, key=lambda row: (row[0].id,), view=lambda row: shown[row[0].id])


@router.get("/v1/webhook-endpoints/{endpoint_id}", summary="Read an endpoint 推送地址详情")
async def read_endpoint(caller: Caller, session: Reading, response: Response, endpoint_id: UUID) -> EndpointOut:
    """Return one endpoint, with the public halves of the keys that sign for it."""
    endpoint, partner = await service.read_visible(session, caller, endpoint_id)
    set_etag(response, endpoint.version)
    return await endpoint_out(session, endpoint, partner, caller)


async def _begin(
    session: WriteSession, caller: Principal, endpoint_id: UUID, expected: int, action: EndpointAction
) -> tuple[Endpoint, Partner]:
    endpoint, partner = await service.lock_visible(session, caller, endpoint_id)
    if expected != endpoint.version:
        check_version(expected, endpoint.version, await endpoint_out(session, endpoint, partner, caller))
    service.begin_step(caller, endpoint, partner, action)
    return endpoint, partner


@router.patch("/v1/webhook-endpoints/{endpoint_id}", summary="Change an endpoint 修改推送地址")
async def change_endpoint(
    caller: Own,
    session: Writing,
    response: Response,
    expected: ExpectedVersion,
    allows_loopback: Loopback,
    endpoint_id: UUID,
    wanted: EndpointPatch,
) -> EndpointOut:
    """Change the URL, the description or the types of events."""
    endpoint, partner = await _begin(session, caller, endpoint_id, expected, EndpointAction.CHANGE)
    await service.change_endpoint(session, endpoint, wanted, allows_loopback=allows_loopback)
    set_etag(response, endpoint.version)
    return await endpoint_out(session, endpoint, partner, caller)


@router.post("/v1/webhook-endpoints/{endpoint_id}/rotate", summary="Rotate the secret 轮换密钥")
async def rotate_key(
    caller: Own,
    request: Request,
    session: Writing,
    response: Response,
    expected: ExpectedVersion,
    vault: VaultOfApp,
    endpoint_id: UUID,
    wanted: RotateIn,
) -> EndpointWithSecret:
    """Make a new secret and key pair, shown this once; those before sign as well until the overlap ends."""
    endpoint, partner = await _begin(session, caller, endpoint_id, expected, EndpointAction.ROTATE)
    secret = await service.rotate_key(session, vault, endpoint, overlap=timedelta(hours=wanted.overlap_hours))
    show_once(request, "secret")
    set_etag(response, endpoint.version)
    shown = await endpoint_out(session, endpoint, partner, caller)
    return EndpointWithSecret(**shown.model_dump(), secret=secret)


@router.post("/v1/webhook-endpoints/{endpoint_id}/disable", summary="Disable an endpoint 停用推送地址")
async def disable_endpoint(
    caller: Caller,
    session: Writing,
    response: Response,
    expected: ExpectedVersion,
    endpoint_id: UUID,
    wanted: DisableIn,
) -> EndpointOut:
    """Send nothing more there; what was due is dropped."""
    endpoint, partner = await _begin(session, caller, endpoint_id, expected, EndpointAction.DISABLE)
    await service.disable_by_hand(session, caller, endpoint, partner, wanted.note)
    set_etag(response, endpoint.version)
    return await endpoint_out(session, endpoint, partner, caller)


@router.post("/v1/webhook-endpoints/{endpoint_id}/enable", summary="Enable an endpoint 启用推送地址")
async def enable_endpoint(
    caller: Caller, session: Writing, response: Response, expected: ExpectedVersion, endpoint_id: UUID
) -> EndpointOut:
    """Send what happens from now on; what was missed takes a replay."""
    endpoint, partner = await _begin(session, caller, endpoint_id, expected, EndpointAction.ENABLE)
    await service.enable_endpoint(session, endpoint)
    set_etag(response, endpoint.version)
    return await endpoint_out(session, endpoint, partner, caller)
