"""Programs that are forks of one process: what they are given, and that none outlives what it stands on."""

import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from services.stack.forking import ForkServer, can_fork
from services.stack.home import project_root
from shared.embedded import Child, command_of, end_child
from tests.stack.waiting import runs, wait_until

pytestmark = pytest.mark.skipif(not can_fork(), reason="this system does not fork programs")
COMMAND = [sys.executable, "-m", "tests.stack.forked"]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ForkServer]:
    # Larger than what fits into one message between the two.
    environment = {**os.environ, "LEFT_OUT": "1"} | {f"LARGE_{number}": "x" * 100_000 for number in range(5)}
    made = ForkServer(["json"], log=tmp_path / "forkserver.log", environment=environment, folder=project_root())
    yield made
    made.stop()


def spawn(server: ForkServer, log: Path, *arguments: str, handed: list[int] | None = None) -> Child:
    environment = {name: value for name, value in os.environ.items() if name != "LEFT_OUT"} | {"GREETING": "你好"}
    environment |= {f"LARGE_{number}": "x" * 100_000 for number in range(5)}
    return server.spawn(
        [*COMMAND, *arguments],
        log=log,
        environment=environment,
        folder=log.parent,
        death_signal=signal.SIGKILL,
        handed=handed or [],
    )


def told(log: Path) -> dict[str, Any]:
    """Return what the program at a log has said of itself, once it has."""
    line = wait_until(lambda: log.read_text(encoding="utf-8").strip() if log.exists() else "")
    found: dict[str, Any] = json.loads(line)
    return found


def test_a_program_has_what_it_is_given_and_nothing_of_the_one_beside_it(server: ForkServer, tmp_path: Path) -> None:
    hear, tell = os.pipe()
    first, second = tmp_path / "first.log", tmp_path / "second.log"
    try:
        programs = [
            spawn(server, first, "--tell", str(tell), handed=[tell]),
            spawn(server, second, "intake"),
        ]
        one, other = told(first), told(second)
        assert os.read(hear, 5) == b"hello"
    finally:
        os.close(hear)
        os.close(tell)
    assert one["arguments"] == ["--tell", str(tell)]
    assert other["arguments"] == ["intake"]
    for program in (one, other):
        assert program["greeting"] == "你好"
        assert not program["inherited"]
        assert program["folder"] == str(tmp_path)
        assert program["session"]
        assert program["children"]
    # A fork that did not know it would think of the same numbers.
    assert not {*one["ids"]} & {*other["ids"]}
    assert one["chance"] != other["chance"]
    assert "tests.stack.forked intake" in command_of(programs[1].pid)
    for child in programs:
        assert child.poll() is None
        assert end_child(child, patience_s=10) == 0
        assert child.poll() == 0
        child.send_signal(signal.SIGTERM)


def test_a_program_that_fails_says_why_in_its_log(server: ForkServer, tmp_path: Path) -> None:
    log = tmp_path / "failing.log"
    child = spawn(server, log, "--fail")
    assert child.wait(30) == 0
    assert "this program does not work" in log.read_text(encoding="utf-8")
    unknown = server.spawn(
        [sys.executable, "-m", "tests.stack.nowhere"],
        log=log,
        environment=os.environ,
        folder=tmp_path,
        death_signal=signal.SIGKILL,
    )
    assert unknown.wait(30) == 0
    assert "No module named" in log.read_text(encoding="utf-8")


def test_programs_end_with_their_fork_server_and_the_next_one_has_a_new_one(server: ForkServer, tmp_path: Path) -> None:
    first, second = tmp_path / "first.log", tmp_path / "second.log"
    orphan = spawn(server, first)
    parent = told(first)["parent"]
    os.kill(parent, signal.SIGKILL)
    assert orphan.wait(10) == 0
    child = spawn(server, second)
    assert told(second)["parent"] != parent
    assert child.poll() is None
    end_child(child)


def test_a_renewed_fork_server_leaves_the_programs_of_the_old_one_alone(server: ForkServer, tmp_path: Path) -> None:
    first, second = tmp_path / "first.log", tmp_path / "second.log"
    old = spawn(server, first)
    before = told(first)["parent"]
    server.renew()
    new = spawn(server, second)
    assert told(second)["parent"] not in {before, os.getpid()}
    assert old.poll() is None
    assert "fork server" in command_of(before)
    end_child(old)
    wait_until(lambda: not runs(before))
    assert new.poll() is None
    end_child(new)


def test_a_fork_server_that_does_not_start_is_told_of(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    (tmp_path / "setproctitle.py").write_text("raise ImportError('broken on purpose')", encoding="utf-8")
    broken = ForkServer([], log=tmp_path / "forkserver.log", environment=environment, folder=tmp_path)
    with pytest.raises(RuntimeError, match="broken on purpose"):
        spawn(broken, tmp_path / "program.log")
    broken.stop()
