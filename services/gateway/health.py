"""Whether the house can be served through this gateway.

One service that is down must not take the others with it, so the gateway is unready only when no service is ready, or
when it has no key to check tokens with; with a part missing, or without Redis, it is degraded. Asked often, it looks
once a second.
"""

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Final, Literal

import aiohttp

__all__ = ["Health", "Readiness"]

_TIMEOUT_S: Final = 2.0
_FRESH_S: Final = 1.0

State = Literal["ready", "degraded", "unready", "down"]
Readiness = dict[str, object]


class Health:
    """Looks after the upstreams.

    Args:
        urls: the services' addresses.
        ping_redis: raises when Redis is away.
        has_keys: whether tokens can be checked.
    """

    def __init__(
        self, urls: dict[str, str], *, ping_redis: Callable[[], Awaitable[object]], has_keys: Callable[[], bool]
    ) -> None:
        self._urls = urls
        self._ping_redis = ping_redis
        self._has_keys = has_keys
        self._looking = asyncio.Lock()
        self._looked_at = -_FRESH_S
        self._found: Readiness = {}

    async def look(self, session: aiohttp.ClientSession) -> Readiness:
        """Return the state of the gateway and of everything it stands on."""
        async with self._looking:
            if monotonic() - self._looked_at >= _FRESH_S:
                self._found = await self._look(session)
                self._looked_at = monotonic()
        return self._found

    async def _look(self, session: aiohttp.ClientSession) -> Readiness:
        *states, redis_up = await asyncio.gather(
            *(self._state(session, url) for url in self._urls.values()), self._redis_answers()
        )
        upstreams = dict(zip(self._urls, states, strict=True))
        serving = [state for state in states if state in {"ready", "degraded"}]
        whole = all(state == "ready" for state in states) and redis_up and self._has_keys()
        status: State = "degraded" if serving and self._has_keys() else "unready"
        return {
            "status": "ready" if whole else status,
            "upstreams": upstreams,
            "redis": "up" if redis_up else "down",
            "keys": "known" if self._has_keys() else "unknown",
        }

    async def _state(self, session: aiohttp.ClientSession, url: str) -> State:
        try:
            async with asyncio.timeout(_TIMEOUT_S), session.get(url + "/readyz") as answer:
                told = (await answer.json(content_type=None)).get("status")
        except (aiohttp.ClientError, OSError, ValueError, TimeoutError, AttributeError):
            return "down"
        return told if told in {"ready", "degraded", "unready"} else "down"

    async def _redis_answers(self) -> bool:
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                await self._ping_redis()
        except Exception:  # noqa: BLE001 - whatever is wrong with it, it does not answer
            return False
        return True
