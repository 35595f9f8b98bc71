"""A whole house: servers, schemas and processes, from a data folder, with a beginning and an end."""

import asyncio
import os
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from services.stack.environment import given, house_environment
from services.stack.home import Home, project_root
from services.stack.supervisor import Supervisor, house_processes
from shared.embedded import EmbeddedPostgres, EmbeddedValkey

__all__ = ["House"]

Say = Callable[[str], None]


class House:
    """The running system.

    Args:
        home: its data folder.
        gateway_port: where its door is; the usual port, or any free one, by default.
        any_ports: take free ports for everything, so that several houses can stand side by side.
        say: told of each step.
        fsync: off only for houses that are thrown away.
    """

    def __init__(
        self,
        home: Home,
        *,
        gateway_port: int | None = None,
        any_ports: bool = False,
        say: Say = lambda _: None,
        extra_environment: dict[str, str] | None = None,
    ) -> None:
        self.home = home
        self._gateway_port = gateway_port
        self._any_ports = any_ports
        self._say = say
        self._extra = extra_environment or {}
        self.environment: dict[str, str] = {}
        self.ports: dict[str, int] = {}
        self.postgres: EmbeddedPostgres | None = None
        self.valkey: EmbeddedValkey | None = None
        self.supervisor: Supervisor | None = None
        self.ready_after_s = 0.0

    @property
    def url(self) -> str:
        """Where the gateway is."""
        return f"http://127.0.0.1:{self.ports['gateway']}"

    async def start(self) -> None:
        """Start everything and wait until it is ready."""
        began = time.monotonic()
        self.home.claim()
        outside = given()
        self.ports = self.home.ports(gateway=self._gateway_port, any_free=self._any_ports)
        owner_url = outside.get("LINLI_OWNER_DATABASE_URL") or await self._start_postgres()
        redis_url = outside.get("LINLI_REDIS_URL") or await self._start_valkey()
        self.environment = house_environment(
            {**outside, **self._extra}, self.home.secrets(), self.ports, owner_url=owner_url, redis_url=redis_url
        )
        self._say("migrating the four schemas")
        await self.run_python("-m", "services.stack.migrate")
        self._say("starting directory, intake, matching, ledger, worker, gateway")
        self.supervisor = Supervisor(
            house_processes(self.ports), environment=self.environment, logs=self.home.logs, folder=project_root()
        )
        self.supervisor.start()
        await self.supervisor.wait_ready()
        self.ready_after_s = time.monotonic() - began
        self.note_run()

    async def stop(self) -> None:
        """Stop everything, the servers last."""
        if self.supervisor is not None:
            await self.supervisor.stop()
        if self.valkey is not None:
            await asyncio.to_thread(self.valkey.stop)
        if self.postgres is not None:
            await asyncio.to_thread(self.postgres.stop)
        self.home.release()

    async def run_python(self, *arguments: str, environment: dict[str, str] | None = None) -> None:
        """Run a Python program of ours in the house's environment; raises with its last words when it fails."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *arguments,
            env=environment or self.environment,
            cwd=project_root(),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await process.communicate()
        if process.returncode != 0:
            message = f"{' '.join(arguments)} failed:\n{output.decode(errors='replace')[-4000:]}"
            raise RuntimeError(message)

    def note_run(self) -> None:
        """Write down what runs, for the other commands."""
        if self.supervisor is None:
            return
        running: dict[str, Any] = {
            "supervisor": os.getpid(),
            "url": self.url,
            "ports": self.ports,
            "ready_after_s": round(self.ready_after_s, 2),
            "environment": {name: value for name, value in self.environment.items() if name.startswith("LINLI_")},
        }
        self.home.write_run(running)

    def pids(self) -> dict[str, int]:
        """Return the processes that run, by name, the servers included."""
        found = {"supervisor": os.getpid()}
        managed = self.supervisor.processes if self.supervisor is not None else []
        found.update({item.name: item.process.pid for item in managed if item.process is not None and item.is_alive})
        for name, server in (("postgres", self.postgres), ("valkey", self.valkey)):
            if server is not None and server.process is not None and server.process.poll() is None:
                found[name] = server.process.pid
        return found

    async def _start_postgres(self) -> str:
        self._say("starting PostgreSQL")
        self.postgres = EmbeddedPostgres(self.home.folder / "postgres", port=self.ports["postgres"])
        return await asyncio.to_thread(self.postgres.start)

    async def _start_valkey(self) -> str:
        self._say("starting Valkey")
        self.valkey = EmbeddedValkey(self.home.folder / "valkey", port=self.ports["valkey"])
        return await asyncio.to_thread(self.valkey.start)


def tree_memory_bytes(pids: list[int]) -> tuple[int, str]:
    """Sum the memory of processes and all their descendants: PSS where the kernel tells it, else RSS.

    Returns:
        Bytes, and which of the two it is.
    """
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError, ValueError):
            fields = entry.read_text().rpartition(")")[2].split()
            children.setdefault(int(fields[1]), []).append(int(entry.parent.name))
    todo, seen = list(dict.fromkeys(pids)), set[int]()
    total, kind = 0, "PSS"
    while todo:
        pid = todo.pop()
        if pid in seen:
            continue
        seen.add(pid)
        todo.extend(children.get(pid, ()))
        try:
            rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
            total += next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:")) * 1024
        except (OSError, StopIteration):
            kind = "RSS"
            with suppress(OSError, ValueError, IndexError):
                total += int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096
    return total, kind
