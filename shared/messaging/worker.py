"""Our arq worker: one queue per service, woken by a doorbell, JSON on the wire, and no harm when Redis goes away.

arq alone polls every half second, pickles, keeps results that block a job's id, gives up on an exception and dies with
its Redis. None of that may matter here: truth is in the outbox and in the inbox, and a job is only a nudge with a
batch of events in it.
"""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final, cast
from uuid import UUID

import asyncpg
import orjson
import structlog
from arq import ArqRedis, Retry, func
from arq.connections import RedisSettings, create_pool
from arq.typing import WorkerCoroutine
from arq.worker import Worker
from redis.exceptions import RedisError

from shared.messaging.bell import bell_key, ring, wait_for_bell
from shared.messaging.inbox import Inbox

__all__ = ["DELIVER", "IN_PROGRESS_S", "QueueWorker", "doorbell_key", "queue_name", "redis_pool"]

log = structlog.get_logger()

DELIVER: Final = "deliver"
# How long a job of a killed worker stays taken, and so how long a batch may be stuck.
IN_PROGRESS_S: Final = 4.0
# Less than arq would give it, which takes a timeout for an end, and than the job stays taken.
_DELIVER_S: Final = 3.0
_JOB_TIMEOUT_S: Final = 3.5
# Longer than anybody waits for a bell.
_REDIS_SILENCE_S: Final = 5.0
_DOORBELL_S: Final = 1.0
_AWAY_S: Final = 0.3
_RETRY_DUE_EVERY_S: Final = 1.0
_LARGE_BATCH: Final = 100
# From here on a batch is full, and there may be more behind it.
_ACKNOWLEDGE_AGAIN_S: Final = (0.02, 0.2, 0.8)
_JOB_EXPIRES: Final = timedelta(days=7)

_ACKNOWLEDGE = """
UPDATE {producer}.outbox AS o SET acked_at = clock_timestamp()
WHERE o.tenant_id = ANY($2::text[]) AND o.id = ANY($3::uuid[]) AND o.consumer = $1"""
_TENANTS_DUE = """
SELECT DISTINCT tenant_id FROM {service}.inbox
WHERE (state = 'failed' AND next_attempt_at <= now()) OR state = 'waiting'"""


def queue_name(service: str) -> str:
    """Name the arq queue of a consuming service."""
    return f"linli:queue:{service}"


def doorbell_key(service: str) -> str:
    """Name the list that the worker of a queue waits on."""
    return f"linli:doorbell:{service}"


async def redis_pool(redis_url: str) -> ArqRedis:
    """Connect to Redis as arq needs it, with JSON instead of pickle; does not wait for Redis to be there."""
    settings = RedisSettings.from_dsn(redis_url)
    settings.conn_retries = 1_000_000
    settings.conn_retry_delay = 1
    settings.max_connections = 50
    pool = await create_pool(
        settings,
        job_serializer=orjson.dumps,
        job_deserializer=orjson.loads,
        expires_extra_ms=int(_JOB_EXPIRES.total_seconds() * 1000),
    )
    # arq has no setting for it, and a connection that is half open would be waited for until the kernel gives up.
    pool.connection_pool.connection_kwargs["socket_timeout"] = _REDIS_SILENCE_S
    await pool.connection_pool.disconnect()
    return pool


class QueueWorker(Worker):
    """Takes the batches of one service off its queue, applies them, and acknowledges them to their producer.

    Args:
        inbox: applies batches to the consuming service.
        service: the consumer.
        redis: a pool made by `redis_pool`.
        relay_pool: connections of the relay's role, to acknowledge with and to see whose events are due again.
        at_once: how many batches at a time; no more than the inbox has connections.
    """

    def __init__(
        self,
        *,
        inbox: Inbox,
        service: str,
        redis: ArqRedis,
        relay_pool: "asyncpg.Pool[asyncpg.Record]",
        at_once: int = 2,
    ) -> None:
        super().__init__(
            functions=[func(cast("WorkerCoroutine", self._deliver), name=DELIVER)],
            queue_name=queue_name(service),
            redis_pool=redis,
            handle_signals=False,
            max_jobs=at_once,
            job_timeout=_JOB_TIMEOUT_S,
            keep_result=0,
            max_tries=1_000_000,
            job_serializer=orjson.dumps,
            job_deserializer=orjson.loads,
            log_results=False,
        )
        self.in_progress_timeout_s = IN_PROGRESS_S
        self._inbox = inbox
        self._service = service
        self._relay_pool = relay_pool
        self._stopping = asyncio.Event()

    async def main(self) -> None:
        """Work until `stop` is called; Redis may come and go meanwhile."""
        retries = asyncio.create_task(self._retry_due_forever())
        try:
            while not self._stopping.is_set():
                try:
                    await wait_for_bell(self.pool, doorbell_key(self._service), _DOORBELL_S)
                    await self._poll_iteration()
                    while self.job_counter >= self.max_jobs and not self._stopping.is_set():
                        # Full: whoever ends makes room for the next, and nobody rings for that.
                        if self.tasks:
                            await asyncio.wait(self.tasks.values(), return_when=asyncio.FIRST_COMPLETED)
                        await asyncio.sleep(0)
                        await self._poll_iteration()
                except (RedisError, OSError, TimeoutError) as error:
                    log.warning("worker_waits_for_redis", service=self._service, error=repr(error)[:200])
                    await asyncio.sleep(_AWAY_S)
        finally:
            retries.cancel()
            await asyncio.gather(retries, return_exceptions=True)

    def stop(self) -> None:
        """Take no more jobs; `drain` waits for those that run."""
        self.allow_pick_jobs = False
        self._stopping.set()

    async def drain(self) -> None:
        """Wait for the running jobs."""
        await asyncio.gather(*self.tasks.values(), return_exceptions=True)

    async def retry_due(self) -> int:
        """Try again what has failed before and is due, of all tenants; returns how many were tried."""
        rows = await self._relay_pool.fetch(_TENANTS_DUE.format(service=self._service))
        return sum([await self._inbox.retry_due(row["tenant_id"]) for row in rows])

    async def start_jobs(self, job_ids: list[bytes]) -> None:
        """Start jobs. arq takes a place for each and never gives it back when Redis goes away before the start."""
        try:
            await super().start_jobs(job_ids)
        except BaseException:
            await asyncio.sleep(0)  # what has just ended gives its place back by itself
            running = sum(not task.done() for task in self.tasks.values())
            for _ in range(self.job_counter - running):
                self.job_counter -= 1
                self.sem.release()
            raise

    async def _deliver(self, _context: dict[str, Any], producer: str, batch: list[dict[str, Any]]) -> None:
        try:
            async with asyncio.timeout(_DELIVER_S):
                done = await self._inbox.deliver(batch)
                await self._acknowledge(producer, done)
                if len(done) >= _LARGE_BATCH:
                    # Its producer may be waiting for its credit.
                    await ring(self.pool, bell_key(producer))
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as error:
            log.info("batch_waits", service=self._service, error=repr(error)[:200])
            raise Retry(defer=1) from error
        except Exception as error:
            # The batch stays unacknowledged: whatever this was, the outbox sends it again.
            log.error("batch_not_delivered", service=self._service, error=repr(error)[:300])
            raise Retry(defer=2) from error

    async def _acknowledge(self, producer: str, done: Sequence[dict[str, Any]]) -> None:
        """Tell the outbox, several times if need be: an effect that is not acknowledged is delivered once more."""
        keys = [event["tenant"] for event in done], [UUID(event["id"]) for event in done]
        statement = _ACKNOWLEDGE.format(producer=producer)
        for pause_s in _ACKNOWLEDGE_AGAIN_S:
            try:
                await self._relay_pool.execute(statement, self._service, *keys)
            except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as error:
                log.info("acknowledging_again", service=self._service, error=repr(error)[:200])
                await asyncio.sleep(pause_s)
            else:
                return
        await self._relay_pool.execute(statement, self._service, *keys)

    async def _retry_due_forever(self) -> None:
        while True:
            await asyncio.sleep(_RETRY_DUE_EVERY_S)
            try:
                await self.retry_due()
            except Exception as error:  # noqa: BLE001 - it is tried again in a second, whatever it was
                log.warning("retries_wait", service=self._service, error=repr(error)[:200])
