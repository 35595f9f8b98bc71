"""What the gateway costs: against nginx forwarding to the same upstream, and against no proxy at all.

One nginx worker, because the gateway is one process too; both keep their connections to the upstream. The gateway checks
a token and a rate limit for every request (the limit is high enough to refuse nobody, the path is the same), nginx checks
nothing. The ratio is taken round by round, in many short rounds, since a machine's speed drifts while its ratios hold.
They do not hold while somebody else takes a part of the processors: a round in which others took more than a tenth does
not count, and another is run in its place, up to three times as many. Were there no quiet rounds at all, all count, and
`quiet_rounds` says 0.

The target is measured on the bare upstream, where a proxy weighs most. At 32 connections everything is saturated and a
p50 is a queue, so `added_p50_ms` is measured with one connection: the gateway's p50 less that of the upstream asked
directly. The p50s at saturation are printed beside it. `cpu_us` is each proxy's processor time for one request.
"""

import base64
import os
import re
import resource
import secrets
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from shared.auth import Grant, Principal, Role, mint_access, read_signing_key
from shared.contracts import SERVICES
from shared.embedded import EmbeddedValkey, end_child, free_port, start_child
from shared.ids import new_id
from tests.benchmarks.gateway_upstream import jwks_environment

TARGETS: Final = {"ratio_to_nginx": 0.6, "added_p50_ms": 1.5}
CONNECTIONS: Final = 32
FOREIGN_MAX: Final = 0.1
PATHS: Final = {"bare": "/v1/cases/1", "house": "/v1/books/1"}
_UNIT_MS: Final = {"us": 0.001, "ms": 1.0, "s": 1000.0}
_NGINX: Final = """
daemon off; master_process off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/nginx.log;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  keepalive_requests 100000000;
  upstream bare {{ server 127.0.0.1:{bare}; keepalive 64; keepalive_requests 100000000; }}
  upstream house {{ server 127.0.0.1:{house}; keepalive 64; keepalive_requests 100000000; }}
  server {{
    listen 127.0.0.1:{nginx};
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    location / {{ proxy_pass http://bare; }}
    location /v1/books/ {{ proxy_pass http://house; }}
  }}
}}
"""


@dataclass(frozen=True)
class Measured:
    """One run of wrk."""

    requests_per_s: float
    p50_ms: float
    cpu_us: float
    foreign: float


@dataclass
class Compared:
    """The runs that count, by what was loaded; how many rounds were quiet and how many were not."""

    runs: dict[str, list[Measured]]
    quiet: int
    noisy: int


@dataclass
class Stage:
    """Everything that runs: ports and processes by name, and a caller's token."""

    ports: dict[str, int]
    processes: dict[str, "subprocess.Popen[bytes]"]
    token: str


def install(*programs: str) -> None:
    """Install what is missing, by apt."""
    missing = [name for name in programs if shutil.which(name) is None]
    if not missing:
        return
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        message = f"this benchmark needs {' and '.join(missing)}; install them, or run it as root where there is apt"
        raise RuntimeError(message)
    packages = ["nginx-light" if name == "nginx" else name for name in missing]
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["apt-get", "update"], ["apt-get", "install", "-y", "--no-install-recommends", *packages]):
        subprocess.run(command, check=True, stdout=sys.stderr, env=environment)


def _secret() -> str:
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).rstrip(b"=").decode()


def _wait_for(url: str, headers: Mapping[str, str]) -> None:
    deadline = time.monotonic() + 20
    while True:
        try:
            with urllib.request.urlopen(urllib.request.Request(url, headers=dict(headers)), timeout=2):  # noqa: S310 - loopback
                return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def set_the_stage(folder: Path, stack: ExitStack) -> Stage:
    """Start the upstreams, nginx, Valkey and the gateway, as `make run` starts it."""
    names = ("bare", "house", "nginx", "gateway")
    stage = Stage({name: free_port() for name in names}, {}, "")
    token_key = read_signing_key(_secret())
    grants = (Grant(Role.OFFICER, "district.subdistrict", new_id(), new_id()),)
    stage.token = mint_access(Principal("bench", new_id(), "person", grants, new_id()), token_key, ttl_s=7200)
    valkey = EmbeddedValkey(folder / "valkey")
    valkey.start()
    stack.callback(valkey.stop)
    urls = {name: f"http://127.0.0.1:{stage.ports['house' if name == 'ledger' else 'bare']}" for name in SERVICES}
    environment = {
        **os.environ,
        **jwks_environment([token_key.jwk]),
        **{f"LINLI_{name.upper()}_URL": url for name, url in urls.items()},
        "LINLI_INTERNAL_PRIVATE_KEY": _secret(),
        "LINLI_REDIS_URL": valkey.url,
        "LINLI_GATEWAY_CALLER_RATE_PER_S": "1000000",
        "LINLI_GATEWAY_CALLER_BURST": "1000000",
    }
    (folder / "nginx.conf").write_text(_NGINX.format(folder=folder, **stage.ports), encoding="utf-8")
    module = "tests.benchmarks.gateway_upstream"
    uvicorn = [sys.executable, "-m", "uvicorn", "--no-access-log", "--log-level", "warning", "--no-proxy-headers"]
    kept = ["--timeout-keep-alive", "75"]
    door = ["--factory", "services.gateway.app:create", "--http", "services.gateway.server:GatewayProtocol"]
    commands: dict[str, list[str]] = {
        "bare": [*uvicorn, *kept, "--port", str(stage.ports["bare"]), "--lifespan", "off", f"{module}:bare"],
        "house": [*uvicorn, *kept, "--port", str(stage.ports["house"]), "--factory", f"{module}:house"],
        "nginx": ["nginx", "-c", str(folder / "nginx.conf"), "-p", str(folder), "-e", str(folder / "nginx.log")],
        "gateway": [*uvicorn, *kept, "--port", str(stage.ports["gateway"]), *door],
    }
    for name, command in commands.items():
        process = start_child(command, log=folder / f"{name}.log", environment=environment)
        stack.callback(end_child, process)
        stage.processes[name] = process
    for name, paths in {"bare": ["bare"], "house": ["house"], "nginx": PATHS, "gateway": PATHS}.items():
        for path in paths:
            _wait_for(f"http://127.0.0.1:{stage.ports[name]}{PATHS[path]}", {"Authorization": f"Bearer {stage.token}"})
    _check_the_guard(stage)
    return stage


def _check_the_guard(stage: Stage) -> None:
    """Make sure that what is measured does check tokens."""
    url = f"http://127.0.0.1:{stage.ports['gateway']}{PATHS['bare']}"
    forged = {"Authorization": f"Bearer {stage.token[:-4]}AAAA"}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=forged), timeout=2):
            status = 200
    except urllib.error.HTTPError as refused:
        status = refused.code
    assert status == 401, status


def _processor_s(process: "subprocess.Popen[bytes]") -> float:
    path = Path(f"/proc/{process.pid}/stat")
    if not path.exists():
        return 0.0
    fields = path.read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _busy_and_total_s() -> tuple[float, float]:
    """Return the time that the processors of this machine have worked, and had, since its start."""
    path = Path("/proc/stat")
    if not path.exists():
        return 0.0, time.monotonic() * (os.cpu_count() or 1)
    user, nice, system, idle, waiting, *others = map(int, path.read_text(encoding="ascii").split("\n")[0].split()[1:9])
    busy = user + nice + system + sum(others)
    ticks = os.sysconf("SC_CLK_TCK")
    return busy / ticks, (busy + idle + waiting) / ticks


def _own_s(stage: Stage) -> float:
    """Return the processor time of everything that the benchmark started."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return children.ru_utime + children.ru_stime + sum(_processor_s(process) for process in stage.processes.values())


def run_wrk(stage: Stage, name: str, path: str, *, connections: int, seconds: int) -> Measured:
    """Load one address and read what wrk says; refused requests are an error."""
    url = f"http://127.0.0.1:{stage.ports[name]}{path}"
    shape = ["-t1", f"-c{connections}", f"-d{seconds}s", "--latency"]
    before, own, (busy, total_s) = _processor_s(stage.processes[name]), _own_s(stage), _busy_and_total_s()
    said = subprocess.run(
        ["wrk", *shape, "-H", f"Authorization: Bearer {stage.token}", url], check=True, capture_output=True, text=True
    ).stdout
    used, own, (busy_after, total_after) = (
        _processor_s(stage.processes[name]) - before,
        _own_s(stage) - own,
        _busy_and_total_s(),
    )
    assert "Non-2xx" not in said, said
    assert "Socket errors" not in said, said
    rate = re.search(r"Requests/sec:\s+([\d.]+)", said)
    p50 = re.search(r"\s50%\s+([\d.]+)(us|ms|s)\b", said)
    total = re.search(r"(\d+) requests in", said)
    assert rate, said
    assert p50, said
    assert total, said
    return Measured(
        requests_per_s=float(rate.group(1)),
        p50_ms=float(p50.group(1)) * _UNIT_MS[p50.group(2)],
        cpu_us=used * 1e6 / int(total.group(1)),
        foreign=max(0.0, busy_after - busy - own) / max(0.01, total_after - total_s),
    )


def compare(stage: Stage, upstream: str, *, connections: int, seconds: int, rounds: int) -> Compared:
    """Load nginx, the gateway and the upstream itself in turn, until there were some quiet rounds."""
    quiet: list[dict[str, Measured]] = []
    noisy: list[dict[str, Measured]] = []
    while len(quiet) < rounds and len(quiet) + len(noisy) < 3 * rounds:
        found = {
            name: run_wrk(stage, process, PATHS[upstream], connections=connections, seconds=seconds)
            for name, process in {"nginx": "nginx", "gateway": "gateway", "direct": upstream}.items()
        }
        (quiet if all(run.foreign <= FOREIGN_MAX for run in found.values()) else noisy).append(found)
    counted = quiet or noisy
    return Compared({name: [found[name] for found in counted] for name in counted[0]}, len(quiet), len(noisy))


def _median(runs: list[Measured], what: str) -> float:
    values: list[float] = [getattr(run, what) for run in runs]
    return round(statistics.median(values), 3)


def figures_of(at_32: Compared, at_1: Compared) -> dict[str, Any]:
    """Put one upstream's runs into figures."""
    saturated = at_32.runs
    pairs = zip(saturated["gateway"], saturated["nginx"], strict=True)
    ratios = [round(gateway.requests_per_s / nginx.requests_per_s, 3) for gateway, nginx in pairs]
    one = {name: _median(runs, "p50_ms") for name, runs in at_1.runs.items()}
    return {
        "ratio_to_nginx": round(statistics.median(ratios), 3),
        "ratios": ratios,
        "quiet_rounds": at_32.quiet,
        "noisy_rounds": at_32.noisy,
        "requests_per_s": {name: round(_median(runs, "requests_per_s")) for name, runs in saturated.items()},
        "p50_ms_at_32_connections": {name: _median(runs, "p50_ms") for name, runs in saturated.items()},
        "p50_ms_at_1_connection": one,
        "added_p50_ms": round(one["gateway"] - one["direct"], 3),
        "added_p50_ms_by_nginx": round(one["nginx"] - one["direct"], 3),
        "cpu_us": {name: round(_median(runs, "cpu_us"), 1) for name, runs in saturated.items()},
    }


def run() -> dict[str, Any]:
    """Measure, on loopback only."""
    install("nginx", "wrk")
    short = os.environ.get("BENCH_SHORT") == "1"
    seconds, rounds = (1, 3) if short else (2, 11)
    with tempfile.TemporaryDirectory(prefix="linli-bench-") as folder, ExitStack() as stack:
        stage = set_the_stage(Path(folder), stack)
        found = {
            upstream: figures_of(
                compare(stage, upstream, connections=CONNECTIONS, seconds=seconds, rounds=rounds),
                compare(stage, upstream, connections=1, seconds=1, rounds=5),
            )
            for upstream in PATHS
        }
    bare = found["bare"]
    is_ok = bare["ratio_to_nginx"] >= TARGETS["ratio_to_nginx"] and bare["added_p50_ms"] <= TARGETS["added_p50_ms"]
    figures = {
        "ratio_to_nginx": bare["ratio_to_nginx"],
        "added_p50_ms": bare["added_p50_ms"],
        "bare_asgi_upstream": bare,
        "fastapi_upstream": found["house"],
        "processors": os.cpu_count(),
    }
    return {"bench": "gateway", "figures": figures, "targets": TARGETS, "ok": is_ok}
