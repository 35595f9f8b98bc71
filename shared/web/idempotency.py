"""Idempotency-Key on every POST (after the IETF draft of that name): asked twice, done once, answered the same.

The key's row is written in the transaction of the effect itself, so there is never one without the other. A
transaction-level advisory lock tells a request that is still in flight from one that is done.
"""

import hashlib
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Final

import orjson
from fastapi import Header, Request, Response
from sqlalchemy import TextClause, text

from shared.auth import principal_of
from shared.db import WriteSession
from shared.problems import BadRequest, Conflict, Invalid, Unauthenticated
from shared.texts import Text

__all__ = ["KEY_MAX_LENGTH", "Replay", "claim_key", "money_moves", "remember_answer", "show_once"]

KEY_MAX_LENGTH: Final = 128
_KEPT_HEADERS: Final = ("content-type", "etag", "location")

_LOCK = text("SELECT pg_try_advisory_xact_lock(hashtextextended(:name, 0))")
# The table is the same in every service's schema, so the two statements are made once per schema.
_FIND: Final = """
    SELECT fingerprint, status, headers, body FROM {schema}.idempotency_keys
    WHERE tenant_id = :tenant AND actor = :actor AND key = :key"""
_KEEP: Final = """
    INSERT INTO {schema}.idempotency_keys (tenant_id, actor, key, fingerprint, status, headers, body, created_at)
    VALUES (:tenant, :actor, :key, :fingerprint, :status, CAST(:headers AS jsonb), :body, now())"""


class KeyRequired(BadRequest):
    """Where money moves, a request must be safe to repeat."""

    code = "idempotency_key_required"
    title = Text(zh="涉及资金的操作必须带 Idempotency-Key", en="Idempotency-Key is required where money moves")


class BadKey(BadRequest):
    """The key is not 1 to 128 visible ASCII characters."""

    code = "bad_idempotency_key"
    title = Text(zh="Idempotency-Key 格式不正确", en="Idempotency-Key is malformed")


class KeyInFlight(Conflict):
    """The first request with this key has not been answered yet."""

    code = "idempotency_key_in_flight"
    title = Text(zh="相同请求正在处理中", en="The same request is still being worked on")


class KeyReused(Invalid):
    """The key was used for a request with another content."""

    code = "idempotency_key_reused"
    title = Text(zh="该 Idempotency-Key 已用于不同的请求", en="This Idempotency-Key was used for another request")


class Replay(Exception):
    """Carries the stored answer past the handler."""

    def __init__(self, response: Response) -> None:
        super().__init__("replayed")
        self.response = response


@cache
def _statement(template: str, schema: str) -> TextClause:
    return text(template.format(schema=schema))


@dataclass(frozen=True, slots=True)
class _Claim:
    """A key that this request has claimed, with the session that will keep its answer."""

    session: WriteSession
    actor: str
    key: str
    fingerprint: bytes


async def money_moves(
    request: Request,
    idempotency_key: Annotated[
        str | None, Header(description="Required: makes the request safe to repeat.", max_length=KEY_MAX_LENGTH)
    ] = None,
) -> None:
    """Refuse a request that moves money without a key; who is not signed in learns only that."""
    if (await principal_of(request)).kind == "anonymous":
        raise Unauthenticated
    if not idempotency_key:
        raise KeyRequired


async def claim_key(request: Request, session: WriteSession) -> None:
    """Claim the request's key, if it has one, for the running transaction.

    Raises:
        Replay: the same request was done before; carries its answer.
        KeyInFlight: the same key is being worked on right now.
        KeyReused: the key belongs to another request.
    """
    key = request.headers.get("idempotency-key")
    if key is None or request.method != "POST":
        return
    if not (0 < len(key) <= KEY_MAX_LENGTH and key.isascii() and key.isprintable()):
        raise BadKey
    principal = await principal_of(request)
    schema = request.app.state.schema
    fingerprint = hashlib.sha256(
        b"\n".join((request.method.encode(), request.url.path.encode(), await request.body()))
    ).digest()
    name = f"{schema}/{session.tenant}/{principal.actor}/{key}"
    if not (await session.execute(_LOCK, {"name": name})).scalar_one():
        raise KeyInFlight
    where = {"tenant": session.tenant, "actor": principal.actor, "key": key}
    found = (await session.execute(_statement(_FIND, schema), where)).one_or_none()
    if found is not None:
        if bytes(found.fingerprint) != fingerprint:
            raise KeyReused
        headers = {**found.headers, "Idempotency-Replayed": "true"}
        raise Replay(Response(bytes(found.body), found.status, headers))
    request.state.idempotency = _Claim(session, principal.actor, key, fingerprint)


def show_once(request: Request, member: str) -> None:
    """Keep a member of the JSON answer out of what is remembered: a secret is told once, and stands nowhere.

    Whoever sends the request again gets the same answer with null in its place.
    """
    request.state.shown_once = member


def _without(body: bytes, member: str | None) -> bytes:
    return body if member is None else orjson.dumps({**orjson.loads(body), member: None})


async def remember_answer(request: Request, response: Response) -> None:
    """Keep the answer beside the effect, in the same transaction; a refusal keeps nothing, since nothing was done."""
    claim: _Claim | None = getattr(request.state, "idempotency", None)
    if claim is None or not 200 <= response.status_code < 300:  # noqa: PLR2004 - the class of success
        return
    headers = {name: response.headers[name] for name in _KEPT_HEADERS if name in response.headers}
    await claim.session.flush()
    await claim.session.execute(
        _statement(_KEEP, request.app.state.schema),
        {
            "tenant": claim.session.tenant,
            "actor": claim.actor,
            "key": claim.key,
            "fingerprint": claim.fingerprint,
            "status": response.status_code,
            "headers": orjson.dumps(headers).decode(),
            "body": _without(bytes(response.body), getattr(request.state, "shown_once", None)),
        },
    )
