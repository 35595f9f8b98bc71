"""The data folder of a house on one machine: its secrets, its ports, its logs, and the lock that keeps it to one
owner.
"""

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

from shared.auth import public_key_of
from shared.contracts import SERVICES
from shared.embedded import free_port

__all__ = ["Home", "HomeBusy", "new_secrets", "project_root"]

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


def project_root() -> Path:
    """Find the folder that holds migrations/ and seeds/: the checkout, or the working directory (as in the image)."""
    checkout = Path(__file__).resolve().parents[2]
    return checkout if (checkout / "migrations").is_dir() else Path.cwd()


def _key() -> str:
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).rstrip(b"=").decode()


def new_secrets() -> dict[str, str]:
    """Make a fresh set of all secrets, by the name of the variable that carries each."""
    internal = _key()
    passwords = {f"LINLI_{name.upper()}_DATABASE_PASSWORD": _key() for name in (*SERVICES, "relay")}
    return {
        "LINLI_INTERNAL_PRIVATE_KEY": internal,
        "LINLI_INTERNAL_PUBLIC_KEY": public_key_of(internal),
        "LINLI_TOKEN_SIGNING_KEY": _key(),
        "LINLI_CURSOR_KEY": _key(),
        "LINLI_FIELD_KEYS": f"1:{_key()}",
        "LINLI_BLIND_INDEX_KEY": _key(),
        "LINLI_SEED_PASSWORD": _key(),
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
            message = f"another house runs in {self.folder}"
            raise HomeBusy(message) from error

    def release(self) -> None:
        """Give the folder back."""
        self.run_file.unlink(missing_ok=True)
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def secrets(self) -> dict[str, str]:
        """Return the folder's secrets, made at the first call and readable by their owner only."""
        path = self.folder / "secrets.json"
        if not path.exists():
            path.touch(mode=0o600)
            path.write_text(json.dumps(new_secrets(), indent=1), encoding="utf-8")
        kept: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
        return kept

    def ports(self, *, gateway: int | None = None, any_free: bool = False) -> dict[str, int]:
        """Choose a port for everything: the usual one unless somebody has it."""
        wanted = {**_PORTS, **({"gateway": gateway} if gateway else {})}
        chosen: dict[str, int] = {}
        for name, preferred in wanted.items():
            port = free_port(0 if any_free and not (name == "gateway" and gateway) else preferred)
            while port in chosen.values():
                port = free_port()
            chosen[name] = port
        return chosen

    def write_run(self, running: Mapping[str, Any]) -> None:
        """Note what runs."""
        self.run_file.touch(mode=0o600)
        self.run_file.write_text(json.dumps(running, indent=1), encoding="utf-8")

    def read_run(self) -> dict[str, Any] | None:
        """Return what runs, if the process that noted it is alive."""
        try:
            running: dict[str, Any] = json.loads(self.run_file.read_text(encoding="utf-8"))
            os.kill(int(running["supervisor"]), 0)
        except (OSError, ValueError, KeyError):
            return None
        return running

    def remove(self) -> None:
        """Delete everything; raises HomeBusy while a house runs here."""
        self.claim()
        self.release()
        shutil.rmtree(self.folder)
