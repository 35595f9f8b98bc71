"""A whole house: servers, schemas and processes, from a data folder, with a beginning and an end."""

import asyncio
import compileall
import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from services.stack.environment import check_given, database_place, given, house_environment
from services.stack.forking import ForkServer, can_fork
from services.stack.home import Home, project_root
from services.stack.parts import Program, Server, program_modules, programs
from services.stack.supervisor import Supervisor
from shared.embedded import EmbeddedPostgres, EmbeddedValkey, free_port, launched, start_child

__all__ = ["House", "run_python"]

Say = Callable[[str], None]
_OWNER: Final = "LINLI_OWNER_DATABASE_URL"


class House:
    """The running system.

    Args:
        home: its data folder.
        gateway_port: where its door is; the usual port, or any free one, by default.
        any_ports: take free ports for everything, so that several houses can stand side by side.
        say: told of each step.
        outside: what is given instead of made; the LINLI_* variables of our own environment by default.
        extra_environment: further variables for the processes.
        workers: how many worker processes.
        began: from when the time until it is ready counts, by the monotonic clock; from `start` by default.
    """

    def __init__(
        self,
        home: Home,
        *,
        gateway_port: int | None = None,
        any_ports: bool = False,
        say: Say = lambda _: None,
        outside: Mapping[str, str] | None = None,
        extra_environment: Mapping[str, str] | None = None,
        began: float | None = None,
        workers: int = 1,
    ) -> None:
        self.home = home
        self._gateway_port = gateway_port
        self._any_ports = any_ports
        self._say = say
        self._outside = dict(given() if outside is None else outside)
        self._extra = dict(extra_environment or {})
        self._began = began
        self._workers = workers
        self.environment: dict[str, str] = {}
        self.ports: dict[str, int] = {}
        self.postgres: EmbeddedPostgres | None = None
        self.valkey: EmbeddedValkey | None = None
        self.supervisor = Supervisor(self.note_run)
        self._fork_server: ForkServer | None = None
        self.ready_after_s = 0.0

    @property
    def url(self) -> str:
        """Where the gateway is."""
        return f"http://127.0.0.1:{self.ports['gateway']}"

    async def start(self) -> None:
        """Start everything and wait until it is ready."""
        began = time.monotonic() if self._began is None else self._began
        check_given(self._outside)
        self.home.claim()
        self.ports = self.home.ports(gateway=self._gateway_port, any_free=self._any_ports)
        self.ports |= {f"worker-{number}": free_port() for number in range(2, self._workers + 1)}
        # Several processes are about to import the same modules: compiled once, they start in half the time.
        await asyncio.to_thread(_compile)
        await self._start_parts(self._servers())
        self.ready_after_s = time.monotonic() - began
        self.note_run()

    async def stop(self) -> None:
        """Stop everything, the servers last, and give the folder back."""
        await self.supervisor.stop()
        if self._fork_server is not None:
            await asyncio.to_thread(self._fork_server.stop)
        self.home.release()

    async def replace_all(self) -> None:
        """Replace our own programs by their code as it is now, one after the other, the door last; the servers stay."""
        if self._fork_server is not None:
            await asyncio.to_thread(self._fork_server.renew)
        for life in sorted(self.supervisor.lives, key=lambda life: life.part.floor):
            if isinstance(life.part, Program):
                await self.supervisor.replace(life.part.name)

    def pids(self) -> dict[str, int]:
        """Return the processes that run, by name, the servers included."""
        running = {life.part.name: life.part.pid for life in self.supervisor.lives}
        return {"supervisor": os.getpid(), **{name: pid for name, pid in running.items() if pid is not None}}

    def note_run(self) -> None:
        """Write down what runs, for the other commands."""
        if not self.ready_after_s:
            return
        parts = {
            life.part.name: {
                "pid": life.part.pid,
                "port": life.part.port,
                "started_at": life.started_at,
                "restarts": life.starts - 1,
                "answers": isinstance(life.part, Program),
            }
            for life in self.supervisor.lives
        }
        running: dict[str, Any] = {
            "supervisor": os.getpid(),
            "url": self.url,
            "ready_after_s": round(self.ready_after_s, 2),
            "parts": parts,
            "environment": {name: value for name, value in self.environment.items() if name.startswith("LINLI_")},
        }
        self.home.write_run(running)

    def _servers(self) -> list[Server]:
        """Return the servers that nobody has given us, and know from now on where everything is."""
        servers = []
        owner_url, redis_url = self._outside.get(_OWNER), self._outside.get("LINLI_REDIS_URL")
        if redis_url is None:
            self.valkey = EmbeddedValkey(self.home.folder / "valkey", port=self.ports["valkey"])
            redis_url = self.valkey.url
            servers.append(Server("valkey", self.valkey, self.home.folder / "valkey" / "valkey.log"))
        if owner_url is None:
            self.postgres = EmbeddedPostgres(self.home.folder / "postgres", port=self.ports["postgres"])
            servers.append(Server("postgres", self.postgres, self.home.folder / "postgres.log"))
        database = self.postgres.place if self.postgres is not None else database_place(owner_url or "")
        outside = {**self._outside, **self._extra}
        self.environment = house_environment(
            outside,
            self.home.secrets(),
            self.ports,
            database=database,
            redis_url=redis_url,
            clock_file=self.home.clock_file,
        )
        return servers

    async def _start_parts(self, servers: list[Server]) -> None:
        """Start the servers and, at the same time, what serves requests; migrate; then start the worker.

        Programs take longer to be imported than servers to be started, so the migrations need not wait for them.
        """
        if can_fork():
            log = self.home.logs / "forkserver.log"
            self._fork_server = ForkServer(
                program_modules(), log=log, environment=self.environment, folder=project_root()
            )
        parts = programs(
            self.ports,
            environment=self.environment,
            logs=self.home.logs,
            folder=project_root(),
            workers=self._workers,
            spawn=self._fork_server.spawn if self._fork_server is not None else start_child,
        )
        doors: list[Program] = [part for part in parts if part.has_door]
        self._say("starting " + ", ".join([*(part.name for part in servers), *(part.name for part in doors)]))
        serving = asyncio.ensure_future(self.supervisor.start(*doors))
        try:
            await self.supervisor.start(*servers)
            owner_url = self._outside.get(_OWNER) or (self.postgres.url if self.postgres is not None else "")
            self.environment = {**self.environment, _OWNER: owner_url}
            self._say("migrating the four schemas")
            await run_python("-m", "services.stack.migrate", environment=self.environment)
        finally:
            await asyncio.gather(serving, return_exceptions=True)
        await serving
        self._say("starting the worker, and waiting until all are ready")
        await self.supervisor.start(*(part for part in parts if not part.has_door))
        await self.supervisor.wait_ready([part.name for part in parts])


async def run_python(*arguments: str, environment: Mapping[str, str]) -> str:
    """Run a Python program of ours and return what it prints; raises with its last words when it fails."""
    process = await asyncio.create_subprocess_exec(
        *launched([sys.executable, *arguments]),
        env=dict(environment),
        cwd=project_root(),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    try:
        output, errors = await process.communicate()
    except asyncio.CancelledError:
        process.terminate()
        await process.wait()
        raise
    if process.returncode != 0:
        message = f"{' '.join(arguments[:2])} failed:\n{errors.decode(errors='replace')[-4000:]}"
        raise RuntimeError(message)
    return output.decode()


def _compile() -> None:
    """Compile our own packages; where that cannot be written, every process does it for itself."""
    for package in ("services", "shared"):
        compileall.compile_dir(Path(__file__).resolve().parents[2] / package, quiet=2)
