"""From a data folder, ports and what is given outside to the environment that every process of the house gets."""

import os
from collections.abc import Mapping
from urllib.parse import quote, urlsplit

from shared.contracts import SERVICES

__all__ = ["given", "house_environment", "needs_postgres", "needs_valkey", "role_urls"]


def given() -> dict[str, str]:
    """Return the LINLI_* variables of our own environment."""
    return {name: value for name, value in os.environ.items() if name.startswith("LINLI_")}


def needs_postgres(outside: Mapping[str, str]) -> bool:
    """Tell whether the house has to bring its own PostgreSQL."""
    return "LINLI_OWNER_DATABASE_URL" not in outside


def needs_valkey(outside: Mapping[str, str]) -> bool:
    """Tell whether the house has to bring its own Valkey."""
    return "LINLI_REDIS_URL" not in outside


def role_urls(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the address that each service, and the relay, connects with."""
    return {name: environment[f"LINLI_{name.upper()}_DATABASE_URL"] for name in (*SERVICES, "relay")}


def house_environment(
    outside: Mapping[str, str], secrets: Mapping[str, str], ports: Mapping[str, int], *, owner_url: str, redis_url: str
) -> dict[str, str]:
    """Return the whole environment of the house's processes; what is given outside wins over what we would choose.

    Args:
        outside: the LINLI_* variables that somebody has set.
        secrets: of the data folder.
        ports: where everything listens, on the loopback address.
        owner_url: of the database's owner.
        redis_url: of Redis or Valkey.
    """
    place = urlsplit(owner_url)
    database = f"{place.hostname}:{place.port or 5432}{place.path}"
    urls = {
        f"LINLI_{name.upper()}_DATABASE_URL": (
            f"postgresql://linli_{name}:{quote(secrets[f'LINLI_{name.upper()}_DATABASE_PASSWORD'])}@{database}"
        )
        for name in (*SERVICES, "relay")
    }
    upstreams = {f"LINLI_{name.upper()}_URL": f"http://127.0.0.1:{ports[name]}" for name in SERVICES}
    system = {name: value for name, value in os.environ.items() if not name.startswith("LINLI_")}
    return {
        **system,
        **secrets,
        **urls,
        **upstreams,
        "LINLI_OWNER_DATABASE_URL": owner_url,
        "LINLI_REDIS_URL": redis_url,
        "LINLI_EMBEDDED": "1",
        "LINLI_WORKER_PORT": str(ports["worker"]),
        "PYTHONUNBUFFERED": "1",
        **outside,
    }
