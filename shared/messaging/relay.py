"""Sends what waits in one service's outbox to the queues of its consumers, and sends again what Redis has lost.

Rows are taken under FOR UPDATE SKIP LOCKED and marked in the transaction that sends them: a relay that dies in between
leaves them unsent, two relays never take the same row, and the row lock is all the fencing there is to it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from operator import itemgetter
from typing import Final

import asyncpg
import orjson
import structlog
from arq import ArqRedis
from redis.exceptions import RedisError

from shared.ids import new_id
from shared.messaging import metrics
from shared.messaging.bell import bell_key, ring
from shared.messaging.glance import Glance
from shared.messaging.worker import DELIVER, doorbell_key, queue_name

__all__ = ["BATCH_SIZE", "CREDIT", "POLL_S", "Relay"]

log = structlog.get_logger()

BATCH_SIZE: Final = 200
# How many events a consumer may owe an answer for: keeps the queue short, so that age tells lost from late.
CREDIT: Final = 2_000
# Longer than a job may run and be taken up again (see worker.IN_PROGRESS_S).
RESEND_AFTER_S: Final = 15
POLL_S: Final = 0.25
_AWAY_S: Final = 0.5
_SETTLE_S: Final = 0.5
# After sending, before listening again: the more there was, the longer. From a hundred events a second on the pause
# feeds itself, and events go in batches; a quiet house hears each at once.
_GATHER_S_PER_EVENT: Final = 0.01
_GATHER_MAX_S: Final = 0.06

# By ctid, since the rows are locked: a join on their keys is planned by statistics, which are never true of a queue.
_TAKE = """
UPDATE {s}.outbox SET published_at = clock_timestamp(), attempts = attempts + 1
WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM {s}.outbox WHERE consumer = $1 AND published_at IS NULL
    ORDER BY position LIMIT $2 FOR UPDATE SKIP LOCKED))
RETURNING tenant_id, id, position, sequence, body, attempts,
    extract(epoch FROM clock_timestamp() - created_at)::float8 AS waited_s"""
_OWED = """
SELECT count(*) FROM (SELECT 1 FROM {s}.outbox
WHERE consumer = $1 AND published_at IS NOT NULL AND acked_at IS NULL LIMIT $2) AS owed"""
_FORGET_SENT = """
UPDATE {s}.outbox SET published_at = NULL WHERE published_at IS NOT NULL AND acked_at IS NULL"""
_TAKE_BACK = """
UPDATE {s}.outbox SET published_at = NULL
WHERE tenant_id = ANY($2::text[]) AND id = ANY($3::uuid[]) AND consumer = $1 AND acked_at IS NULL"""
_FORGET_STALE = """
UPDATE {s}.outbox SET published_at = NULL
WHERE consumer = $1 AND acked_at IS NULL AND published_at < clock_timestamp() - make_interval(secs => $2)"""


class Relay:
    """The relay of one producing service.

    Args:
        pool: connections of the relay's role.
        redis: where the queues are.
        service: the producer, whose outbox is read.
        consumers: the services that it may send to.
        glance: shared with the other relays of the process; one of its own by default.
    """

    def __init__(
        self,
        pool: "asyncpg.Pool[asyncpg.Record]",
        redis: ArqRedis,
        service: str,
        consumers: Sequence[str],
        glance: Glance | None = None,
    ) -> None:
        self._pool = pool
        self._redis = redis
        self._service = service
        self._consumers = tuple(consumers)
        self._epoch_key = f"linli:epoch:{service}"
        statements = (_TAKE, _TAKE_BACK, _OWED, _FORGET_SENT, _FORGET_STALE)
        self._take, self._take_back, self._owed, self._forget_sent, self._forget_stale = (
            statement.format(s=service) for statement in statements
        )
        self._glance = glance or Glance(pool, tuple(dict.fromkeys((service, *consumers))), good_for_s=POLL_S)
        self._credit = dict.fromkeys(self._consumers, 0)

    async def run(self) -> None:
        """Send until cancelled; outlives the absence of Redis and of PostgreSQL."""
        await asyncio.gather(self._outlive(self._send_when_rung), self._outlive(self._watch_over))

    async def send_all(self) -> int:
        """Send what waits, as far as the consumers' credit reaches; returns how many events were sent."""
        return await self._send_to(await self._glance.now(self._service))

    async def _send_to(self, consumers: Sequence[str]) -> int:
        sent = 0
        for consumer in consumers:
            while room := await self._room(consumer):
                count = await self._send_batch(consumer, room)
                sent += count
                if count < room:
                    break
        return sent

    async def watch_epoch(self) -> bool:
        """Send everything unacknowledged again if Redis has been emptied since the last look; returns whether it
        was.
        """
        if await self._redis.exists(self._epoch_key):
            return False
        await self._begin_epoch()
        return True

    async def _begin_epoch(self) -> None:
        # Forget first and mark after: dying in between repeats the forgetting, which the inbox makes harmless.
        forgotten = await self._pool.execute(self._forget_sent)
        await self._redis.set(self._epoch_key, str(new_id()), nx=True)
        log.info("epoch_begun", service=self._service, resent=forgotten)

    async def _send_when_rung(self) -> None:
        while True:
            rang, is_known = await self._wait_for_bell()
            if not is_known:
                # Whoever is in the middle of a batch acknowledges it first, and it is not sent again.
                await asyncio.sleep(_SETTLE_S)
                await self._begin_epoch()
            look = self._glance.now if rang or not is_known else self._glance.lately
            sent = await self._send_to(await look(self._service))
            await asyncio.sleep(min(sent * _GATHER_S_PER_EVENT, _GATHER_MAX_S))

    async def _wait_for_bell(self) -> tuple[bool, bool]:
        """Sleep until the bell or until it is time to look by oneself; returns whether it rang, and whether Redis is
        still the one that we know.

        Both questions travel together: Redis answers the second when the first has been answered.
        """
        async with self._redis.pipeline(transaction=False) as pipe:
            pipe.execute_command("BLPOP", bell_key(self._service), POLL_S)
            pipe.exists(self._epoch_key)
            rung, is_known = await pipe.execute()
        return rung is not None, bool(is_known)

    async def _watch_over(self) -> None:
        while True:
            for consumer in self._consumers:
                await self._pool.execute(self._forget_stale, consumer, float(RESEND_AFTER_S))
            await asyncio.sleep(RESEND_AFTER_S / 3)

    async def _room(self, consumer: str) -> int:
        """Tell how many events fit into the next batch; what is owed is counted only when the last count is used up."""
        if self._credit[consumer] <= 0:
            self._credit[consumer] = CREDIT - await self._pool.fetchval(self._owed, consumer, CREDIT)
        return min(BATCH_SIZE, self._credit[consumer])

    async def _send_batch(self, consumer: str, limit: int) -> int:
        async with self._pool.acquire() as connection:
            async with connection.transaction():
                rows = await connection.fetch(self._take, consumer, limit)
                if not rows:
                    return 0
                rows.sort(key=itemgetter("position"))
                epoch = await self._redis.get(self._epoch_key)
                await self._enqueue(consumer, [_event(row) for row in rows])
            # Redis may have been emptied after the batch was in it and before our COMMIT; whoever then looked for what
            # to send again could not see that these rows had been sent.
            if epoch is None or await self._redis.get(self._epoch_key) != epoch:
                log.info("batch_taken_back", service=self._service, events=len(rows))
                keys = [row["tenant_id"] for row in rows], [row["id"] for row in rows]
                await connection.execute(self._take_back, consumer, *keys)
                return 0
        self._credit[consumer] -= len(rows)
        metrics.sent(self._service, consumer, rows)
        return len(rows)

    async def _enqueue(self, consumer: str, events: list[orjson.Fragment]) -> None:
        await self._redis.enqueue_job(
            DELIVER, self._service, events, _queue_name=queue_name(consumer), _job_id=str(new_id())
        )
        await ring(self._redis, doorbell_key(consumer))

    async def _outlive(self, work: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await work()
            except (RedisError, OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                log.warning("relay_waits", service=self._service, error=repr(error)[:200])
                await asyncio.sleep(_AWAY_S)


def _event(row: asyncpg.Record) -> orjson.Fragment:
    """Add the sequence to the stored event, which is a JSON object with members, without reading it."""
    return orjson.Fragment(f'{row["body"][:-1]},"sequence":{row["sequence"]}}}')
