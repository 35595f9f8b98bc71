"""A service that runs alone, as a process of its own: for benchmarks, fault tests and tests of documents."""

import asyncio
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from services.stack.probing import readiness
from shared.embedded import end_child, free_port, start_child

__all__ = ["ServiceProcess"]

_READY_S: Final = 60.0


@dataclass
class ServiceProcess:
    """The process; starting what was killed works, on the same port."""

    service: str
    environment: Mapping[str, str]
    log: Path
    port: int = field(default_factory=free_port)
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        command = [sys.executable, "-m", "uvicorn", "--no-access-log", "--log-level", "warning", "--factory"]
        command += [f"services.{self.service}.app:create", "--port", str(self.port), "--timeout-keep-alive", "75"]
        self.process = start_child(command, log=self.log, environment=self.environment)

    def kill(self) -> None:
        """End it as `kill -9` does."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def stop(self) -> None:
        if self.process is not None:
            end_child(self.process)

    async def ready(self) -> None:
        """Wait until it serves; AssertionError when it does not come up."""
        deadline = time.monotonic() + _READY_S
        while await readiness(self.port) != "ready":
            assert time.monotonic() < deadline, self.log.read_text(encoding="utf-8", errors="replace")[-2000:]
            await asyncio.sleep(0.02)
