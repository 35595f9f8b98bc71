"""HTTP of GeoReport v2, below `/v1/open311/{tenant}`, and what officers see of its reports."""

from typing import Annotated, Final
from uuid import UUID

from fastapi import Depends, Path, Query, Request, Response

from services.intake.open311 import service
from services.intake.open311.door import Anybody, DoorOf, answers, open311_router
from services.intake.open311.formats import MEDIA_TYPES, Root, Value
from services.intake.open311.repository import changes_of_services
from services.intake.open311.rules import NotThere
from services.intake.open311.schemas import POSTED, ReportOut, RequestsQuery
from services.intake.open311.views import definition_view, receipt_view, report_out, request_views, service_views
from services.intake.settings import IntakeSettings
from shared.auth import Principal, Role, requires
from shared.texts import Text
from shared.vault import VaultOfApp
from shared.web import Reading, service_router

__all__ = ["office_router", "router"]

router = open311_router()
office_router = service_router(tags=["cases 诉求"])

_BASE: Final = "/v1/open311/{tenant}"
_SPECIFICATION: Final = "http://wiki.open311.org/GeoReport_v2"
_NO_SERVICE: Final = Text(zh="没有该 service_code", en="The service_code was not found")
_NO_REQUEST: Final = Text(zh="没有该编号，或不公开", en="The service_request_id was not found")
_CONTACT: Final = Text(zh="请联系本区县的社区治理部门", en="Ask the district's office for community governance")
_KEYS: Final = Text(
    zh="密钥由本区县管理员发放：POST /v1/open311-keys", en="Administrators issue keys: POST /v1/open311-keys"
)
_FORM: Final = {"required": True, "content": {"application/x-www-form-urlencoded": {"schema": POSTED}}}

Code = Annotated[str, Path(max_length=200)]
ApiKey = Annotated[str | None, Query(max_length=200, description="An app's own key 密钥")]
Staff = Annotated[Principal, Depends(requires(Role.GRID_WORKER, Role.OFFICER, Role.SECRETARY, Role.UNIT_STAFF))]


@router.get(_BASE + "/discovery.{extension}", responses=answers("discovery"), summary="Service discovery 服务发现")
async def discover_open311(_: Anybody, door: DoorOf, request: Request) -> Response:
    """Tell where the endpoint is, in which formats, and whom to ask for a key."""
    async with door.read() as session:
        await service.offered_services(session, door.questions)
        changes = await changes_of_services(session)
    settings: IntakeSettings = request.app.state.settings
    place = f"/v1/open311/{door.tenant}"
    # It grows with every change of what is offered, and sorts as text.
    changeset = f"{changes:012d}"
    endpoint: Value = {
        "specification": _SPECIFICATION,
        "url": str(settings.public_url).rstrip("/") + place if settings.public_url else place,
        "changeset": changeset,
        "type": "test" if settings.embedded else "production",
        "formats": [media_type.partition(";")[0] for media_type in MEDIA_TYPES.values()],
    }
    document: Value = {
        "changeset": changeset,
        "contact": settings.open311_contact or _CONTACT.into(door.language),
        "key_service": _KEYS.into(door.language),
        "endpoints": [endpoint],
    }
    return door.answer(Root.DISCOVERY, document)


@router.get(_BASE + "/services.{extension}", responses=answers("services"), summary="GET Service List 服务列表")
async def list_open311_services(_: Anybody, door: DoorOf, api_key: ApiKey = None) -> Response:
    """Return what can be asked for: the active categories."""
    async with door.read() as session:
        key = await service.presented_key(session, api_key)
        services = await service.offered_services(session, door.questions)
    with_tokens = key is not None and key.answers_with_token
    return door.answer(Root.SERVICES, service_views(services, door.language, with_tokens=with_tokens))


@router.get(
    _BASE + "/services/{service_code}.{extension}",
    responses=answers("definition"),
    summary="GET Service Definition 服务定义",
)
async def read_open311_definition(_: Anybody, door: DoorOf, service_code: Code) -> Response:
    """Return the questions of a service."""
    async with door.read() as session:
        services = await service.offered_services(session, door.questions)
    offered = services.get(service_code)
    if offered is None:
        raise NotThere(_NO_SERVICE)
    return door.answer(Root.DEFINITION, definition_view(service_code, offered.attributes))


@router.post(
    _BASE + "/requests.{extension}",
    responses=answers("posted"),
    openapi_extra={"requestBody": _FORM},
    summary="POST Service Request 提交诉求",
)
async def create_open311_request(_: Anybody, door: DoorOf, vault: VaultOfApp, request: Request) -> Response:
    """File a case for somebody; answered with 200 and its number, or a token if the key says so."""
    posted = await door.posted(request)
    # What is spent of the key's budget stays spent when the filing is refused.
    async with door.write() as session:
        key = await service.admit_key(session, posted.get("api_key"))
    async with door.write() as session:
        receipt = await service.file_request(session, request.app.state.desk, vault, door.questions, key, posted)
    return door.answer(Root.REQUESTS, receipt_view(receipt))


@router.get(
    _BASE + "/tokens/{token_id}.{extension}",
    responses=answers("token"),
    summary="GET service_request_id from a token 以令牌查编号",
)
async def read_open311_token(_: Anybody, door: DoorOf, token_id: Code) -> Response:
    """Return the number that a token stands for."""
    async with door.read() as session:
        number = await service.number_of_token(session, token_id)
    return door.answer(Root.REQUESTS, [{"service_request_id": number, "token": token_id}])


@router.get(_BASE + "/requests.{extension}", responses=answers("requests"), summary="GET Service Requests 诉求列表")
async def list_open311_requests(_: Anybody, door: DoorOf, asked: Annotated[RequestsQuery, Query()]) -> Response:
    """Return the newest cases that are shown to anybody; with an api_key also those that it has filed."""
    async with door.read() as session:
        listing = await service.list_requests(session, asked)
    return door.answer(Root.REQUESTS, request_views(listing, door.language))


@router.get(
    _BASE + "/requests/{service_request_id}.{extension}",
    responses=answers("requests"),
    summary="GET Service Request 诉求详情",
)
async def read_open311_request(_: Anybody, door: DoorOf, service_request_id: Code, api_key: ApiKey = None) -> Response:
    """Return one case that is shown to anybody, or that the api_key has filed."""
    asked = RequestsQuery(service_request_id=[service_request_id], api_key=api_key)
    async with door.read() as session:
        listing = await service.list_requests(session, asked)
    if len(listing.seen) != 1:
        raise NotThere(_NO_REQUEST)
    return door.answer(Root.REQUESTS, request_views(listing, door.language))


@office_router.get("/v1/cases/{case_id}/open311-report", summary="What another app sent with a case 外部应用附带内容")
async def read_open311_report(caller: Staff, session: Reading, case_id: UUID) -> ReportOut:
    """Return the answers and addresses that came with a case through Open311."""
    return report_out(*await service.read_report(session, caller, case_id))
