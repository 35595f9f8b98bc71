"""One PostgreSQL and one Valkey per test process, in its own temporary folder, with all histories migrated."""

import asyncio
import base64
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy.engine import make_url

from shared.auth import SigningKey, public_key_of, read_signing_key
from shared.db.migrations import prepare_database, upgrade_all
from shared.embedded import EmbeddedPostgres, EmbeddedValkey

__all__ = ["TestServers", "start_servers"]

_ROLES: Final = ("directory", "intake", "matching", "ledger", "relay")


def _secret() -> str:
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).rstrip(b"=").decode()


@dataclass(frozen=True)
class TestServers:
    """Where the servers of this test process are, and the keys that its services are given."""

    __test__ = False

    postgres: EmbeddedPostgres
    valkey: EmbeddedValkey
    owner_url: str
    redis_url: str
    internal_seed: str
    token_seed: str
    environment: dict[str, str]

    @property
    def internal_key(self) -> SigningKey:
        """What the gateway signs with."""
        return read_signing_key(self.internal_seed)

    def role_url(self, role: str) -> str:
        """The address that a service, or `relay`, connects with."""
        return self.environment[f"LINLI_{role.upper()}_DATABASE_URL"]


@contextmanager
def start_servers(folder: Path, services: Sequence[str], *, fsync: bool = False) -> Iterator[TestServers]:
    """Start both servers in a folder, migrate the services' schemas, and stop everything at the end."""
    postgres = EmbeddedPostgres(folder / "postgres", fsync=fsync)
    valkey = EmbeddedValkey(folder / "valkey")
    owner_url = postgres.start()
    try:
        redis_url = valkey.start()
        internal_seed, token_seed = _secret(), _secret()
        role_urls = {
            role: make_url(owner_url)
            .set(username=f"linli_{role}", password=_secret())
            .render_as_string(hide_password=False)
            for role in _ROLES
        }
        environment = {f"LINLI_{role.upper()}_DATABASE_URL": url for role, url in role_urls.items()} | {
            "LINLI_OWNER_DATABASE_URL": owner_url,
            "LINLI_REDIS_URL": redis_url,
            "LINLI_INTERNAL_PRIVATE_KEY": internal_seed,
            "LINLI_INTERNAL_PUBLIC_KEY": public_key_of(internal_seed),
            "LINLI_TOKEN_SIGNING_KEY": token_seed,
            "LINLI_LEDGER_SIGNING_KEY": _secret(),
            "LINLI_CURSOR_KEY": _secret(),
            "LINLI_FIELD_KEYS": f"1:{_secret()}",
            "LINLI_BLIND_INDEX_KEY": _secret(),
            "LINLI_EMBEDDED": "1",
            "LINLI_WEBHOOKS_ALLOW_LOOPBACK": "1",
            "LINLI_LOG_LEVEL": "error",
            # A busy machine lets fifty callers wait longer for ten connections than a client should have to.
            "LINLI_DB_POOL_TIMEOUT_S": "30",
        }
        asyncio.run(_migrate(owner_url, role_urls, services))
        yield TestServers(postgres, valkey, owner_url, redis_url, internal_seed, token_seed, environment)
    finally:
        valkey.stop()
        postgres.stop()


async def _migrate(owner_url: str, role_urls: dict[str, str], services: Sequence[str]) -> None:
    await prepare_database(owner_url, role_urls)
    await upgrade_all(owner_url, services)
