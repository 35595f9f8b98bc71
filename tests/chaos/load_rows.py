"""Rows 4, 5 and 6, and the spike: how soon, how many, how quiet, and what happens when far too much comes at once."""

import asyncio
import json
import os
import statistics
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

import asyncpg

from services.stack.home import Home
from services.stack.house import House
from shared.db import Database
from shared.messaging import Bell
from tests.benchmarks.events import TENANT as _EVENTS_TENANT
from tests.benchmarks.events import events_per_s, latencies_ms
from tests.chaos.ground import until
from tests.chaos.told import LoadRow, Told
from tests.furnishing import Furnished, furnish
from tests.measuring import cpu_seconds

__all__ = ["LOAD_ROWS"]

_TENANT: Final = "chaos"
_ENVIRONMENT: Final = {
    "LINLI_LOG_LEVEL": "warning",
    "LINLI_GATEWAY_CALLER_RATE_PER_S": "1000000",
    "LINLI_GATEWAY_CALLER_BURST": "1000000",
}


@asynccontextmanager
async def _standing(workers: int = 1) -> AsyncIterator[House]:
    """Start a house as `linli up` does, nothing between its parts."""
    with tempfile.TemporaryDirectory(prefix="linli-load-") as folder:
        house = House(Home(Path(folder)), any_ports=True, extra_environment=dict(_ENVIRONMENT), workers=workers)
        try:
            await house.start()
            yield house
        finally:
            await house.stop()


@asynccontextmanager
async def _sources(house: House) -> AsyncIterator[tuple[Database, Any]]:
    bell = Bell(house.environment["LINLI_REDIS_URL"], "intake")
    url = house.environment["LINLI_INTAKE_DATABASE_URL"]
    database = Database(url, schema="intake", pool_size=8, pool_timeout_s=60, on_commit=bell.ring)
    owner = await asyncpg.connect(house.environment["LINLI_OWNER_DATABASE_URL"])
    try:
        yield database, owner
    finally:
        await owner.close()
        await database.close()
        await bell.close()


async def latency(*, short: bool) -> Told:
    """Row 4: from commit to effect at 50 events a second."""
    async with _standing() as house, _sources(house) as (database, owner):
        found = await latencies_ms(database, owner, 4 if short else 30)
    p50, p99 = statistics.median(found), found[int(len(found) * 0.99)]
    figures = {"events": len(found), "p50_ms": round(p50, 2), "p99_ms": round(p99, 2), "max_ms": round(found[-1], 2)}
    return Told(figures, p50 <= 10 and p99 <= 40)


async def sustained(*, short: bool) -> Told:
    """Row 5: events a second with everything on, with one worker process, two and four; and who is busy meanwhile."""
    by_workers: dict[str, Any] = {}
    for workers in (1,) if short else (1, 2, 4):
        async with _standing(workers) as house, _sources(house) as (database, owner):
            await events_per_s(database, owner, 1_000)
            backlog = 4_000 if short else 30_000
            pids = house.pids()
            del pids["supervisor"]
            before, began = cpu_seconds(pids), time.monotonic()
            rate = await _drained_per_s(owner, backlog)
            took = time.monotonic() - began
            cores = {name: (used - before[name]) / took for name, used in cpu_seconds(pids).items()}
        busy = {name: round(share, 2) for name, share in cores.items() if share >= 0.02}
        by_workers[str(workers)] = {"events_per_s": round(rate), "cores_used": busy}
    return Told({"by_workers": by_workers, "cores": os.cpu_count()}, by_workers["1"]["events_per_s"] >= 1000)


async def _drained_per_s(owner: Any, backlog: int) -> float:
    """Commit many events in one statement, so that only the pipe is at work, and see how fast they have their effect."""
    query = "SELECT count(*) FROM matching.inbox WHERE tenant_id = $1"
    before = await owner.fetchval(query, _EVENTS_TENANT)
    began = time.perf_counter()
    await owner.execute(
        "WITH model AS (SELECT * FROM intake.outbox WHERE tenant_id = $1 ORDER BY position LIMIT 1),"
        " fresh AS (SELECT uuidv7() AS id, uuidv7() AS case_id FROM generate_series(1, $2))"
        " INSERT INTO intake.outbox (tenant_id, id, consumer, subject, sequence, body)"
        " SELECT m.tenant_id, f.id, m.consumer, 'case/' || f.case_id, 1,"
        " replace(replace(m.body, m.id::text, f.id::text), split_part(m.subject, '/', 2), f.case_id::text)"
        " FROM model AS m, fresh AS f",
        _EVENTS_TENANT,
        backlog,
    )
    while await owner.fetchval(query, _EVENTS_TENANT) < before + backlog:
        assert time.perf_counter() - began < 120, "the events did not arrive"
        await asyncio.sleep(0.05)
    return backlog / (time.perf_counter() - began)


async def _is_calm(worker: int) -> bool:
    """Tell whether the worker has done what there was to do after the start."""
    before = cpu_seconds({"worker": worker})["worker"]
    await asyncio.sleep(0.5)
    return cpu_seconds({"worker": worker})["worker"] - before < 0.01


async def idle(*, short: bool) -> Told:
    """Row 6: what the worker costs when nothing happens."""
    async with _standing() as house:
        await asyncio.to_thread(furnish, house, _TENANT)
        await until(partial(_is_calm, house.pids()["worker"]), 60)
        seconds = 5 if short else 30
        pids = {"worker": house.pids()["worker"]}
        before = cpu_seconds(pids)["worker"]
        await asyncio.sleep(seconds)
        share = (cpu_seconds(pids)["worker"] - before) / seconds
    return Told({"share_of_a_core": round(share, 4), "for_s": seconds}, share <= 0.01)


@dataclass
class _Wave:
    """What came of a load."""

    seconds: float = 0.0
    offered: int = 0
    accepted_s: list[float] = field(default_factory=list)
    refused: dict[str, int] = field(default_factory=dict)

    @property
    def accepted_per_s(self) -> float:
        return len(self.accepted_s) / self.seconds

    def quantile_ms(self, share: float) -> float:
        ordered = sorted(self.accepted_s) or [0.0]
        return round(ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1000, 1)


async def _load(house: House, found: Furnished, *, connections: int, seconds: float, per_s: float | None) -> _Wave:
    """File cases over kept connections; as fast as answers come, or so many a second in all, whatever is answered."""
    wave, port = _Wave(seconds), house.ports["gateway"]
    body = json.dumps(found.case("spike"), ensure_ascii=False).encode()
    head = (
        f"POST /v1/cases HTTP/1.1\r\nhost: linli\r\nauthorization: Bearer {found.resident}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    request = head.encode() + body
    until = time.monotonic() + seconds
    pause_s = connections / per_s if per_s else 0.0

    async def one(number: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        following = time.monotonic() + pause_s * number / connections
        while (now := time.monotonic()) < until:
            if per_s:
                await asyncio.sleep(max(0.0, following - now))
                following += pause_s
            wave.offered += 1
            began = time.monotonic()
            writer.write(request)
            status, headers = await _answer(reader)
            if status < 300:
                wave.accepted_s.append(time.monotonic() - began)
            else:
                name = f"{status}{'' if 'retry-after' in headers else ' without retry-after'}"
                wave.refused[name] = wave.refused.get(name, 0) + 1
        writer.close()

    await asyncio.gather(*(one(number) for number in range(connections)))
    return wave


async def _answer(reader: asyncio.StreamReader) -> tuple[int, dict[str, str]]:
    lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:] if line)}
    await reader.readexactly(int(headers["content-length"]))
    return int(lines[0].split()[1]), headers


async def spike(*, short: bool) -> Told:
    """Ten times what can be done comes for some seconds: the rest is told at once when to come again."""
    seconds = 3.0 if short else 10.0
    async with _standing() as house:
        found = await asyncio.to_thread(furnish, house, _TENANT)
        await _load(house, found, connections=32, seconds=2, per_s=None)
        best = await _load(house, found, connections=32, seconds=seconds, per_s=None)
        # What can be done for long, with the load generator on the same cores.
        rate = 0.7 * best.accepted_per_s
        usual = await _load(house, found, connections=64, seconds=seconds, per_s=rate)
        wave = await _load(house, found, connections=800, seconds=seconds, per_s=10 * rate)
        recovered_s = await _until_usual(house, found, rate, usual.quantile_ms(0.99))
    ratio = wave.offered / wave.seconds / rate
    figures = {
        "best_per_s": round(best.accepted_per_s),
        "usual_per_s": round(rate),
        "usual_p99_ms": usual.quantile_ms(0.99),
        "offered_times": round(ratio, 1),
        "accepted_per_s": round(wave.accepted_per_s),
        "accepted_p50_ms": wave.quantile_ms(0.5),
        "accepted_p99_ms": wave.quantile_ms(0.99),
        "refused": wave.refused,
        "normal_again_s": recovered_s,
    }
    honest = set(wave.refused) <= {"503", "429"}
    good = honest and bool(wave.refused) and wave.quantile_ms(0.99) <= 2000 and recovered_s <= 5.0
    return Told(figures, good and not usual.refused)


async def _until_usual(house: House, found: Furnished, rate: float, usual_p99_ms: float) -> float:
    """Return how long after the spike the usual load is served as usual again; measured in half seconds."""
    began = time.monotonic()
    while time.monotonic() - began < 20:
        after = round(time.monotonic() - began, 1)
        wave = await _load(house, found, connections=64, seconds=0.5, per_s=rate)
        if not wave.refused and wave.quantile_ms(0.99) <= max(2 * usual_p99_ms, 200):
            return after
    return 20.0


LOAD_ROWS: Final = (
    LoadRow(4, "commit to effect at 50 events/s", latency),
    LoadRow(5, "sustained events", sustained),
    LoadRow(6, "idle worker", idle),
    LoadRow("spike", "ten times the usual load", spike),
)
