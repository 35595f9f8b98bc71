"""The real house on ground that can be shaken: its two servers stand behind proxies, and every process can be hurt."""

import asyncio
import json
import os
import shutil
import signal
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import asyncpg
from prometheus_client.parser import text_string_to_metric_families
from redis.asyncio import Redis
from sqlalchemy.engine import make_url

from services.stack.home import Home
from services.stack.house import House
from services.stack.probing import metrics, readiness
from shared.contracts import SERVICES
from shared.db import Database
from shared.embedded import EmbeddedPostgres, EmbeddedValkey
from shared.messaging import Bell
from tests.chaos.proxy import Proxy
from tests.furnishing import Furnished, furnish

__all__ = ["TENANT", "Ground", "shaken", "until"]

TENANT: Final = "chaos"
_ENVIRONMENT: Final = {
    "LINLI_LOG_LEVEL": "info",
    "LINLI_GATEWAY_CALLER_RATE_PER_S": "1000000",
    "LINLI_GATEWAY_CALLER_BURST": "1000000",
    # A wire on which nothing comes is given up after seven seconds, not after seventeen.
    "LINLI_STATEMENT_TIMEOUT_MS": "5000",
    # A poisoned event dies in a second, not in four minutes.
    "LINLI_EVENT_ATTEMPTS": "3",
    "LINLI_EVENT_FIRST_DELAY_S": "0.2",
}


@dataclass
class Ground:
    """Everything that a fault may touch, and two ways past all faults to see what is true."""

    house: House
    postgres: EmbeddedPostgres
    valkey: EmbeddedValkey
    database_door: Proxy
    redis_door: Proxy
    owner: Any
    databases: dict[str, Database]
    bells: dict[str, Bell]
    failpoint: Path
    found: Furnished

    def signal(self, name: str, number: signal.Signals) -> None:
        """Send a process of the house a signal; nothing when it is not there."""
        with suppress(KeyError, ProcessLookupError):
            os.kill(self.house.pids()[name], number)

    async def kill(self, name: str) -> None:
        """End a process of the house as `kill -9` does, and wait until it is gone."""
        pid = self.house.pids()[name]
        self.signal(name, signal.SIGKILL)

        async def is_gone() -> bool:
            return self.house.pids().get(name) != pid

        await until(is_gone, 10)

    def processes(self, name: str) -> list[int]:
        """Return the processes of a part: of PostgreSQL also those that serve its connections."""
        server = {"postgres": self.postgres.process, "valkey": self.valkey.process}.get(name)
        root = server.pid if server is not None else self.house.pids().get(name)
        if root is None:
            return []
        children = Path(f"/proc/{root}/task/{root}/children").read_text(encoding="ascii").split()
        return [root, *map(int, children)]

    async def busy_connections(self) -> int:
        """Count the connections that the services' pools have given out and not got back."""
        busy = 0
        for service in SERVICES:
            told = await asyncio.to_thread(metrics, self.house.ports[service])
            for family in text_string_to_metric_families(told):
                if family.name == "linli_db_pool_connections":
                    busy += int(sum(item.value for item in family.samples if item.labels["use"] == "busy"))
        return busy

    async def empty_redis(self) -> None:
        """Forget everything that is on its way."""
        redis = Redis.from_url(self.valkey.url)
        await redis.flushall()
        await redis.aclose()

    async def kill_redis(self) -> None:
        """End Redis, and start it again with nothing in it."""
        await asyncio.to_thread(self.valkey.kill)
        await asyncio.to_thread(self.valkey.start)

    async def cut_relays(self) -> None:
        """Tear the relays' connections in the middle of whatever they do."""
        await self.owner.fetch(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'linli-relay'"
        )

    async def ready(self, *names: str, timeout_s: float = 60) -> None:
        """Wait until these are ready; all of the house's programs by default."""
        parts = {life.part.name: life.part for life in self.house.supervisor.lives}
        waiting = list(names or parts)

        async def all_ready() -> bool:
            # However often they have died: that is what they are here for.
            waiting[:] = [name for name in waiting if await readiness(parts[name].port) != "ready"]
            return not waiting

        await until(all_ready, timeout_s)

    async def quiet(self, timeout_s: float = 120) -> float:
        """Wait until every event is acknowledged; returns how long that took."""
        began = time.monotonic()
        await until(self._nothing_owed, timeout_s)
        return time.monotonic() - began

    async def _nothing_owed(self) -> bool:
        for service in self.databases:
            if await self.owner.fetchval(f"SELECT EXISTS (SELECT 1 FROM {service}.outbox WHERE acked_at IS NULL)"):
                return False
        return True

    def known_already(self) -> int:
        """Count the events that have arrived once more than needed, by the workers' logs, which outlive them."""
        found = 0
        for path in self.house.home.logs.glob("worker*.log"):
            for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
                if '"events_known_already"' in line:
                    found += int(json.loads(line)["events"])
        return found

    async def sent_again(self) -> tuple[int, int]:
        """Return how many events were sent, and how often one of them once more."""
        sent = again = 0
        for service in self.databases:
            row = await self.owner.fetchrow(
                f"SELECT count(*) AS sent, coalesce(sum(attempts) - count(*), 0) AS again FROM {service}.outbox"
            )
            sent, again = sent + row["sent"], again + row["again"]
        return sent, again


async def until(is_so: Callable[[], Awaitable[bool]], timeout_s: float) -> None:
    """Wait until something is so; AssertionError when it takes too long."""
    deadline = time.monotonic() + timeout_s
    while not await is_so():
        assert time.monotonic() < deadline, "it took too long"
        await asyncio.sleep(0.02)


@asynccontextmanager
async def shaken(*, seed: int, workers: int = 1, logs: Path | None = None) -> AsyncIterator[Ground]:
    """Start a house behind proxies, furnished; stop it afterwards, and keep its logs if somebody wants them."""
    with tempfile.TemporaryDirectory(prefix="linli-chaos-") as name:
        folder = Path(name)
        postgres, valkey = EmbeddedPostgres(folder / "postgres"), EmbeddedValkey(folder / "valkey")
        doors: list[Proxy] = []
        failpoint = folder / "failpoint"
        house: House | None = None
        try:
            await asyncio.gather(asyncio.to_thread(postgres.start), asyncio.to_thread(valkey.start))
            doors = [Proxy(postgres.port, seed=seed), Proxy(valkey.port, seed=seed + 1)]
            for door in doors:
                await door.start()
            outside = {
                "LINLI_OWNER_DATABASE_URL": _through(postgres.url, doors[0].port),
                "LINLI_REDIS_URL": f"redis://127.0.0.1:{doors[1].port}/0",
            }
            environment = {**_ENVIRONMENT, "LINLI_FAILPOINTS": str(failpoint)}
            house = House(
                Home(folder / "house"), any_ports=True, outside=outside, extra_environment=environment, workers=workers
            )
            await house.start()
            found = await asyncio.to_thread(furnish, house, TENANT)
            owner = await asyncpg.create_pool(postgres.url, min_size=1, max_size=4)
            bells = {service: Bell(valkey.url, service) for service in ("intake", "matching")}
            databases = {
                service: Database(
                    _through(house.environment[f"LINLI_{service.upper()}_DATABASE_URL"], postgres.port),
                    schema=service,
                    pool_size=8,
                    pool_timeout_s=60,
                    on_commit=bell.ring,
                )
                for service, bell in bells.items()
            }
            yield Ground(house, postgres, valkey, doors[0], doors[1], owner, databases, bells, failpoint, found)
            await owner.close()
            for database in databases.values():
                await database.close()
            for bell in bells.values():
                await bell.close()
        finally:
            for door in doors:
                await door.become("through")
            if house is not None:
                await house.stop()
            for door in doors:
                await door.stop()
            await asyncio.gather(asyncio.to_thread(postgres.stop), asyncio.to_thread(valkey.stop))
            if logs is not None:
                shutil.copytree(folder / "house" / "logs", logs, dirs_exist_ok=True)


def _through(url: str, port: int) -> str:
    return make_url(url).set(port=port).render_as_string(hide_password=False)
