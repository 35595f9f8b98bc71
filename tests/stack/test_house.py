"""The true house: real servers, real services, started and stopped the way people and machines do it."""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import rmtree
from typing import Any

import pytest

from services.stack.environment import given
from services.stack.home import Home
from tests.stack.waiting import runs, wait_until

ROOT = Path(__file__).resolve().parents[2]
READY_S = 90.0
NOBODY = 65_534
# An ordinary user who may read this checkout and this Python wherever they are, but write only what is theirs.
AS_NOBODY = [
    "setpriv",
    f"--reuid={NOBODY}",
    f"--regid={NOBODY}",
    "--clear-groups",
    "--inh-caps=-all,+dac_read_search",
    "--ambient-caps=-all,+dac_read_search",
    "--bounding-set=-all,+dac_read_search",
]


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that an ordinary user can reach, which pytest's own are not."""
    made = Path(tempfile.mkdtemp(prefix="linli-test-"))
    if os.geteuid() == 0:
        os.chown(made, NOBODY, NOBODY)
    yield made
    rmtree(made)


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "services.stack.cli", *words]


def clean_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in given()}


@contextmanager
def up(
    data: Path, *words: str, prefix: tuple[str, ...] = ()
) -> Iterator[tuple[subprocess.Popen[bytes], dict[str, Any]]]:
    """Run `linli up` and say what it has noted once it is ready."""
    log = data.with_name(data.name + ".output")
    with log.open("ab") as output:
        process = subprocess.Popen(
            [*prefix, *command("up", "--no-seed", "--data", str(data), *words)],
            cwd=ROOT,
            env=clean_environment(),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:

        def noted() -> dict[str, Any] | None:
            assert process.poll() is None, log.read_text()
            return Home(data).read_run()

        yield process, wait_until(noted, within_s=READY_S)
    finally:
        process.kill()
        process.wait()


def pids(running: dict[str, Any]) -> dict[str, int]:
    return {name: int(part["pid"]) for name, part in running["parts"].items()}


def ask(url: str, token: str | None = None) -> int:
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"} if token else {})  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - the loopback address
            return int(answer.status)
    except urllib.error.HTTPError as refusal:
        refusal.close()
        return refusal.code
    except OSError:
        return 0


def linli(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*words), cwd=ROOT, env=clean_environment(), capture_output=True, text=True, check=False
    )


@pytest.mark.long
def test_up_serves_restarts_what_dies_and_stops_cleanly(folder: Path) -> None:
    data = folder / "data"
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            taken.bind(("127.0.0.1", 8000))
            taken.listen()
        except OSError:
            assert True, "somebody else has it, which is as good"
        with up(data) as (process, running):
            assert running["parts"]["gateway"]["port"] != 8000
            assert running["ready_after_s"] > 0
            token = linli("token", "--tenant", "someone", "--at", "someone", "--data", str(data)).stdout.strip()
            assert ask(running["url"] + "/v1/areas", token) == 200
            assert ask(running["url"] + "/v1/areas", token[:-4] + "AAAA") == 401
            assert "another house runs" in linli("up", "--data", str(data)).stdout
            assert linli("reset", "--yes", "--data", str(data)).returncode == 2

            first, victims = pids(running), ("intake", "valkey", "postgres")
            for victim in victims:
                os.kill(first[victim], signal.SIGKILL)

            def again() -> bool:
                parts = (Home(data).read_run() or running)["parts"]
                replaced = all(parts[victim]["pid"] not in {None, first[victim]} for victim in victims)
                return replaced and linli("status", "--data", str(data)).returncode == 0

            wait_until(again, within_s=READY_S)
            now = Home(data).read_run() or {}
            assert {name for name, part in now["parts"].items() if part["restarts"]} >= {"intake", "valkey", "postgres"}
            assert ask(running["url"] + "/v1/areas", token) == 200

            before = pids(now)
            assert linli("restart", "--data", str(data)).returncode == 0
            now = Home(data).read_run() or {}
            after = pids(now)
            replaced = {name for name, pid in after.items() if pid != before[name]}
            assert replaced == {"directory", "intake", "matching", "ledger", "worker", "gateway"}
            assert ask(running["url"] + "/v1/areas", token) == 200
            shown = linli("status", "--data", str(data))
            assert shown.returncode == 0
            assert "events" in shown.stdout

            process.send_signal(signal.SIGINT)
            assert process.wait(60) == 0
            assert not any(runs(pid) for pid in {**before, **after}.values())
    assert not (data / "run.json").exists()
    assert linli("status", "--data", str(data)).returncode == 2
    assert "database system is shut down" in (data / "postgres.log").read_text()
    assert linli("reset", "--yes", "--data", str(data)).returncode == 0
    assert not data.exists()


@pytest.mark.long
def test_an_ordinary_user_kills_it_hard_and_starts_it_again(folder: Path) -> None:
    data = folder / "data"
    prefix = tuple(AS_NOBODY) if os.geteuid() == 0 else ()
    with up(data, prefix=prefix) as (process, running):
        everybody = pids(running)
        assert Path(f"/proc/{everybody['postgres']}").stat().st_uid == (NOBODY if prefix else os.geteuid())
        secrets = json.loads((data / "secrets.json").read_text())
        process.kill()
        process.wait()
        wait_until(lambda: not any(runs(pid) for pid in everybody.values()), within_s=30)
    with up(data, prefix=prefix) as (process, running):
        assert ask(running["url"] + "/livez") == 200
        assert json.loads((data / "secrets.json").read_text()) == secrets
        process.terminate()
        assert process.wait(60) == 0
