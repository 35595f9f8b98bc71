"""From a data folder, ports and what is given outside to the environment that every process of the house gets."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.parse import quote, urlsplit

from shared.contracts import SERVICES

__all__ = ["GivenTooLittle", "check_given", "database_place", "given", "house_environment", "role_urls"]

# Six processes start at the same time: what one has compiled, the next start need not compile again.
_NOT_FOR_CHILDREN: Final = frozenset({"PYTHONDONTWRITEBYTECODE"})
# Without these glibc keeps what a burst has needed (a sign-in by password takes 19 MiB for a moment). With less, the
# matching would give back with every need what the next one asks for again: that is a third of its time.
_FRUGAL: Final = {"MALLOC_ARENA_MAX": "2", "MALLOC_MMAP_THRESHOLD_": "2097152", "MALLOC_TRIM_THRESHOLD_": "4194304"}


class GivenTooLittle(Exception):
    """Variables that belong together are only partly set."""


def given() -> dict[str, str]:
    """Return the LINLI_* variables of our own environment; empty ones count as absent."""
    return {name: value for name, value in os.environ.items() if name.startswith("LINLI_") and value}


def role_urls(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the address that each service, and the relay, connects with; GivenTooLittle names what is missing."""
    names = {name: f"LINLI_{name.upper()}_DATABASE_URL" for name in (*SERVICES, "relay")}
    missing = [variable for variable in names.values() if not environment.get(variable)]
    if missing:
        message = f"not set: {', '.join(missing)}"
        raise GivenTooLittle(message)
    return {name: environment[variable] for name, variable in names.items()}


def database_place(owner_url: str) -> str:
    """Return `host:port/database` of an address, without who and without the password."""
    parts = urlsplit(owner_url)
    return parts.netloc.rpartition("@")[2] + parts.path + (f"?{parts.query}" if parts.query else "")


def house_environment(
    outside: Mapping[str, str],
    secrets: Mapping[str, str],
    ports: Mapping[str, int],
    *,
    database: str,
    redis_url: str,
    clock_file: Path,
) -> dict[str, str]:
    """Return the environment of the house's processes; what is given outside wins over what we would choose.

    Args:
        outside: the LINLI_* variables that somebody has set.
        secrets: of the data folder.
        ports: where everything listens, on the loopback address.
        database: `host:port/database`.
        redis_url: of Redis or Valkey.
        clock_file: by which the house's clock can be moved.
    """
    urls = {
        f"LINLI_{name.upper()}_DATABASE_URL": (
            f"postgresql://linli_{name}:{quote(secrets[f'LINLI_{name.upper()}_DATABASE_PASSWORD'])}@{database}"
        )
        for name in (*SERVICES, "relay")
    }
    upstreams = {f"LINLI_{name.upper()}_URL": f"http://127.0.0.1:{ports[name]}" for name in SERVICES}
    system = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("LINLI_") and name not in _NOT_FOR_CHILDREN
    }
    return {
        **_FRUGAL,
        **system,
        **secrets,
        **urls,
        **upstreams,
        "LINLI_REDIS_URL": redis_url,
        "LINLI_EMBEDDED": "1",
        # Whoever tries out webhooks at home receives them at home.
        "LINLI_WEBHOOKS_ALLOW_LOOPBACK": "1",
        "LINLI_CLOCK_FILE": str(clock_file),
        # One machine: every connection is a server process of some megabytes.
        "LINLI_DB_POOL_SIZE": "5",
        "LINLI_WORKER_POOL_SIZE": "2",
        "LINLI_RELAY_POOL_SIZE": "4",
        "LINLI_WORKER_PORT": str(ports["worker"]),
        "PYTHONUNBUFFERED": "1",
        # Only the migrations are the owner's business.
        **{name: value for name, value in outside.items() if name != "LINLI_OWNER_DATABASE_URL"},
    }


def check_given(outside: Mapping[str, str]) -> None:
    """Refuse service addresses without the owner's: half a database of ours and half of somebody's serves nobody."""
    services = [name for name in outside if name.endswith("_DATABASE_URL") and name != "LINLI_OWNER_DATABASE_URL"]
    if services and "LINLI_OWNER_DATABASE_URL" not in outside:
        message = f"{', '.join(services)} set, but not LINLI_OWNER_DATABASE_URL, which the migrations need"
        raise GivenTooLittle(message)
    half = {"LINLI_INTERNAL_PRIVATE_KEY", "LINLI_INTERNAL_PUBLIC_KEY"} & outside.keys()
    if len(half) == 1:
        message = "LINLI_INTERNAL_PRIVATE_KEY and LINLI_INTERNAL_PUBLIC_KEY are a pair: set both or none"
        raise GivenTooLittle(message)
