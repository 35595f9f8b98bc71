"""Prepares the database and brings every schema to its newest version; safe to run twice, and at the same time.

A program of its own, so that the supervisor, which lives as long as the house, does not carry Alembic and SQLAlchemy.
"""

import asyncio
import os
import sys
import time
from typing import Final

import asyncpg
from sqlalchemy.engine import make_url

from services.stack.environment import GivenTooLittle, role_urls
from shared.contracts import SERVICES
from shared.db.migrations import prepare_database, upgrade_all

__all__ = ["migrate"]

_PATIENCE_S: Final = 30.0
_AGAIN_S: Final = 0.2


async def migrate(owner_url: str, urls: dict[str, str]) -> None:
    """Create roles, schemas and extensions where they are missing, and run the four histories."""
    await _await_database(owner_url)
    await prepare_database(owner_url, urls)
    await upgrade_all(owner_url, SERVICES)


async def _await_database(owner_url: str) -> None:
    """Wait until the server takes connections; whatever else is wrong is raised at once."""
    dsn = make_url(owner_url).set(drivername="postgresql").render_as_string(hide_password=False)
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        try:
            connection = await asyncpg.connect(dsn, timeout=5)
        except (OSError, TimeoutError, asyncpg.CannotConnectNowError):
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(_AGAIN_S)
        else:
            await connection.close()
            return


def main() -> int:
    """Migrate what LINLI_OWNER_DATABASE_URL names; 2 when something is not set."""
    owner_url = os.environ.get("LINLI_OWNER_DATABASE_URL", "")
    try:
        if not owner_url:
            message = "not set: LINLI_OWNER_DATABASE_URL"
            raise GivenTooLittle(message)  # noqa: TRY301 - the same answer as below
        urls = role_urls(os.environ)
    except GivenTooLittle as problem:
        sys.stderr.write(f"{problem}\n")
        return 2
    asyncio.run(migrate(owner_url, urls))
    return 0


if __name__ == "__main__":
    sys.exit(main())
