"""`python -m tests.chaos [--short]`: break the pipe and count what was lost or doubled; one line of JSON per fault.

The workload commits events into the intake's outbox, so every one of them is acknowledged. The checker then asks the
matching what has arrived: each event exactly once in its inbox, each case exactly once among its copies.
"""

import argparse
import asyncio
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import asyncpg
from redis.asyncio import Redis

from services.stack.home import Home
from services.stack.house import House
from shared.clock import utc_now
from shared.contracts.intake import CaseFiled
from shared.db import Database
from shared.ids import new_id
from shared.messaging import Bell, publish

TENANT: Final = "chaos"
PER_TRANSACTION: Final = 25
ARRIVAL_S: Final = 60.0

Fault = Callable[["Breakable"], Awaitable[None]]


class Breakable:
    """A house that may be broken, and its workload."""

    def __init__(self, house: House) -> None:
        self.house = house
        self._bell = Bell(house.environment["LINLI_REDIS_URL"], "intake")
        url = house.environment["LINLI_INTAKE_DATABASE_URL"]
        self._database = Database(url, schema="intake", pool_size=4, pool_timeout_s=30, on_commit=self._bell.ring)
        self._redis: Redis = Redis.from_url(house.environment["LINLI_REDIS_URL"])

    async def close(self) -> None:
        """Let go of the connections."""
        await self._bell.close()
        await self._database.close()
        await self._redis.aclose()

    async def publish_some(self) -> int:
        """Commit some events; returns how many were acknowledged."""
        async with self._database.write(TENANT) as session:
            for _ in range(PER_TRANSACTION):
                case_id = new_id()
                filed = CaseFiled(
                    case_id=case_id, number="C-1", category="road", area_id=case_id, area_path="d", filed_at=utc_now()
                )
                await publish(session, f"case/{case_id}", filed)
        return PER_TRANSACTION

    async def kill_worker(self) -> None:
        """End the worker as the kernel's memory killer would."""
        with suppress(KeyError, ProcessLookupError):
            os.kill(self.house.pids()["worker"], signal.SIGKILL)

    async def empty_redis(self) -> None:
        """Forget everything that is on its way."""
        await self._redis.flushall()


async def _arrived(owner: Any) -> dict[str, int]:
    row = await owner.fetchrow(
        "SELECT (SELECT count(*) FROM matching.inbox WHERE tenant_id = $1 AND state = 'applied') AS applied,"
        " (SELECT count(*) FROM matching.cases WHERE tenant_id = $1) AS effects,"
        " (SELECT count(*) FROM intake.outbox WHERE tenant_id = $1 AND acked_at IS NULL) AS owed,"
        " (SELECT coalesce(sum(attempts) - count(*), 0) FROM intake.outbox WHERE tenant_id = $1) AS sent_again",
        TENANT,
    )
    return dict(row)


async def _break(house: House, name: str, fault: Fault, *, times: int, bursts: int) -> dict[str, Any]:
    """Run the workload, break something between its bursts, and wait until everything has arrived."""
    breakable = Breakable(house)
    owner = await asyncpg.connect(house.environment["LINLI_OWNER_DATABASE_URL"])
    try:
        before = await _arrived(owner)
        sent = 0
        for burst in range(bursts):
            sent += await breakable.publish_some()
            if burst % (bursts // times) == bursts // times // 2:
                await fault(breakable)
        began = time.monotonic()
        expected = before["applied"] + sent
        now = await _arrived(owner)
        while (now["applied"] < expected or now["owed"]) and time.monotonic() - began < ARRIVAL_S:
            await asyncio.sleep(0.05)
            now = await _arrived(owner)
    finally:
        await owner.close()
        await breakable.close()
    lost = expected - now["applied"]
    doubled = now["effects"] - now["applied"]
    figures = {
        "events": sent,
        "faults": times,
        "lost": lost,
        "double_effects": doubled,
        "sent_again": now["sent_again"] - before["sent_again"],
        "all_arrived_after_s": round(time.monotonic() - began, 2),
    }
    return {"fault": name, "figures": figures, "ok": lost == 0 and doubled == 0 and now["owed"] == 0}


async def main(*, short: bool) -> int:
    """Tell each fault on a line; 1 when anything was lost or doubled."""
    times, bursts = (2, 40) if short else (10, 400)
    good = True
    with tempfile.TemporaryDirectory(prefix="linli-chaos-") as folder:
        house = House(Home(Path(folder)), any_ports=True)
        try:
            await house.start()
            for name, fault in (("kill_worker", Breakable.kill_worker), ("empty_redis", Breakable.empty_redis)):
                told = await _break(house, name, fault, times=times, bursts=bursts)
                print(json.dumps(told), flush=True)
                good = good and bool(told["ok"])
        finally:
            await house.stop()
    return 0 if good else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.chaos")
    parser.add_argument("--short", action="store_true", help="a few faults only, as in CI")
    sys.exit(asyncio.run(main(short=parser.parse_args().short)))
