"""Starts the processes of the house, starts again what dies, and stops everything in order."""

import asyncio
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import aiohttp

from shared.contracts import SERVICES
from shared.embedded import start_child

__all__ = ["Managed", "Supervisor", "house_processes"]

_LOOK_EVERY_S: Final = 0.1
_READY_EVERY_S: Final = 0.05
_FIRST_DELAY_S: Final = 0.2
_LONGEST_DELAY_S: Final = 5.0
_CALM_AFTER_S: Final = 30.0
_STOP_S: Final = 8.0
_LOG_BYTES_MAX: Final = 20 * 1024 * 1024


@dataclass
class Managed:
    """One process: how it is started, where it answers, and how it is doing."""

    name: str
    command: Sequence[str]
    port: int
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    restarts: int = 0
    delay_s: float = _FIRST_DELAY_S
    due_at: float = field(default=0.0)

    @property
    def is_alive(self) -> bool:
        """Whether it runs."""
        return self.process is not None and self.process.poll() is None


def house_processes(ports: Mapping[str, int]) -> list[Managed]:
    """Return the processes of the house in the order in which they are started."""

    def web(name: str) -> Managed:
        command = [sys.executable, "-m", "uvicorn", "--factory", f"services.{name}.app:create", "--host", "127.0.0.1"]
        options = ["--port", str(ports[name]), "--loop", "uvloop", "--http", "httptools", "--no-access-log"]
        quiet = ["--log-level", "warning", "--timeout-graceful-shutdown", "5", "--timeout-keep-alive", "75"]
        return Managed(name, [*command, *options, *quiet], ports[name])

    worker = Managed("worker", [sys.executable, "-m", "services.worker"], ports["worker"])
    return [*(web(name) for name in SERVICES), worker, web("gateway")]


class Supervisor:
    """Keeps some processes running.

    Args:
        processes: what to run.
        environment: what every one of them gets.
        logs: the folder of their logs.
        folder: their working directory.
    """

    def __init__(
        self, processes: Sequence[Managed], *, environment: Mapping[str, str], logs: Path, folder: Path
    ) -> None:
        self.processes = list(processes)
        self._environment = environment
        self._logs = logs
        self._folder = folder
        self._watching: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start everything and keep it running from now on."""
        for managed in self.processes:
            self._start(managed)
        self._watching = asyncio.create_task(self._watch())

    async def wait_ready(self, timeout_s: float = 60.0) -> None:
        """Wait until every process answers that it is ready; TimeoutError names those that do not."""
        deadline = time.monotonic() + timeout_s
        waiting = {managed.name: managed for managed in self.processes}
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2)) as client:
            while waiting:
                for name, managed in list(waiting.items()):
                    if await self.readiness(client, managed) == "ready":
                        del waiting[name]
                if waiting and time.monotonic() > deadline:
                    message = f"not ready after {timeout_s:.0f} s: {', '.join(waiting)}; see {self._logs}"
                    raise TimeoutError(message)
                await asyncio.sleep(_READY_EVERY_S if waiting else 0)

    @staticmethod
    async def readiness(client: aiohttp.ClientSession, managed: Managed) -> str:
        """Return what a process says of itself: ready, degraded, unready, or silent."""
        try:
            async with client.get(f"http://127.0.0.1:{managed.port}/readyz") as answer:
                return str((await answer.json()).get("status", "silent"))
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError):
            return "silent"

    async def stop(self) -> None:
        """Stop everything: the door first, then the services, then the worker, and insist after a while."""
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)
        for managed in reversed(self.processes):
            if managed.is_alive and managed.process is not None:
                managed.process.send_signal(signal.SIGTERM)
        await asyncio.gather(*(self._await_end(managed) for managed in self.processes))

    def _start(self, managed: Managed) -> None:
        log = self._logs / f"{managed.name}.log"
        if log.exists() and log.stat().st_size > _LOG_BYTES_MAX:
            log.replace(log.with_suffix(".log.1"))
        managed.process = start_child(managed.command, log=log, environment=self._environment, folder=self._folder)
        managed.started_at = time.monotonic()

    async def _watch(self) -> None:
        while True:
            now = time.monotonic()
            for managed in self.processes:
                if managed.is_alive:
                    if now - managed.started_at > _CALM_AFTER_S:
                        managed.delay_s = _FIRST_DELAY_S
                elif managed.due_at == 0.0:
                    managed.due_at = now + managed.delay_s
                    managed.delay_s = min(managed.delay_s * 2, _LONGEST_DELAY_S)
                elif now >= managed.due_at:
                    managed.due_at = 0.0
                    managed.restarts += 1
                    self._start(managed)
            await asyncio.sleep(_LOOK_EVERY_S)

    @staticmethod
    async def _await_end(managed: Managed) -> None:
        if managed.process is None:
            return
        deadline = time.monotonic() + _STOP_S
        while managed.process.poll() is None and time.monotonic() < deadline:
            await asyncio.sleep(_READY_EVERY_S)
        if managed.process.poll() is None:
            managed.process.kill()
            managed.process.wait()
