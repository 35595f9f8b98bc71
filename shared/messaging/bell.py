"""The bell that wakes the relay after a commit. Losing it costs at most one polling interval, so nobody waits for
it.
"""

import asyncio
from time import monotonic
from typing import Final

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

__all__ = ["Bell", "bell_key", "ring", "wait_for_bell"]

log = structlog.get_logger()

_TIMEOUT_S: Final = 1.0
_GATHER_S: Final = 0.01
# After a ring that nobody heard: while the name of Redis is gone, each try keeps a thread of the loop for seconds.
_QUIET_S: Final = 1.0


def bell_key(service: str) -> str:
    """Name the list that the relay of a service's outbox waits on."""
    return f"linli:bell:{service}"


async def wait_for_bell(redis: Redis, key: str, timeout_s: float) -> None:
    """Sleep until somebody rings or the time is up. Fractions of a second are what Redis takes and its stub forgets."""
    await redis.execute_command("BLPOP", key, timeout_s)  # type: ignore[no-untyped-call]


async def ring(redis: Redis, key: str) -> None:
    """Wake whoever waits; a bell that has been rung already stays so."""
    async with redis.pipeline(transaction=False) as pipe:
        pipe.lpush(key, b"1")
        pipe.ltrim(key, 0, 0)
        await pipe.execute()


class Bell:
    """Rings for one service's outbox; many rings while one is on its way count as one."""

    def __init__(self, redis_url: str, service: str) -> None:
        self._redis: Redis = Redis.from_url(
            redis_url, socket_timeout=_TIMEOUT_S, socket_connect_timeout=_TIMEOUT_S, max_connections=4
        )
        self._key = bell_key(service)
        self._pending: asyncio.Task[None] | None = None
        self._again = False
        self._quiet_until = 0.0

    def ring(self) -> None:
        """Tell the relay that there is something to send; returns at once."""
        if self._pending is not None and not self._pending.done():
            self._again = True
            return
        if monotonic() < self._quiet_until:
            return
        self._pending = asyncio.get_running_loop().create_task(self._ring())

    async def _ring(self) -> None:
        while True:
            self._again = False
            try:
                await ring(self._redis, self._key)
            except (RedisError, OSError, TimeoutError) as error:
                log.debug("bell_not_rung", error=repr(error)[:120])
                self._quiet_until = monotonic() + _QUIET_S
                return
            # The first ring goes out at once, those of the next moment as one.
            await asyncio.sleep(_GATHER_S)
            if not self._again:
                return

    async def ping(self) -> None:
        """Raise when Redis does not answer."""
        await self._redis.ping()

    async def close(self) -> None:
        """Let the last ring out and close the connections."""
        if self._pending is not None:
            await asyncio.gather(self._pending, return_exceptions=True)
        await self._redis.aclose()
