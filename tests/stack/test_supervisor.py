"""The supervisor, with small programs in place of the services."""

import asyncio
import os
import signal
import socket
import sys
import threading
import time
import urllib.request
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from services.stack import supervisor as module
from services.stack.parts import Floor, Program
from services.stack.supervisor import Life, Supervisor
from shared.embedded import Child, free_port, start_child

HTTP = """
import http.server, os, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = b'{"status": "ready"}'
        self.send_response(200); self.send_header("Content-Length", str(len(body))); self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_): pass
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""
BEHIND_A_DOOR = """
import http.server, os, signal, socket, sys, threading
arguments = dict(zip(sys.argv[1::2], sys.argv[2::2]))
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = str(os.getpid()).encode()
        self.send_response(200); self.send_header("Content-Length", str(len(body))); self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_): pass
server = http.server.HTTPServer(("127.0.0.1", 0), Handler, bind_and_activate=False)
for number in (signal.SIGTERM, signal.SIGUSR2):
    signal.signal(number, lambda *_: threading.Thread(target=server.shutdown).start())
server.socket = socket.socket(fileno=int(arguments["--door"]))
if "--tell" in arguments: os.write(int(arguments["--tell"]), b"1")
server.serve_forever()
"""
ENDS_AT_ONCE = "print('I cannot live like this', flush=True)"
NOTES_ITS_END = """
import pathlib, signal, sys, time
def end(*_):
    with open(sys.argv[1], "a") as file: file.write(sys.argv[2] + "\\n")
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
pathlib.Path(sys.argv[1] + "." + sys.argv[2]).touch()
while True: time.sleep(1)
"""


def program(folder: Path, name: str, code: str, *arguments: str, floor: int = Floor.SERVICES) -> Program:
    port = free_port()
    command = [sys.executable, "-c", code, *(arguments or [str(port)])]
    return Program(name, command, port, folder / f"{name}.log", dict(os.environ), folder, floor)


async def seen(look: Callable[[], object], within_s: float = 20.0) -> None:
    deadline = time.monotonic() + within_s
    while not look():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)


async def test_what_dies_is_started_again_and_told_of(tmp_path: Path) -> None:
    changes: list[int] = []
    part = program(tmp_path, "web", HTTP)
    house = Supervisor(lambda: changes.append(1))
    try:
        await house.start(part)
        await house.wait_ready(["web"], 20)
        first = part.pid
        assert first is not None
        os.kill(first, signal.SIGKILL)
        await seen(lambda: part.pid not in {None, first})
        await house.wait_ready(["web"], 20)
        assert house.lives[0].starts == 2
        await seen(lambda: changes)
    finally:
        await house.stop()
    assert part.pid is None


async def test_what_is_still_being_started_is_not_started_a_second_time(tmp_path: Path) -> None:
    begun: list[int] = []
    may_begin = threading.Event()

    def slowly(*arguments: Any, **options: Any) -> Child:
        begun.append(1)
        assert may_begin.wait(20)
        return start_child(*arguments, **options)

    weak, slow = program(tmp_path, "weak", ENDS_AT_ONCE), program(tmp_path, "slow", HTTP)
    slow.spawn = slowly
    house = Supervisor()
    try:
        await house.start(weak)
        starting = asyncio.create_task(house.start(slow))
        # By then whoever watches has looked many times, at the slow one as well.
        await seen(lambda: begun and house.lives[0].starts >= 3)
        may_begin.set()
        await starting
        await house.wait_ready(["slow"], 20)
        assert begun == [1]
    finally:
        may_begin.set()
        await house.stop()


async def test_the_pause_before_the_next_start_grows_up_to_a_bound(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    house = Supervisor()
    life = Life(program(tmp_path, "weak", ENDS_AT_ONCE))
    started: list[float] = []
    now = 1_000.0

    async def start(_: Life) -> None:
        started.append(now)

    monkeypatch.setattr(house, "_start", start)
    while len(started) < 8:
        await house._start_again(life, now)
        now += 0.1
    pauses = [later - sooner for sooner, later in pairwise(started)]
    assert pauses == sorted(pauses)
    assert 0.2 <= pauses[0] <= 0.7
    assert 2.9 <= pauses[-1] <= 3.4


async def test_a_part_that_does_not_stay_up_is_named_with_its_last_words(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(module, "_LONGEST_DELAY_S", 0.05)
    monkeypatch.setattr(module, "_LOOK_EVERY_S", 0.02)
    house = Supervisor()
    try:
        await house.start(program(tmp_path, "weak", ENDS_AT_ONCE))
        with pytest.raises(RuntimeError, match=r"weak does not stay up(.|\n)*I cannot live like this"):
            await house.wait_ready(["weak"], 20)
    finally:
        await house.stop()


async def test_the_door_closes_first_and_the_servers_last(tmp_path: Path) -> None:
    note = tmp_path / "ended"
    floors = {"server": Floor.SERVERS, "service": Floor.SERVICES, "door": Floor.DOOR}
    parts = [program(tmp_path, name, NOTES_ITS_END, str(note), name, floor=floor) for name, floor in floors.items()]
    house = Supervisor()
    await house.start(*parts)
    for name in floors:
        await seen((tmp_path / f"ended.{name}").exists)
    await house.stop()
    assert note.read_text().split() == ["door", "service", "server"]


async def test_ctrl_c_in_the_terminal_reaches_only_the_supervisor(tmp_path: Path) -> None:
    part = program(tmp_path, "web", HTTP)
    house = Supervisor()
    try:
        await house.start(part)
        assert part.pid is not None
        assert os.getsid(part.pid) == part.pid != os.getsid(0)
    finally:
        await house.stop()


async def test_logs_begin_anew_and_stay_bounded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    part = program(tmp_path, "web", HTTP)
    part.log.write_text("of yesterday\n")
    house = Supervisor()
    try:
        await house.start(part)
        assert part.log.read_text() == ""
        assert part.log.with_suffix(".log.1").read_text() == "of yesterday\n"
        monkeypatch.setattr(module, "_LOG_BYTES_MAX", 100)
        with part.log.open("a") as log:
            log.write("x" * 101)
        await seen(lambda: part.log.stat().st_size == 0)
        assert part.log.with_suffix(".log.1").read_text() == "x" * 101
    finally:
        await house.stop()


def behind_a_door(folder: Path, code: str = BEHIND_A_DOOR) -> Program:
    command = [sys.executable, "-c", code]
    return Program("web", command, free_port(), folder / "web.log", dict(os.environ), folder, has_door=True)


def ask(port: int) -> int:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=20) as answer:
        return int(answer.read())


async def test_callers_wait_while_what_has_died_starts_again(tmp_path: Path) -> None:
    part = behind_a_door(tmp_path)
    house = Supervisor()
    try:
        await house.start(part)
        first = await asyncio.to_thread(ask, part.port)
        os.kill(first, signal.SIGKILL)
        second = await asyncio.to_thread(ask, part.port)
        assert second not in {first, os.getpid()}
    finally:
        await house.stop()


async def test_a_program_is_replaced_and_no_caller_is_refused(tmp_path: Path) -> None:
    changes: list[int] = []
    part = behind_a_door(tmp_path)
    house = Supervisor(lambda: changes.append(1))
    answers: list[int] = []

    async def keep_asking() -> None:
        while True:
            answers.append(await asyncio.to_thread(ask, part.port))

    try:
        await house.start(part)
        asking = asyncio.create_task(keep_asking())
        await seen(lambda: answers)
        old = part.pid
        await house.replace("web")
        new = part.pid
        await seen(lambda: answers[-1] == new)
        asking.cancel()
        assert old != new
        assert set(answers) <= {old, new}
        assert changes == [1]
        assert house.lives[0].starts == 2
    finally:
        await house.stop()
    with pytest.raises(OSError, match="refused"):
        ask(part.port)


async def test_what_does_not_come_up_replaces_nothing(tmp_path: Path) -> None:
    part = behind_a_door(tmp_path)
    house = Supervisor()
    try:
        await house.start(part)
        old = await asyncio.to_thread(ask, part.port)
        part.command = [sys.executable, "-c", ENDS_AT_ONCE]
        with pytest.raises(RuntimeError, match="does not come up"):
            await house.replace("web")
        assert await asyncio.to_thread(ask, part.port) == old
    finally:
        await house.stop()


async def test_a_door_is_closed_when_its_program_has_died_too_often(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_HOPELESS_DELAY_S", 0.0)
    part = behind_a_door(tmp_path, ENDS_AT_ONCE)
    house = Supervisor()

    def is_refused() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", part.port)) != 0

    try:
        await house.start(part)
        await seen(is_refused)
    finally:
        await house.stop()
