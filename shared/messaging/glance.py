"""One look at all outboxes for all relays of a process: what nobody rang for is searched together."""

import asyncio
from collections.abc import Sequence
from typing import Final

import asyncpg

__all__ = ["Glance"]

_WAITING: Final = """
SELECT '{s}' AS service, consumer FROM unnest($1::text[]) AS consumer
WHERE EXISTS (SELECT 1 FROM {s}.outbox AS o WHERE o.consumer = consumer.consumer AND o.published_at IS NULL)"""


class Glance:
    """What waits to be sent, by service, as it was a moment ago.

    Args:
        pool: connections of the relay's role.
        services: the producers, which are the consumers as well.
        good_for_s: how old an answer may be before the next look.
    """

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]", services: Sequence[str], *, good_for_s: float) -> None:
        self._pool = pool
        self._services = list(services)
        self._good_for_s = good_for_s
        self._all = " UNION ALL ".join(_WAITING.format(s=service) for service in services)
        self._each = {service: _WAITING.format(s=service) for service in services}
        self._found: dict[str, list[str]] = {}
        self._looked_at = float("-inf")
        self._lock = asyncio.Lock()

    async def now(self, service: str) -> list[str]:
        """Return the consumers for which something waits in one service's outbox."""
        return [row["consumer"] for row in await self._pool.fetch(self._each[service], self._services)]

    async def lately(self, service: str) -> list[str]:
        """Return the same, as somebody has seen it lately."""
        loop = asyncio.get_running_loop()
        async with self._lock:
            if loop.time() - self._looked_at > self._good_for_s:
                self._found = {}
                for row in await self._pool.fetch(self._all, self._services):
                    self._found.setdefault(row["service"], []).append(row["consumer"])
                self._looked_at = loop.time()
        return self._found.get(service, [])
