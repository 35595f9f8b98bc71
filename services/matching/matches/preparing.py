"""A process prepares, beside its first requests, the branches that the one before it had at hand: the first need in one
would wait for thousands of offers to be read.

Which ones these are stands in Redis, where it may be lost: then the first need waits.
"""

import asyncio
from time import time
from typing import Final

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from services.matching.matches.at_hand import Memory, memory, offers_at_hand
from services.matching.slots.embedding import answering, first_pass
from services.matching.slots.repository import learned_words
from shared.clock import utc_now
from shared.db import Database

__all__ = ["Notebook", "prepare"]

log = structlog.get_logger()

_KEY: Final = "linli:matching:branches_at_hand"
_BRANCHES_MAX: Final = 64
# So many offers are prepared: half of what is remembered, some fifty megabytes.
_OFFERS_MAX: Final = 10_000
_TIMEOUT_S: Final = 1.0


class Notebook:
    """The branches that were used last, of all processes together.

    Args:
        redis_url: where it lies.
        key: under which name.
    """

    def __init__(self, redis_url: str, key: str = _KEY) -> None:
        self._key = key
        self._redis: Redis = Redis.from_url(
            redis_url, socket_timeout=_TIMEOUT_S, socket_connect_timeout=_TIMEOUT_S, decode_responses=True
        )
        self._writing: set[asyncio.Task[None]] = set()

    def note(self, tenant: str, branch: str) -> None:
        """Write down that a branch was read; returns at once."""
        task = asyncio.create_task(self._note(f"{tenant} {branch}"))
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)

    async def _note(self, name: str) -> None:
        try:
            async with self._redis.pipeline(transaction=False) as pipe:
                pipe.zadd(self._key, {name: time()})
                pipe.zremrangebyrank(self._key, 0, -_BRANCHES_MAX - 1)
                await pipe.execute()
        except (RedisError, OSError, TimeoutError) as error:
            log.debug("branch_not_noted", error=repr(error)[:120])

    async def noted(self) -> list[tuple[str, str]]:
        """Return tenants and branches, the one that was used last first; none without Redis."""
        try:
            names = await self._redis.zrevrange(self._key, 0, _BRANCHES_MAX - 1)
        except (RedisError, OSError, TimeoutError) as error:
            log.debug("branches_not_recalled", error=repr(error)[:120])
            return []
        return [(tenant, branch) for tenant, _, branch in (name.partition(" ") for name in names)]

    async def settled(self) -> None:
        """Wait for what is being written."""
        await asyncio.gather(*self._writing)

    async def close(self) -> None:
        """Let what is being written be written and close the connection."""
        await self.settled()
        await self._redis.aclose()


async def prepare(database: Database, notebook: Notebook, at_hand: Memory = memory) -> int:
    """Read the offers of the branches that were used last, as far as they are to be remembered; returns how many."""
    # For needs that arrive, and for those that all encoders have placed.
    live = dict.fromkeys((first_pass(answering()), answering()))
    for tenant, branch in await notebook.noted():
        async with database.read(tenant) as session:
            learned = await learned_words(session)
            for encoders in live:
                if len(at_hand) < _OFFERS_MAX:
                    await offers_at_hand(session, branch, tenant, encoders, utc_now(), learned, memory=at_hand)
    return len(at_hand)
