"""HTTP of partners' keys."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request, Response

from services.matching.webhook_secrets import repository, service
from services.matching.webhook_secrets.schemas import NewSecretOut, PolicyIn, PolicyOut, SecretIn, SecretOut
from services.matching.webhook_secrets.views import new_secret_out, policy_out, secret_out
from shared.auth import Principal, Role, authenticated, requires
from shared.db import WriteSession
from shared.pagination import Page, Paging
from shared.problems import NotFound
from shared.vault import VaultOfApp
from shared.web import ExpectedVersion, Reading, Writing, begin_writing, check_version, service_router, set_etag

__all__ = ["router"]

router = service_router(tags=["webhooks in 合伙人推送"])

Giver = Annotated[
    Principal,
    Depends(requires(Role.UNIT_STAFF, Role.PARTNER, Role.OFFICER, Role.SECRETARY, Role.ADMINISTRATOR)),
]
Administrator = Annotated[Principal, Depends(requires(Role.ADMINISTRATOR))]
Caller = Annotated[Principal, Depends(authenticated)]


async def _writing_unkept(request: Request, caller: Giver) -> WriteSession:
    # An Idempotency-Key would keep the answer, and with it the secret, for days.
    return await begin_writing(request, caller.tenant)


UnkeptWriting = Annotated[WriteSession, Depends(_writing_unkept)]


@router.post(
    "/v1/partners/{partner_id}/webhook-secrets",
    status_code=201,
    responses={200: {"model": NewSecretOut, "description": "Made before 已存在"}},
    summary="Make a signing key 创建推送密钥",
)
async def create_webhook_secret(
    caller: Giver,
    session: UnkeptWriting,
    vault: VaultOfApp,
    request: Request,
    response: Response,
    partner_id: UUID,
    wanted: SecretIn,
) -> NewSecretOut:
    """Make the first key or the next. It is shown this once; the one before it stays valid for `overlap_hours`."""
    secret, text, is_new = await service.create_secret(session, caller, vault, partner_id, wanted)
    response.status_code = 201 if is_new else 200
    response.headers["Location"] = f"/v1/partners/{partner_id}/webhook-secrets/{secret.id}"
    response.headers["Cache-Control"] = "no-store"
    set_etag(response, secret.version)
    return new_secret_out(secret, text, request.app.state.public_url)


@router.get("/v1/partners/{partner_id}/webhook-secrets", summary="List signing keys 推送密钥列表")
async def list_webhook_secrets(caller: Giver, session: Reading, paging: Paging, partner_id: UUID) -> Page[SecretOut]:
    """Return the keys of a partner without their secrets, the newest first."""
    await service.partner_of(session, caller, partner_id)
    rows = await repository.list_secrets(session, partner_id, after=paging.after, limit=paging.size + 1)
    return paging.page(rows, key=lambda row: (row.created_at, row.id), view=secret_out)


@router.get("/v1/partners/{partner_id}/webhook-secrets/{secret_id}", summary="Read a signing key 推送密钥详情")
async def read_webhook_secret(
    caller: Giver, session: Reading, response: Response, partner_id: UUID, secret_id: UUID
) -> SecretOut:
    """Return a key without its secret."""
    await service.partner_of(session, caller, partner_id)
    secret = await repository.find_secret(session, partner_id, secret_id)
    if secret is None:
        raise NotFound
    set_etag(response, secret.version)
    return secret_out(secret)


@router.post(
    "/v1/partners/{partner_id}/webhook-secrets/{secret_id}/revoke", summary="Revoke a signing key 吊销推送密钥"
)
async def revoke_webhook_secret(
    caller: Giver,
    session: Writing,
    response: Response,
    expected: ExpectedVersion,
    partner_id: UUID,
    secret_id: UUID,
) -> SecretOut:
    """End a key at once; what it has sent stays."""
    secret = await service.lock_secret(session, caller, partner_id, secret_id)
    check_version(expected, secret.version, secret_out(secret))
    await service.revoke_secret(session, caller, secret)
    set_etag(response, secret.version)
    return secret_out(secret)


@router.get("/v1/webhook-policy", summary="What is asked of partners that push 推送要求")
async def read_webhook_policy(_: Caller, session: Reading, response: Response) -> PolicyOut:
    """Return what the district asks before the first live key."""
    policy = policy_out(await repository.find_policy(session))
    set_etag(response, policy.version)
    return policy


@router.put("/v1/webhook-policy", summary="Say what is asked of partners that push 设置推送要求")
async def put_webhook_policy(
    caller: Administrator, session: Writing, response: Response, wanted: PolicyIn
) -> PolicyOut:
    """Say whether the conformance run comes before the first live key; keys that are there stay valid."""
    policy = policy_out(await service.put_policy(session, caller, wanted))
    set_etag(response, policy.version)
    return policy
