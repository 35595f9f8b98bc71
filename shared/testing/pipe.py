"""The real pipe, turned by hand: relays, queues and inboxes run until nothing is on its way any more."""

import asyncio
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Final

import asyncpg
from arq import ArqRedis

from shared.contracts import EventData
from shared.db import Database
from shared.messaging import Consumers, Inbox, QueueWorker, Relay, publish, publish_each, redis_pool

__all__ = ["Pipe"]

_ROUNDS_MAX: Final = 500


class Pipe:
    """Everything between the services of a test process."""

    def __init__(
        self,
        databases: Mapping[str, Database],
        consumers: Mapping[str, Consumers],
        relay_pool: "asyncpg.Pool[asyncpg.Record]",
        redis: ArqRedis,
    ) -> None:
        self.databases = databases
        self._pool = relay_pool
        self._redis = redis
        # For services that do not listen here nothing is put into a queue that somebody else would have to empty.
        self._relays = [Relay(relay_pool, redis, service, tuple(consumers)) for service in databases]
        self._workers = {
            service: QueueWorker(
                inbox=Inbox(databases[service], heard), service=service, redis=redis, relay_pool=relay_pool
            )
            for service, heard in consumers.items()
        }

    @classmethod
    async def open(
        cls, databases: Mapping[str, Database], consumers: Mapping[str, Consumers], *, relay_url: str, redis_url: str
    ) -> "Pipe":
        """Connect the pipe's own ends."""
        pool = await asyncpg.create_pool(relay_url, min_size=1, max_size=6)
        return cls(databases, consumers, pool, await redis_pool(redis_url))

    async def close(self) -> None:
        """Disconnect."""
        await self._redis.aclose()
        await self._pool.close()

    async def publish(self, service: str, tenant: str, subject: str, *data: EventData) -> None:
        """Say something in a service's name, through its outbox."""
        async with self.databases[service].write(tenant) as session:
            await publish(session, subject, *data)

    async def publish_each(self, service: str, tenant: str, told: Sequence[tuple[str, EventData]]) -> None:
        """Say something of each of many subjects in a service's name, in one transaction."""
        async with self.databases[service].write(tenant) as session:
            for _, alike in groupby(told, key=lambda one: type(one[1])):
                await publish_each(session, list(alike))

    def relay_of(self, service: str) -> Relay:
        """Return the relay of a producing service."""
        return self._relays[list(self.databases).index(service)]

    async def rest(self) -> None:
        """Run until no event that somebody here listens to is on its way."""
        for _ in range(_ROUNDS_MAX):
            for relay in self._relays:
                await relay.watch_epoch()
                await relay.send_all()
            for worker in self._workers.values():
                await worker._poll_iteration()  # noqa: SLF001 - one turn of arq's own loop
                await asyncio.gather(*worker.tasks.values())
            if not await self._on_the_way():
                return
        message = "the pipe did not come to rest"
        raise AssertionError(message)

    async def forget(self, tenant: str) -> None:
        """Take back what a tenant has said and nobody has heard: the next who waits for rest need not wait for that."""
        for service in self.databases:
            await self._pool.execute(f"DELETE FROM {service}.outbox WHERE tenant_id = $1 AND acked_at IS NULL", tenant)

    async def _on_the_way(self) -> int:
        total = 0
        for service in self.databases:
            total += await self._pool.fetchval(
                f"SELECT count(*) FROM {service}.outbox WHERE acked_at IS NULL AND consumer = ANY($1::text[])",
                list(self._workers),
            )
        return total
