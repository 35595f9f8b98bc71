"""HTTP of keys and of how categories are offered to other civic apps."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Path, Request, Response

from services.intake.open311_admin import repository, service
from services.intake.open311_admin.schemas import KeyIn, KeyOut, NewKeyOut, ServiceIn, ServiceOut
from services.intake.open311_admin.views import key_out, new_key_out, service_out
from shared.auth import Principal, Role, requires
from shared.db import WriteSession
from shared.pagination import Page, Paging
from shared.problems import NotFound
from shared.web import ExpectedVersion, Reading, Writing, begin_writing, check_version, service_router, set_etag

__all__ = ["router"]

router = service_router(tags=["open311 administration Open311 管理"])

Administrator = Annotated[Principal, Depends(requires(Role.ADMINISTRATOR))]


async def _writing_unkept(request: Request, caller: Administrator) -> WriteSession:
    # An Idempotency-Key would keep the answer, and with it the secret, for days.
    return await begin_writing(request, caller.tenant)


UnkeptWriting = Annotated[WriteSession, Depends(_writing_unkept)]


@router.post(
    "/v1/open311-keys",
    status_code=201,
    responses={200: {"model": NewKeyOut, "description": "Made before 已存在"}},
    summary="Issue a key to another app 发放应用密钥",
)
async def issue_open311_key(
    caller: Administrator, session: UnkeptWriting, response: Response, wanted: KeyIn
) -> NewKeyOut:
    """Issue a key. It is shown this once. With an `id` of your own, sending it twice makes one key."""
    key, path, secret = await service.issue_key(session, caller, wanted)
    response.status_code = 200 if secret is None else 201
    response.headers["Location"] = f"/v1/open311-keys/{key.id}"
    response.headers["Cache-Control"] = "no-store"
    set_etag(response, key.version)
    return new_key_out(key, path, secret)


@router.get("/v1/open311-keys", summary="List keys of other apps 应用密钥列表")
async def list_open311_keys(caller: Administrator, session: Reading, paging: Paging) -> Page[KeyOut]:
    """Return the keys of the areas that the caller administers, the newest first."""
    after = paging.after[0] if paging.after else None
    rows = await repository.keys_below(session, caller, after=after, limit=paging.size + 1)
    return paging.page(rows, key=lambda row: (row[0].id,), view=lambda row: key_out(*row))


@router.get("/v1/open311-keys/{key_id}", summary="Read a key of another app 应用密钥详情")
async def read_open311_key(caller: Administrator, session: Reading, response: Response, key_id: UUID) -> KeyOut:
    """Return a key without its secret."""
    found = await repository.find_key(session, key_id)
    if found is None or not caller.has(Role.ADMINISTRATOR, at=found[1]):
        raise NotFound
    set_etag(response, found[0].version)
    return key_out(*found)


@router.post("/v1/open311-keys/{key_id}/revoke", summary="Revoke a key of another app 吊销应用密钥")
async def revoke_open311_key(
    caller: Administrator, session: Writing, response: Response, expected: ExpectedVersion, key_id: UUID
) -> KeyOut:
    """Let a key file nothing any more; what it has filed stays."""
    key, path = await service.lock_key(session, caller, key_id)
    check_version(expected, key.version, key_out(key, path))
    await service.revoke_key(session, caller, key)
    set_etag(response, key.version)
    return key_out(key, path)


@router.get("/v1/open311-services", summary="List how categories are offered 对外分类设置列表")
async def list_open311_settings(_: Administrator, session: Reading, paging: Paging) -> Page[ServiceOut]:
    """Return what was said about categories, by code; a category without a word is offered and its cases hidden."""
    after = paging.after[0] if paging.after else None
    rows = await repository.all_services(session, after=after, limit=paging.size + 1)
    return paging.page(rows, key=lambda row: (row.category,), view=service_out)


@router.put(
    "/v1/open311-services/{code}",
    responses={201: {"model": ServiceOut}},
    summary="Say how a category is offered 设置对外分类",
)
async def put_open311_service(
    caller: Administrator,
    session: Writing,
    response: Response,
    code: Annotated[str, Path(pattern=r"^[a-z][a-z0-9_]{0,39}$")],
    wanted: ServiceIn,
) -> ServiceOut:
    """Say whether a category is offered to other apps, in which words, and how much of its cases anybody sees."""
    offered, is_new = await service.put_service(session, caller, code, wanted)
    if is_new:
        response.status_code = 201
    set_etag(response, offered.version)
    return service_out(offered)
