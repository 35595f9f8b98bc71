"""How the pipe stands at this moment: read across tenants by the relay's role, for /metrics and `linli status`."""

from collections.abc import Sequence
from typing import Final

import asyncpg
from arq import ArqRedis
from redis.exceptions import RedisError

from shared.messaging.metrics import INBOX, OLDEST_S, OWED, QUEUED
from shared.messaging.worker import queue_name

__all__ = ["look"]

_HELD: Final = ("waiting", "failed", "dead")
_OUTBOX: Final = """
SELECT consumer, count(*) AS owed, extract(epoch FROM clock_timestamp() - min(created_at))::float8 AS oldest_s
FROM {s}.outbox WHERE acked_at IS NULL GROUP BY consumer"""
_INBOX: Final = (
    "SELECT state, count(*) AS events FROM {s}.inbox WHERE state IN ('waiting', 'failed', 'dead') GROUP BY state"
)


async def look(pool: "asyncpg.Pool[asyncpg.Record]", redis: ArqRedis, services: Sequence[str]) -> None:
    """Set the gauges of the pipe. Without Redis the queues are told as they were."""
    for service in services:
        owed = {row["consumer"]: row for row in await pool.fetch(_OUTBOX.format(s=service))}
        for consumer in services:
            row = owed.get(consumer)
            OWED.labels(service, consumer).set(row["owed"] if row else 0)
            OLDEST_S.labels(service, consumer).set(row["oldest_s"] if row else 0)
        held = {row["state"]: row["events"] for row in await pool.fetch(_INBOX.format(s=service))}
        for state in _HELD:
            INBOX.labels(service, state).set(held.get(state, 0))
    for service in services:
        try:
            QUEUED.labels(service).set(await redis.zcard(queue_name(service)))
        except (RedisError, OSError, TimeoutError):
            return
