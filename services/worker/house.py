"""Everything that runs in one worker process: a relay and a queue worker for each service, and the schedules."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import asyncpg
import structlog
from arq import ArqRedis
from redis.exceptions import RedisError
from sqlalchemy.engine import make_url

from services.directory import jobs as directory_jobs
from services.intake import jobs as intake_jobs
from services.ledger import jobs as ledger_jobs
from services.matching import jobs as matching_jobs
from services.worker.settings import WorkerSettings
from shared.contracts import SERVICES
from shared.db import Database, StatelessConnection
from shared.garbage import keep_what_stays
from shared.messaging import Bell, Consumers, Inbox, Patience, QueueWorker, Relay, Schedule, TenantSchedule, redis_pool
from shared.messaging.figures import look
from shared.messaging.glance import Glance
from shared.messaging.relay import POLL_S
from shared.messaging.retention import Kept, clear_forever
from shared.messaging.schedules import run_schedules

__all__ = ["JOBS", "House", "ServiceJobs"]

log = structlog.get_logger()

_DRAIN_S: Final = 5.0
_AGAIN_S: Final = 0.5
_CONNECT_AGAIN_S: Final = 0.5
_STANDSTILL_MS: Final = 5_000
_SILENCE_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class ServiceJobs:
    """What one service wants done outside of requests."""

    consumers: Consumers
    schedules: Sequence[Schedule | TenantSchedule]
    # What a service sends to the outside, in this process, begins and ends with it.
    begin: Callable[[Database], object] | None = None
    close: Callable[[], Awaitable[None]] | None = None


JOBS: Final[dict[str, ServiceJobs]] = {
    "directory": ServiceJobs(directory_jobs.consumers, directory_jobs.schedules, close=directory_jobs.close),
    "intake": ServiceJobs(intake_jobs.consumers, intake_jobs.schedules),
    "matching": ServiceJobs(matching_jobs.consumers, matching_jobs.schedules, matching_jobs.begin, matching_jobs.close),
    "ledger": ServiceJobs(ledger_jobs.consumers, ledger_jobs.schedules),
}


class House:
    """The worker's parts and their life."""

    def __init__(self, settings: WorkerSettings) -> None:
        self._settings = settings
        self._bells = {service: Bell(settings.redis_url, service) for service in SERVICES}
        self.databases = {
            service: Database(
                settings.database_url(service),
                schema=service,
                pool_size=settings.worker_pool_size,
                application_name=f"linli-worker-{service}",
                pool_timeout_s=10.0,
                on_commit=self._bells[service].ring,
            )
            for service in SERVICES
        }
        self.redis: ArqRedis | None = None
        self.relay_pool: asyncpg.Pool[asyncpg.Record] | None = None
        self._workers: list[QueueWorker] = []
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Connect, patiently, and begin."""
        self.relay_pool = await self._connect_relay()
        self.redis = await self._connect_redis()
        patience = Patience(self._settings.event_attempts, self._settings.event_first_delay_s)
        kept = Kept(
            self._settings.outbox_kept_days, self._settings.inbox_kept_days, self._settings.idempotency_kept_days
        )
        glance = Glance(self.relay_pool, SERVICES, good_for_s=POLL_S * 0.8)
        for service in SERVICES:
            jobs = JOBS[service]
            if jobs.begin is not None:
                jobs.begin(self.databases[service])
            inbox = Inbox(self.databases[service], jobs.consumers, patience)
            worker = QueueWorker(
                inbox=inbox,
                service=service,
                redis=self.redis,
                relay_pool=self.relay_pool,
                at_once=self._settings.worker_pool_size,
            )
            self._workers.append(worker)
            relay = Relay(self.relay_pool, self.redis, service, SERVICES, glance)
            self._tasks += [asyncio.create_task(worker.main()), asyncio.create_task(relay.run())]
            self._tasks.append(asyncio.create_task(clear_forever(self.relay_pool, service, kept)))
            if jobs.schedules:
                work = run_schedules(self.relay_pool, service, self.databases[service], jobs.schedules)
                self._tasks.append(asyncio.create_task(work))
        keep_what_stays()
        log.info("worker_ready", services=SERVICES)

    async def watch(self) -> None:
        """Return when a part ends, which none does by itself; raises what ended it."""
        done, _ = await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()

    async def stop(self) -> None:
        """Take no more work, finish what runs, close everything."""
        for worker in self._workers:
            worker.stop()
        closing = [jobs.close() for jobs in JOBS.values() if jobs.close is not None]
        drained = asyncio.gather(*(worker.drain() for worker in self._workers), *closing)
        try:
            await asyncio.wait_for(drained, _DRAIN_S)
        except TimeoutError:
            log.warning("drain_incomplete")
        going = set(self._tasks)
        while going:
            for task in going:
                task.cancel()
            # Before Python 3.12 `asyncio.wait_for`, in which the client of Redis sends, may swallow a cancellation.
            _, going = await asyncio.wait(going, timeout=_AGAIN_S)
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for bell in self._bells.values():
            await bell.close()
        for database in self.databases.values():
            await database.close()
        if self.relay_pool is not None:
            await self.relay_pool.close()
        if self.redis is not None:
            await self.redis.aclose()

    async def look(self) -> None:
        """Bring the gauges of the pipe up to date; whatever is away is told as it was."""
        if self.relay_pool is None or self.redis is None:
            return
        with suppress(asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError):
            await look(self.relay_pool, self.redis, SERVICES)

    async def is_ready(self) -> dict[str, bool]:
        """Tell which of the things that the worker stands on answer."""
        return {"database": await self._database_up(), "redis": await self._redis_up()}

    async def _database_up(self) -> bool:
        if self.relay_pool is None:
            return False
        try:
            await self.relay_pool.fetchval("SELECT 1", timeout=2)
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError):
            return False
        return True

    async def _redis_up(self) -> bool:
        if self.redis is None:
            return False
        try:
            await asyncio.wait_for(self.redis.ping(), 2)
        except (RedisError, OSError, TimeoutError):
            return False
        return True

    async def _connect_relay(self) -> "asyncpg.Pool[asyncpg.Record]":
        url = make_url(self._settings.relay_database_url.get_secret_value()).set(drivername="postgresql")
        while True:
            try:
                return await asyncpg.create_pool(
                    url.render_as_string(hide_password=False),
                    min_size=1,
                    max_size=self._settings.relay_pool_size,
                    connection_class=StatelessConnection,
                    command_timeout=_SILENCE_S,
                    server_settings={
                        "application_name": "linli-relay",
                        "jit": "off",
                        # A relay that stands still in the middle of a batch gives its rows back.
                        "idle_in_transaction_session_timeout": str(_STANDSTILL_MS),
                    },
                )
            except (asyncpg.PostgresError, OSError, TimeoutError) as error:
                log.warning("worker_waits_for_database", error=repr(error)[:200])
                await asyncio.sleep(_CONNECT_AGAIN_S)

    async def _connect_redis(self) -> ArqRedis:
        while True:
            try:
                return await redis_pool(self._settings.redis_url)
            except (RedisError, OSError, TimeoutError) as error:
                log.warning("worker_waits_for_redis", error=repr(error)[:200])
                await asyncio.sleep(_CONNECT_AGAIN_S)
