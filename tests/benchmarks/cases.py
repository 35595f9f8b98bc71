"""Filing cases through the whole house, against the same SQL run by pgbench alone on the same server.

The house runs as `linli up` runs it: every service, the worker and the gateway, fsync on, and whatever is filed is
consumed by the matching meanwhile. wrk posts over 32 connections with a token that the directory has issued. pgbench
then runs the very statement of the hot path, prepared, with 32 clients in transactions of the same form, while the
house's own processes are halted. The two take turns; the figures are medians of the turns.
"""

import asyncio
import json
import os
import re
import resource
import shutil
import signal
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import asyncpg
from sqlalchemy.engine import make_url

from services.intake.cases.filing import FILE_CASE
from services.stack.home import Home
from services.stack.house import House
from shared.embedded.postgres import postgres_binary
from tests.furnishing import furnish
from tests.measuring import cpu_seconds

TENANT: Final = "bench"
CLIENTS: Final = 32
TARGETS: Final = {"ratio": 0.25}
_SERVERS: Final = frozenset({"postgres", "valkey", "supervisor"})
_QUIET_S: Final = 120

# The gateway limits as always; a resident files slower than a benchmark.
_ENVIRONMENT: Final = {
    "LINLI_LOG_LEVEL": "warning",
    "LINLI_GATEWAY_CALLER_RATE_PER_S": "1000000",
    "LINLI_GATEWAY_CALLER_BURST": "1000000",
}

_WRK: Final = """
wrk.method = "POST"
wrk.headers["Authorization"] = "Bearer %(token)s"
wrk.headers["Content-Type"] = "application/json"
local counter = 0
local thread_number = 0
function setup(thread) thread:set("id", thread_number); thread_number = thread_number + 1 end
function request()
  counter = counter + 1
  local words = "两套管网交汇处的井盖冒污水，流到店门口和人行道 " .. id .. "-" .. counter .. "-" .. math.random(1000000)
  return wrk.format(nil, "/v1/cases", nil, '{"category":"drainage","title":"污水外溢 ' .. counter ..
    '","description":"' .. words .. '","area_id":"%(area)s","place_text":"路口"}')
end
function done(summary, latency, requests)
  io.write(string.format('{"requests":%%d,"seconds":%%f,"refused":%%d,"lost":%%d,"p50_ms":%%f,"p99_ms":%%f}\\n',
    summary.requests, summary.duration / 1e6, summary.errors.status,
    summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000))
end
"""

# What stands for each argument of the statement: ids that rise as UUIDv7 do, and words like those of wrk.
_ID: Final = "(lpad(to_hex(:i::bigint), 8, '0') || '-%s-7000-8000-' || lpad(to_hex(:client_id::bigint), 12, '0'))::uuid"
_EVENT: Final = {
    "specversion": "1.0",
    "id": "01a207f2-00e6-736c-a62e-127271307dec",
    "source": "/linli/intake",
    "type": "linli.case.filed.v1",
    "subject": "case/01a207f2-00e6-736c-a62e-127271307dec",
    "time": "2026-01-01T00:00:00.000000+00:00",
    "datacontenttype": "application/json",
    "tenant": TENANT,
    "actor": "person/01a207f2-00e6-736c-a62e-127271307dec",
    "requestid": "01a207f2-00e6-736c-a62e-127271307dec",
    "data": {
        "case_id": "01a207f2-00e6-736c-a62e-127271307dec",
        "number": "C-2026-000001",
        "category": "drainage",
        "area_id": "01a207f2-00e6-736c-a62e-127271307dec",
        "area_path": "",
        "filed_at": "2026-01-01T00:00:00.000000+00:00",
    },
}


def _pgbench_script(turn: int, area: str, requester: str) -> str:
    """Write the hot path's statement with expressions in place of its parameters."""
    case_id = _ID % f"{turn:04x}"
    words = "'两套管网交汇处的井盖冒污水，流到店门口和人行道 ' || :client_id || '-' || :i || '-' || :chance"
    standing = {
        1: f"'{TENANT}'",
        2: case_id,
        3: f"'B-{turn}-' || :client_id || '-' || :i",
        4: "'drainage'",
        5: "'污水外溢 ' || :i",
        6: words,
        7: f"'{area}'::uuid",
        8: "NULL::float8",
        9: "NULL::float8",
        10: "'路口'",
        11: f"'{requester}'::uuid",
        12: "now()",
        13: f"'person/{requester}'",
        14: case_id,
        15: ":event::text",
        16: f"'case/' || ({case_id})::text",
        17: "'{}'",
        18: "'app'",
        19: "1",
        20: "0",
        21: "'[]'",
        22: "'{accept,first_reply}'",
        23: "'{7200,25200}'",
        24: "ARRAY[now() + interval '2 hours', now() + interval '1 day']",
        25: "ARRAY[now() + interval '1 hour', now() + interval '20 hours']",
        26: "NULL",
        27: "1",
        28: """'{"number": "B-1", "title": "污水外溢", "due_on": "2026-12-01"}'""",
        29: "uuidv7()",
        30: "uuidv7()",
    }
    statement = re.sub(r"\$(\d+)", lambda found: f"({standing[int(found.group(1))]})", FILE_CASE)
    lines = ["\\set i :i + 1", "\\set chance random(1, 1000000)", "BEGIN;", f"SET LOCAL linli.tenant = '{TENANT}';"]
    return "\n".join([*lines, statement.strip() + ";", "COMMIT;", ""])


def _wrk() -> str:
    """Find the load generator, installing it where that is possible."""
    if shutil.which("wrk") is None and os.geteuid() == 0 and shutil.which("apt-get"):
        subprocess.run(["apt-get", "install", "-qq", "-y", "wrk"], check=True, capture_output=True)
    found = shutil.which("wrk")
    assert found is not None, "this benchmark needs wrk"
    return found


def _children_cpu_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _through_the_house(house: House, script: Path, seconds: int) -> dict[str, Any]:
    """Let wrk file cases for some seconds."""
    pids = {name: pid for name, pid in house.pids().items() if name in {"gateway", "intake", "worker", "postgres"}}
    before, own = cpu_seconds(pids), _children_cpu_s()
    command = [_wrk(), "-t1", f"-c{CLIENTS}", f"-d{seconds}", "-s", str(script), house.url]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    told: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    assert told["refused"] == 0, f"{told['refused']} refusals"
    assert told["lost"] == 0, f"{told['lost']} lost connections"
    told["cpu"] = {name: (used - before[name]) / told["seconds"] for name, used in cpu_seconds(pids).items()}
    told["cpu"]["wrk"] = (_children_cpu_s() - own) / told["seconds"]
    return told


def _by_pgbench(url: str, script: Path, seconds: int) -> float:
    """Let pgbench run the statement for some seconds; returns transactions a second."""
    place = make_url(url)
    event = json.dumps(_EVENT, separators=(",", ":"))
    address = ["-h", str(place.host), "-p", str(place.port), "-U", str(place.username), str(place.database)]
    load = ["-n", "-M", "prepared", "-c", str(CLIENTS), "-j", "2", "-T", str(seconds), "-f", str(script)]
    variables = ["-D", "i=0", "-D", f"event={event}"]
    environment = {**os.environ, "PGPASSWORD": str(place.password)}
    command = [postgres_binary("pgbench"), *load, *variables, *address]
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr[-2000:]
    failed = re.search(r"failed transactions: (\d+)", done.stdout)
    assert failed is not None
    assert failed.group(1) == "0", done.stdout
    rate = re.search(r"tps = ([\d.]+)", done.stdout)
    assert rate is not None
    return float(rate.group(1))


@contextmanager
def _halted(house: House) -> Iterator[None]:
    """Halt everything but the servers."""
    pids = [pid for name, pid in house.pids().items() if name not in _SERVERS]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


async def _until_consumed(owner: Any) -> float:
    """Wait until the matching has heard of every case; returns how many seconds that took."""
    began = time.monotonic()
    while await owner.fetchval("SELECT count(*) FROM intake.outbox WHERE acked_at IS NULL"):
        assert time.monotonic() - began < _QUIET_S, "the events were not consumed"
        await asyncio.sleep(0.05)
    return time.monotonic() - began


async def _take_turns(house: House, folder: Path, turns: int, seconds: int) -> dict[str, Any]:
    found = await asyncio.to_thread(furnish, house, TENANT)
    area, requester, token = found.area_id, found.person_id, found.resident
    wrk_script, pgbench_script = folder / "cases.lua", folder / "cases.sql"
    wrk_script.write_text(_WRK % {"token": token, "area": area}, encoding="utf-8")
    owner = await asyncpg.connect(house.environment["LINLI_OWNER_DATABASE_URL"])
    posts: list[dict[str, Any]] = []
    rates: list[float] = []
    behind: list[float] = []
    try:
        await asyncio.to_thread(_through_the_house, house, wrk_script, 2)
        for turn in range(turns):
            await _until_consumed(owner)
            posts.append(await asyncio.to_thread(_through_the_house, house, wrk_script, seconds))
            behind.append(await _until_consumed(owner))
            pgbench_script.write_text(_pgbench_script(turn, area, requester), encoding="utf-8")
            with _halted(house):
                url = house.environment["LINLI_INTAKE_DATABASE_URL"]
                rates.append(await asyncio.to_thread(_by_pgbench, url, pgbench_script, seconds))
                # Nobody waits for the events of these.
                await owner.execute("DELETE FROM intake.outbox WHERE acked_at IS NULL")
        filed = await owner.fetchval("SELECT count(*) FROM intake.cases WHERE number LIKE 'C-%'")
        heard = await owner.fetchval("SELECT count(*) FROM matching.inbox WHERE type = 'linli.case.filed.v1'")
    finally:
        await owner.close()
    answered = 1 + sum(turn["requests"] for turn in posts)
    assert filed >= answered, f"{answered} cases were answered and {filed} are stored"
    assert heard == filed, f"{filed} cases were filed and the matching heard of {heard}"
    return _figures(posts, rates, behind) | {"cases_filed": filed, "events_consumed": heard}


def _figures(posts: list[dict[str, Any]], rates: list[float], behind: list[float]) -> dict[str, Any]:
    per_s = [turn["requests"] / turn["seconds"] for turn in posts]
    posts_per_s, tps = statistics.median(per_s), statistics.median(rates)
    cpu = {name: round(statistics.median(turn["cpu"][name] for turn in posts), 2) for name in posts[0]["cpu"]}
    return {
        "posts_per_s": round(posts_per_s),
        "p50_ms": round(statistics.median(turn["p50_ms"] for turn in posts), 2),
        "p99_ms": round(statistics.median(turn["p99_ms"] for turn in posts), 2),
        "pgbench_tps": round(tps),
        "ratio": round(posts_per_s / tps, 3),
        "turns": [{"posts_per_s": round(a), "pgbench_tps": round(b)} for a, b in zip(per_s, rates, strict=True)],
        "events_behind_s": round(statistics.median(behind), 2),
        "cores_used": cpu,
        "cores": os.cpu_count(),
        "load_before": round(os.getloadavg()[2], 2),
    }


async def _measure(*, short: bool) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="linli-bench-") as folder:
        house = House(Home(Path(folder) / "house"), any_ports=True, extra_environment=dict(_ENVIRONMENT))
        try:
            await house.start()
            return await _take_turns(house, Path(folder), *((1, 4) if short else (3, 8)))
        finally:
            await house.stop()


def run() -> dict[str, Any]:
    """Measure, and compare with the target."""
    figures = asyncio.run(_measure(short=bool(os.environ.get("BENCH_SHORT"))))
    return {"bench": "cases", "figures": figures, "targets": TARGETS, "ok": figures["ratio"] >= TARGETS["ratio"]}
