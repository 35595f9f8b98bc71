"""The embedded servers, as they run here and as they would run elsewhere."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest
from redis.asyncio import Redis

from shared.embedded import EmbeddedPostgres, EmbeddedValkey, children, command_of, free_port, postgres
from shared.embedded.children import Disguise
from tests.stack.waiting import runs, wait_until


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(tmp_path / "postgres", fsync=False)
    yield server
    server.stop()


async def ask(url: str, question: str) -> object:
    connection = await asyncpg.connect(url, timeout=5)
    try:
        return await connection.fetchval(question)
    finally:
        await connection.close()


async def test_postgres_answers_its_owner_and_nobody_without_the_password(server: EmbeddedPostgres) -> None:
    url = server.start()
    assert str(await ask(url, "SHOW server_version")).startswith("18")
    assert await ask(url, "SHOW listen_addresses") == "127.0.0.1"
    kept = await ask(url, "SELECT rolpassword FROM pg_authid WHERE rolpassword IS NOT NULL")
    assert str(kept).startswith("SCRAM-SHA-256$")
    with pytest.raises(asyncpg.InvalidPasswordError):
        await ask(url.replace(url.split(":")[2].split("@")[0], "guess"), "SELECT 1")
    assert server.data_dir.with_name("postgres.password").stat().st_mode & 0o077 == 0
    assert server.data_dir.stat().st_mode & 0o077 == 0


async def test_fsync_is_on_unless_the_data_may_be_lost(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path / "kept")
    try:
        assert await ask(server.start(), "SHOW fsync") == "on"
    finally:
        server.stop()


async def test_what_was_committed_survives_a_power_cut(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path / "postgres")
    try:
        url = server.start()
        await ask(url, "CREATE TABLE kept AS SELECT 7 AS n")
        server.kill()
        assert await ask(server.start(), "SELECT n FROM kept") == 7
    finally:
        server.stop()


async def test_a_postmaster_pid_of_an_unrelated_process_does_not_keep_it_from_starting(
    server: EmbeddedPostgres,
) -> None:
    server.start()
    note = server.data_dir / "postmaster.pid"
    lines = note.read_text().split("\n")
    server.kill()
    note.write_text("\n".join([str(os.getpid()), *lines[1:]]))
    assert await ask(server.start(), "SELECT 1") == 1


async def test_a_server_that_was_left_behind_is_ended_and_followed(tmp_path: Path) -> None:
    first = EmbeddedPostgres(tmp_path / "postgres", fsync=False)
    first.start()
    left = first.pid
    assert left is not None
    second = EmbeddedPostgres(tmp_path / "postgres", fsync=False)
    try:
        assert await ask(second.start(), "SELECT 1") == 1
        assert not runs(left)
        assert second.pid != left
    finally:
        second.stop()
        first.stop()


async def test_an_interrupted_first_start_is_made_again(server: EmbeddedPostgres) -> None:
    unfinished = server.data_dir.with_name("postgres.new")
    unfinished.mkdir()
    (unfinished / "PG_VERSION").write_text("18\n")
    assert await ask(server.start(), "SELECT 1") == 1
    server.stop()
    (server.data_dir / "linli.created").unlink()
    assert await ask(server.start(), "SELECT 1") == 1


@pytest.mark.parametrize("mask", list(Disguise))
async def test_it_runs_in_every_disguise_and_changes_between_them(
    mask: Disguise, server: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only root has a choice; everybody else is always themselves."""
    chosen = mask if os.geteuid() == 0 and mask is not Disguise.OURSELVES else children.disguise()
    # A folder that nobody but its owner may enter stands in for /root.
    server.data_dir.parent.chmod(0o700)
    server.start()
    server.stop()
    for module in (children, postgres):
        monkeypatch.setattr(module, "disguise", lambda: chosen)
    assert await ask(server.start(), "SELECT 1") == 1
    owner = {Disguise.NOBODY: 65_534}.get(chosen, os.geteuid())
    assert server.data_dir.stat().st_uid == owner


async def test_valkey_is_bounded_refuses_when_full_and_writes_nothing_down(tmp_path: Path) -> None:
    server = EmbeddedValkey(tmp_path / "valkey")
    client = Redis.from_url(server.start(), decode_responses=True)
    try:
        config = await client.config_get("*")
        assert int(config["maxmemory"]) > 0
        assert (config["maxmemory-policy"], config["save"], config["appendonly"]) == ("noeviction", "", "no")
        assert config["bind"] == "127.0.0.1"
    finally:
        await client.aclose()
        server.stop()
    assert server.process is not None
    assert server.process.poll() is not None


PARENT = """
import sys, time
from pathlib import Path
from shared.embedded import EmbeddedPostgres, EmbeddedValkey
postgres = EmbeddedPostgres(Path(sys.argv[1]) / "postgres", fsync=False)
valkey = EmbeddedValkey(Path(sys.argv[1]) / "valkey")
postgres.start(); valkey.start()
print(postgres.pid, valkey.process.pid, flush=True)
time.sleep(600)
"""


def test_the_servers_end_when_their_parent_is_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", PARENT, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pids = [int(word) for word in parent.stdout.readline().split()]
        assert len(pids) == 2
        assert all(runs(pid) for pid in pids)
        parent.send_signal(signal.SIGKILL)
        wait_until(lambda: not any(runs(pid) for pid in pids))
    assert command_of(pids[0]) == ""


def test_a_port_that_is_taken_is_not_given_out() -> None:
    first = free_port()
    assert free_port(first) == first
    server = subprocess.Popen(
        [
            sys.executable,
            "-c",
            f"import socket as s; x = s.create_server(('127.0.0.1', {first})); print(1, flush=True); input()",
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        assert server.stdout is not None
        assert server.stdout.readline() == b"1\n"
        assert free_port(first) != first
    finally:
        server.communicate(b"\n")
