"""Postings a second: batches through the posting function, against one transfer per call with row locks in plain SQL.

Both run in turns on the same PostgreSQL, fsync on, with the same number of callers. Accounts are spread over fifty, or
all postings touch one hot fund; in-process, as the endpoints post, and over HTTP. At the end the auditor recomputes all of it.

`LINLI_PGLEDGER` names a checkout of pgledger, which is then measured in the same database through its own functions.
`LINLI_BENCH_STORED` says how many postings there already are in a second measurement: 10000000 takes its time.
"""

import asyncio
import os
import tempfile
from pathlib import Path
from typing import Any, Final

import asyncpg

from shared.db import Database
from shared.testing import TestServers, start_servers
from tests.benchmarks.ledger_http import over_http
from tests.benchmarks.ledger_others import Baseline, PgLedger
from tests.benchmarks.ledger_stage import TENANT, Stage
from tests.ledger.auditor import offences

CALLERS: Final = (1, 20)
SINGLE_CALLERS: Final = (1, 20, 200)
SIZES: Final = (100, 500)
TARGETS: Final = {
    "postings_per_s_at_100": 8_000,
    "times_the_baseline": 10,
    "single_per_s_on_hot_fund": 3_000,
    "empty_to_full": 1.3,
}
_NAMES: Final = {False: "spread", True: "hot_fund"}


async def _in_process(stage: Stage, baseline: Baseline, other: PgLedger | None, seconds: float) -> dict[str, Any]:
    figures: dict[str, Any] = {}
    for hot, name in _NAMES.items():
        for callers in CALLERS:
            base = await baseline.transfers(callers, seconds, hot=hot)
            found: dict[str, Any] = {"baseline": base}
            for size in SIZES:
                found[f"batches_of_{size}"] = ours = await stage.posted(callers, size, seconds, hot=hot)
                found[f"times_the_baseline_at_{size}"] = round(ours["per_s"] / base["per_s"], 1)
            if other is not None:
                found |= await _against_pgledger(other, found, callers, seconds, hot=hot)
            figures[f"{name}_{callers}_callers"] = found
        for callers in SINGLE_CALLERS:
            figures[f"{name}_{callers}_single_callers"] = await stage.posted(callers, 1, seconds, hot=hot)
    return figures


async def _against_pgledger(
    other: PgLedger, ours: dict[str, Any], callers: int, seconds: float, *, hot: bool
) -> dict[str, Any]:
    single = await other.transfers(callers, 1, seconds, hot=hot)
    many = await other.transfers(callers, 100, seconds, hot=hot)
    return {
        "pgledger": single,
        "pgledger_batches_of_100": many,
        "times_pgledger": round(ours["batches_of_100"]["per_s"] / max(1, single["per_s"]), 1),
        "times_pgledger_batches": round(ours["batches_of_100"]["per_s"] / max(1, many["per_s"]), 1),
    }


async def _grown(stage: Stage, database: Database, postings: int, seconds: float) -> dict[str, Any]:
    """Measure the same in books of the same tenant before and after there are millions of postings."""
    full = Stage(stage.owner, database)
    await full.furnish()
    figures: dict[str, Any] = {"stored": postings}
    for callers, size in ((1, 100), (20, 100), (200, 1)):
        figures[f"{callers}_callers_by_{size}"] = {"empty": await stage.posted(callers, size, seconds, hot=False)}
    figures["filled_in_s"] = round(await full.fill(postings))
    for callers, size in ((1, 100), (20, 100), (200, 1)):
        found = figures[f"{callers}_callers_by_{size}"]
        found["full"] = await full.posted(callers, size, seconds, hot=False)
        found["empty_to_full"] = round(found["empty"]["per_s"] / max(1, found["full"]["per_s"]), 2)
    return figures


async def _bytes_per_posting(owner: Any) -> int:
    """Return what a posting weighs on disk, its transaction and all indexes included."""
    size: int = await owner.fetchval(
        "SELECT (pg_total_relation_size('ledger.postings') + pg_total_relation_size('ledger.transactions'))"
        " / greatest(1, (SELECT count(*) FROM ledger.postings))"
    )
    return size


async def _measure(servers: TestServers, folder: Path, *, seconds: float) -> dict[str, Any]:
    owner = await asyncpg.connect(servers.owner_url)
    database = Database(servers.role_url("ledger"), schema="ledger", pool_size=max(CALLERS), pool_timeout_s=60)
    checkout, stored = os.environ.get("LINLI_PGLEDGER"), int(os.environ.get("LINLI_BENCH_STORED", "0"))
    try:
        stage = Stage(owner, database)
        await stage.furnish()
        baseline = Baseline(servers.role_url("ledger"), stage)
        await baseline.furnish()
        other = PgLedger(servers.owner_url, Path(checkout)) if checkout else None
        if other is not None:
            await other.furnish()
        # Plans made for empty tables scan what is not empty any more: autovacuum looks once a minute, we do so at once.
        await stage.posted(20, 100, seconds, hot=False)
        await owner.execute("ANALYZE")
        figures: dict[str, Any] = {"growth": await _grown(stage, database, stored, seconds)} if stored else {}
        figures |= await _in_process(stage, baseline, other, seconds)
        environment = {**os.environ, **servers.environment}
        figures["http"] = await over_http(stage, environment, servers.internal_key, folder, seconds)
        await owner.execute("SET work_mem = '256MB'")
        figures["rules_broken"] = await offences(owner, TENANT)
        figures["bytes_per_posting"] = await _bytes_per_posting(owner)
        return figures
    finally:
        await database.close()
        await owner.close()


def run() -> dict[str, Any]:
    """Measure, and compare with the targets."""
    short = bool(os.environ.get("BENCH_SHORT"))
    with (
        tempfile.TemporaryDirectory(prefix="linli-bench-") as folder,
        start_servers(Path(folder), ["ledger"], fsync=True) as servers,
    ):
        figures = asyncio.run(_measure(servers, Path(folder), seconds=1.0 if short else 5.0))
    best = figures["spread_20_callers"]
    grown = [item["empty_to_full"] for item in figures.get("growth", {}).values() if isinstance(item, dict)]
    good = (
        best["batches_of_100"]["per_s"] >= TARGETS["postings_per_s_at_100"]
        and best["times_the_baseline_at_100"] >= TARGETS["times_the_baseline"]
        and figures["hot_fund_200_single_callers"]["per_s"] >= TARGETS["single_per_s_on_hot_fund"]
        and all(ratio <= TARGETS["empty_to_full"] for ratio in grown)
        and not figures["rules_broken"]
    )
    return {"bench": "ledger", "figures": figures, "targets": TARGETS, "ok": good}
