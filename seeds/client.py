"""A caller of the gateway: one bearer token, plain JSON, an Idempotency-Key on every POST.

An answer is a value, whatever its status, because the stories look at refusals as closely as at successes. Only what
the house itself asks to repeat (429 and 503 with Retry-After) is repeated, a bounded number of times; the key makes
that safe.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID, uuid4

import httpx

__all__ = ["Answer", "Caller", "connect"]

_FIRST_REFUSAL: Final = 400
_STALE: Final = 412
_REPEATED: Final = frozenset({429, 503})
_TRIES: Final = 6
_LONGEST_PAUSE_S: Final = 2.0
_TIMEOUT_S: Final = 20.0
_CONNECTIONS: Final = 16


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer of the house. `body` is the parsed JSON, or None when there was none; `content` are its bytes."""

    method: str
    path: str
    status: int
    body: Any
    headers: Mapping[str, str]
    content: bytes = b""

    @property
    def code(self) -> str | None:
        """Return the stable slug of a problem, None for a success."""
        return self.body.get("code") if self.status >= _FIRST_REFUSAL and isinstance(self.body, dict) else None

    def __str__(self) -> str:
        return f"{self.method} {self.path} → {self.status} {self.body}"


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody who calls the house, signed in or (without a token) not yet."""

    http: httpx.AsyncClient
    token: str | None = None
    person_id: UUID | None = None

    def signed_in(self, token: str, person_id: UUID | None = None) -> "Caller":
        """Return somebody who uses the same connections with a token."""
        return Caller(self.http, token, person_id)

    async def get(self, path: str, **params: object) -> Answer:
        """Read; parameters that are None are left out."""
        return await self._send(
            "GET", path, params={key: str(value) for key, value in params.items() if value is not None}
        )

    async def post(
        self, path: str, body: object = None, *, version: int | None = None, key: str | None = None
    ) -> Answer:
        """Create something, or with a version do something to that version of it."""
        headers = {"Idempotency-Key": key or str(uuid4())} | _if_match(version)
        return await self._send("POST", path, json=_plain(body) if body is not None else None, headers=headers)

    async def put(self, path: str, body: object, *, version: int | None = None) -> Answer:
        """Set something whole, or replace a version of it."""
        return await self._send("PUT", path, json=_plain(body), headers=_if_match(version))

    async def patch(self, path: str, body: object, *, version: int) -> Answer:
        """Change some fields of a version."""
        return await self._send("PATCH", path, json=_plain(body), headers=_if_match(version))

    async def act(self, path: str, action: str, body: object = None) -> Answer:
        """Do something to a thing as it is now: read its version, act on it, and read again if somebody was faster.

        Events from other services may move a version between the reading and the acting.
        """
        for _ in range(_TRIES):
            seen = await self.get(path)
            if seen.status >= _FIRST_REFUSAL:
                return seen
            answer = await self.post(f"{path}/{action}", body, version=seen.body["version"])
            if answer.status != _STALE:
                break
        return answer

    async def upload(self, path: str, content: bytes, media_type: str) -> Answer:
        """Post a file as the raw body."""
        headers = {"Content-Type": media_type, "Idempotency-Key": str(uuid4())}
        return await self._send("POST", path, content=content, headers=headers)

    async def signed(self, method: str, path: str, content: bytes, headers: Mapping[str, str]) -> Answer:
        """Send bytes that were signed as they are; the headers carry the signature."""
        return await self._send(method, path, content=content, headers=headers)

    async def _send(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        **parts: Any,  # noqa: ANN401 - the body in whichever form httpx takes it
    ) -> Answer:
        sent = dict(headers or {}) | ({"Authorization": f"Bearer {self.token}"} if self.token else {})
        for attempt in range(_TRIES):
            response = await self.http.request(method, path, headers=sent, **parts)
            if response.status_code not in _REPEATED or attempt == _TRIES - 1:
                break
            await asyncio.sleep(_asked_pause_s(response))
        return Answer(method, path, response.status_code, _json(response), response.headers, response.content)


@asynccontextmanager
async def connect(url: str) -> AsyncIterator[Caller]:
    """Open one pooled connection to the gateway for everybody who speaks during a run."""
    limits = httpx.Limits(max_connections=_CONNECTIONS, max_keepalive_connections=_CONNECTIONS)
    headers = {"Accept": "application/json", "Accept-Language": "zh", "User-Agent": "linli-seeds"}
    async with httpx.AsyncClient(base_url=url, timeout=_TIMEOUT_S, limits=limits, headers=headers) as http:
        yield Caller(http)


def _if_match(version: int | None) -> dict[str, str]:
    return {} if version is None else {"If-Match": f'"{version}"'}


def _asked_pause_s(response: httpx.Response) -> float:
    """Read how long the house asks to wait; a missing or unreadable header counts as a short moment."""
    try:
        return min(float(response.headers.get("Retry-After", "0.1")), _LONGEST_PAUSE_S)
    except ValueError:
        return 0.1


def _json(response: httpx.Response) -> Any:  # noqa: ANN401 - whatever JSON holds
    if "json" not in response.headers.get("Content-Type", ""):
        return None
    try:
        return response.json()
    except ValueError:
        return None


def _plain(value: object) -> object:
    """Turn ids into text, at any depth."""
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return value
