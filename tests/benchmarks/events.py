"""From the commit in one service to the effect in another, through the real house: how soon, and how many.

Latency: cases are committed at 50 a second straight into the intake's outbox; the effect is the moment at which the
matching's transaction has written its inbox row (clock_timestamp(), a moment before its commit). Throughput: a backlog
of cases is committed in bulk and the time is taken until all of them are applied.
"""

import asyncio
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import asyncpg

from services.stack.home import Home
from services.stack.house import House
from shared.clock import utc_now
from shared.contracts.intake import CaseFiled
from shared.db import Database
from shared.ids import new_id
from shared.messaging import Bell, publish

__all__ = ["events_per_s", "latencies_ms", "run"]

TENANT: Final = "bench"
RATE_PER_S: Final = 50
TARGETS: Final = {"latency_p50_ms": 10, "latency_p99_ms": 40, "sustained_events_per_s": 1000}


async def _publish(database: Database, count: int) -> None:
    async with database.write(TENANT) as session:
        for _ in range(count):
            case_id = new_id()
            filed = CaseFiled(
                case_id=case_id, number="C-1", category="bench", area_id=case_id, area_path="d", filed_at=utc_now()
            )
            await publish(session, f"case/{case_id}", filed)


async def latencies_ms(database: Database, owner: Any, seconds: int) -> list[float]:
    """Commit 50 events a second for some seconds; returns, sorted, how long each took from commit to effect."""
    await _publish(database, 1)
    began = time.perf_counter()
    for tick in range(seconds * RATE_PER_S):
        await asyncio.sleep(max(0.0, began + tick / RATE_PER_S - time.perf_counter()))
        await _publish(database, 1)
    await _all_applied(owner, seconds * RATE_PER_S + 1)
    rows = await owner.fetch(
        "SELECT extract(epoch FROM i.applied_at - o.created_at) * 1000 AS ms FROM intake.outbox o"
        " JOIN matching.inbox i ON i.tenant_id = o.tenant_id AND i.id = o.id WHERE o.tenant_id = $1"
        " ORDER BY o.position OFFSET $2",
        TENANT,
        RATE_PER_S,
    )
    return sorted(float(row["ms"]) for row in rows)


async def _all_applied(owner: Any, total: int) -> None:
    deadline = time.monotonic() + 120
    while await owner.fetchval("SELECT count(*) FROM matching.inbox WHERE tenant_id = $1", TENANT) < total:
        assert time.monotonic() < deadline, "the events did not arrive"
        await asyncio.sleep(0.01)


async def events_per_s(database: Database, owner: Any, backlog: int) -> float:
    """Commit many events as fast as it goes; returns how many had their effect in a second."""
    before = await owner.fetchval("SELECT count(*) FROM matching.inbox WHERE tenant_id = $1", TENANT)
    began = time.perf_counter()
    await asyncio.gather(*(_publish(database, backlog // 40) for _ in range(40)))
    await _all_applied(owner, before + backlog // 40 * 40)
    return (backlog // 40 * 40) / (time.perf_counter() - began)


async def _measure(*, short: bool) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="linli-bench-") as folder:
        house = House(Home(Path(folder)), any_ports=True, extra_environment={"LINLI_LOG_LEVEL": "warning"})
        try:
            await house.start()
            bell = Bell(house.environment["LINLI_REDIS_URL"], "intake")
            url = house.environment["LINLI_INTAKE_DATABASE_URL"]
            database = Database(url, schema="intake", pool_size=8, pool_timeout_s=60, on_commit=bell.ring)
            owner = await asyncpg.connect(house.environment["LINLI_OWNER_DATABASE_URL"])
            try:
                found = await latencies_ms(database, owner, 4 if short else 20)
                rate = await events_per_s(database, owner, 4_000 if short else 20_000)
            finally:
                await owner.close()
                await database.close()
                await bell.close()
        finally:
            await house.stop()
    return {
        "latency_p50_ms": round(statistics.median(found), 2),
        "latency_p99_ms": round(found[int(len(found) * 0.99)], 2),
        "latency_max_ms": round(found[-1], 2),
        "events_measured": len(found),
        "sustained_events_per_s": round(rate),
    }


def run() -> dict[str, Any]:
    """Measure, and compare with the targets."""
    figures = asyncio.run(_measure(short=bool(os.environ.get("BENCH_SHORT"))))
    good = (
        figures["latency_p50_ms"] <= TARGETS["latency_p50_ms"]
        and figures["latency_p99_ms"] <= TARGETS["latency_p99_ms"]
        and figures["sustained_events_per_s"] >= TARGETS["sustained_events_per_s"]
    )
    return {"bench": "events", "figures": figures, "targets": TARGETS, "ok": good}
