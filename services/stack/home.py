"""The data folder of a house on one machine: secrets, ports, logs, and the lock that keeps it to one owner."""

import base64
import fcntl
import json
import os
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from shared.contracts import SERVICES
from shared.embedded import free_port

__all__ = ["Home", "HomeBusy", "PortTaken", "new_secrets", "project_root"]

_PORTS: Final = {
    "gateway": 8000,
    "directory": 8101,
    "intake": 8102,
    "matching": 8103,
    "ledger": 8104,
    "worker": 8105,
    "postgres": 8132,
    "valkey": 8179,
}


class HomeBusy(Exception):
    """Another process runs a house in this folder."""


class PortTaken(Exception):
    """Somebody else listens where the gateway was told to."""


def project_root() -> Path:
    """Find the folder that holds migrations/ and seeds/: the checkout, or the working directory (as in the image)."""
    checkout = Path(__file__).resolve().parents[2]
    return checkout if (checkout / "migrations").is_dir() else Path.cwd()


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _key() -> str:
    return _encode(secrets.token_bytes(32))


def new_secrets() -> dict[str, str]:
    """Make a fresh set of all secrets, by the name of the variable that carries each."""
    internal = Ed25519PrivateKey.generate()
    passwords = {f"LINLI_{name.upper()}_DATABASE_PASSWORD": _key() for name in ("owner", *SERVICES, "relay")}
    return {
        "LINLI_INTERNAL_PRIVATE_KEY": _encode(internal.private_bytes_raw()),
        "LINLI_INTERNAL_PUBLIC_KEY": _encode(internal.public_key().public_bytes_raw()),
        "LINLI_TOKEN_SIGNING_KEY": _key(),
        "LINLI_LEDGER_SIGNING_KEY": _key(),
        "LINLI_CURSOR_KEY": _key(),
        "LINLI_FIELD_KEYS": f"1:{_key()}",
        "LINLI_BLIND_INDEX_KEY": _key(),
        "LINLI_SEED_PASSWORD": _key(),
        "LINLI_REDIS_PASSWORD": _key(),
        **passwords,
    }


@dataclass
class Home:
    """One data folder."""

    folder: Path
    _lock: IO[str] | None = None

    @property
    def logs(self) -> Path:
        """Where the processes write."""
        return self.folder / "logs"

    @property
    def code_log(self) -> Path:
        """Where the directory shows one-time codes."""
        return self.logs / "directory.log"

    @property
    def clock_file(self) -> Path:
        """How far the house's clock was moved forward."""
        return self.folder / "clock"

    def move_clock(self, by_s: int) -> int:
        """Move the clock further forward; returns by how many seconds in all."""
        moved = self.clock_moved_s() + by_s
        unfinished = self.clock_file.with_name("clock.new")
        unfinished.write_text(str(moved), encoding="ascii")
        unfinished.replace(self.clock_file)
        return moved

    def clock_moved_s(self) -> int:
        """Return by how many seconds the clock was moved."""
        try:
            return int(self.clock_file.read_text(encoding="ascii"))
        except (OSError, ValueError):
            return 0

    @property
    def run_file(self) -> Path:
        """What runs, for `linli status` and friends; gone when nothing does."""
        return self.folder / "run.json"

    def claim(self) -> None:
        """Take the folder for this process; raises HomeBusy when another has it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.logs.mkdir(exist_ok=True)
        self._lock = (self.folder / "lock").open("a", encoding="ascii")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._lock.close()
            self._lock = None
            message = f"another house runs in {self.folder}"
            raise HomeBusy(message) from error

    def release(self) -> None:
        """Give the folder back, if we have it."""
        if self._lock is not None:
            self.run_file.unlink(missing_ok=True)
            self._lock.close()
            self._lock = None

    def secrets(self) -> dict[str, str]:
        """Return the folder's secrets, made at the first call and readable by their owner only."""
        path = self.folder / "secrets.json"
        if not path.exists():
            _write_private(path, new_secrets())
        kept: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
        # A folder of an earlier release gets what it does not know yet, and keeps what it has.
        missing = {name: value for name, value in new_secrets().items() if name not in kept}
        if missing:
            kept |= missing
            _write_private(path, kept)
        return kept

    def ports(self, *, gateway: int | None = None, any_free: bool = False) -> dict[str, int]:
        """Choose a port for everything: the last one, at first the usual one, unless somebody has it.

        Raises PortTaken when the gateway's port was asked for by number and is not free.
        """
        wanted = {**_PORTS, **self._last_ports(), **({"gateway": gateway} if gateway else {})}
        chosen: dict[str, int] = {}
        for name, preferred in wanted.items():
            is_asked_for = name == "gateway" and gateway is not None
            port = free_port(0 if any_free and not is_asked_for else preferred)
            if is_asked_for and port != gateway:
                message = f"port {gateway} is taken; without --port a free one is chosen"
                raise PortTaken(message)
            while port in chosen.values():
                port = free_port()
            chosen[name] = port
        _write_private(self.folder / "ports.json", chosen)
        return chosen

    def write_run(self, running: Mapping[str, Any]) -> None:
        """Note what runs."""
        _write_private(self.run_file, running)

    def read_run(self) -> dict[str, Any] | None:
        """Return what runs, if the process that noted it is alive."""
        try:
            running: dict[str, Any] = json.loads(self.run_file.read_text(encoding="utf-8"))
            os.kill(int(running["supervisor"]), 0)
        except (OSError, ValueError, KeyError):
            return None
        return running if self._is_claimed() else None

    def remove(self) -> None:
        """Delete everything; raises HomeBusy while a house runs here."""
        self.claim()
        shutil.rmtree(self.folder)
        self.release()

    def _is_claimed(self) -> bool:
        """Tell whether some process holds the lock; its number alone may belong to another program by now."""
        with (self.folder / "lock").open("a", encoding="ascii") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except OSError:
                return True
        return False

    def _last_ports(self) -> dict[str, int]:
        try:
            kept = json.loads((self.folder / "ports.json").read_text(encoding="utf-8"))
            return {name: int(kept[name]) for name in _PORTS if 0 < int(kept.get(name, 0)) < 1 << 16}
        except (OSError, ValueError, AttributeError, TypeError):
            return {}


def _write_private(path: Path, content: Mapping[str, Any]) -> None:
    """Write a file that only its owner can read, whole or not at all."""
    unfinished = path.with_name(path.name + ".new")
    unfinished.unlink(missing_ok=True)
    unfinished.touch(mode=0o600)
    unfinished.write_text(json.dumps(content, indent=1), encoding="utf-8")
    unfinished.replace(path)
