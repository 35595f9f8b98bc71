"""The parts of the house: programs of ours, behind doors that stay open while they change, and the two servers."""

import os
import select
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from shared.contracts import SERVICES
from shared.embedded import Child, EmbeddedPostgres, EmbeddedValkey, end_child, start_child

__all__ = ["Floor", "Part", "Program", "Server", "Spawn", "program_modules", "programs"]

_STOP_S: Final = 8.0
_LEAVE_S: Final = 12.0
_REPLACE_S: Final = 30.0
_BACKLOG: Final = 1024
_SERVING: Final = "services.stack.serving"
_WORKER: Final = "services.worker.__main__"


class Spawn(Protocol):
    """A way to start a process in a session of its own that dies when we do."""

    def __call__(
        self,
        command: Sequence[str],
        *,
        log: Path,
        environment: Mapping[str, str],
        folder: Path,
        death_signal: signal.Signals,
        handed: Sequence[int] = (),
    ) -> Child:
        """Start it; for what the arguments mean see `start_child`."""


class Floor:
    """Where a part stands: what is above stands on what is below, and is stopped before it."""

    SERVERS: Final = 0
    SERVICES: Final = 1
    DOOR: Final = 2


class Part(Protocol):
    """Something that runs. `start` and `stop` may block; starting what has died must work."""

    @property
    def name(self) -> str:
        """What it is called in the logs and in `linli status`."""

    @property
    def port(self) -> int:
        """Where it listens, on the loopback address."""

    @property
    def floor(self) -> int:
        """What it stands on."""

    @property
    def log(self) -> Path:
        """Where it writes."""

    @property
    def pid(self) -> int | None:
        """Its process, while that runs."""

    def start(self) -> None:
        """Start it."""

    def stop(self) -> None:
        """Stop it, insisting after a while."""

    def give_up(self) -> None:
        """Let callers know that it is not there: it has died too often to wait for."""


@dataclass
class Program:
    """A program of ours, which tells at /readyz how it is.

    With `has_door` we hold its listening socket, and it is told the number of that as `--door`: callers wait while it
    starts again, and it can be replaced while it serves.
    """

    name: str
    command: Sequence[str]
    port: int
    log: Path
    environment: Mapping[str, str]
    folder: Path
    floor: int = Floor.SERVICES
    has_door: bool = False
    spawn: Spawn = start_child
    _process: Child | None = None
    _door: socket.socket | None = None

    @property
    def pid(self) -> int | None:
        """Its process, while that runs."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    def start(self) -> None:
        """Start it; it ends at once when we do."""
        self._process = self._spawn()

    def stop(self) -> None:
        """Let it finish what it is doing, for a while."""
        if self._process is not None:
            end_child(self._process, patience_s=_STOP_S)
        self.give_up()

    def give_up(self) -> None:
        """Close the door: callers are refused at once."""
        if self._door is not None:
            self._door.close()
            self._door = None

    def replace(self) -> None:
        """Start another process behind the same door and, once it serves, let the old one finish.

        Without a door the old one finishes first. RuntimeError when the new one does not come up; the old one then
        stays.
        """
        old = self._process
        if not self.has_door:
            if old is not None:
                end_child(old, patience_s=_STOP_S)
            self.start()
            return
        hear, tell = os.pipe()
        try:
            new = self._spawn(tell=tell)
            os.close(tell)
            heard, _, _ = select.select([hear], [], [], _REPLACE_S)
            if not heard or os.read(hear, 1) != b"1":
                end_child(new, patience_s=1)
                message = f"the new {self.name} does not come up; the old one stays"
                raise RuntimeError(message)
        finally:
            os.close(hear)
        self._process = new
        if old is not None:
            end_child(old, how=signal.SIGUSR2, patience_s=_LEAVE_S)

    def _spawn(self, *, tell: int | None = None) -> Child:
        command, handed = list(self.command), []
        if self.has_door:
            if self._door is None:
                self._door = socket.create_server(("127.0.0.1", self.port), backlog=_BACKLOG)
            handed.append(self._door.fileno())
            command += ["--door", str(self._door.fileno())]
        if tell is not None:
            handed.append(tell)
            command += ["--tell", str(tell)]
        return self.spawn(
            command,
            log=self.log,
            environment=self.environment,
            folder=self.folder,
            death_signal=signal.SIGKILL,
            handed=handed,
        )


@dataclass
class Server:
    """PostgreSQL or Valkey."""

    name: str
    server: EmbeddedPostgres | EmbeddedValkey
    log: Path
    floor: int = Floor.SERVERS

    @property
    def port(self) -> int:
        """Where it listens."""
        return self.server.port

    @property
    def pid(self) -> int | None:
        """Its process, while that runs."""
        process = self.server.process
        return process.pid if process is not None and process.poll() is None else None

    def start(self) -> None:
        """Start it and wait until it answers."""
        self.server.start()

    def stop(self) -> None:
        """Stop it cleanly."""
        self.server.stop()

    def give_up(self) -> None:
        """Nothing: its door is its own."""


def program_modules() -> list[str]:
    """Return the modules that our programs are made of, together with whatever these import."""
    return [_SERVING, _WORKER, "services.gateway.server", *(f"services.{name}.app" for name in (*SERVICES, "gateway"))]


def programs(
    ports: Mapping[str, int],
    *,
    environment: Mapping[str, str],
    logs: Path,
    folder: Path,
    workers: int = 1,
    spawn: Spawn = start_child,
) -> list[Program]:
    """Return our own programs: the services, the workers, the gateway.

    Args:
        ports: where each listens; of further workers `worker-2` and so on.
        environment: what every one of them gets.
        logs: the folder of their logs.
        folder: their working directory.
        workers: how many.
        spawn: how they are started.
    """

    def web(name: str, floor: int = Floor.SERVICES) -> Program:
        command = [sys.executable, "-m", _SERVING, name]
        log = logs / f"{name}.log"
        return Program(name, command, ports[name], log, environment, folder, floor, has_door=True, spawn=spawn)

    def worker(name: str) -> Program:
        own = {**environment, "LINLI_WORKER_PORT": str(ports[name])}
        command = [sys.executable, "-m", _WORKER]
        return Program(name, command, ports[name], logs / f"{name}.log", own, folder, spawn=spawn)

    names = ["worker", *(f"worker-{number}" for number in range(2, workers + 1))]
    return [*(web(name) for name in SERVICES), *(worker(name) for name in names), web("gateway", Floor.DOOR)]
