"""Prepares the database and brings every schema to its newest version; safe to run twice, and at the same time."""

import asyncio
import os

from services.stack.environment import role_urls
from shared.contracts import SERVICES
from shared.db.migrations import prepare_database, upgrade_all

__all__ = ["migrate"]


async def migrate(owner_url: str, urls: dict[str, str]) -> None:
    """Create roles, schemas and extensions where they are missing, and run the four histories."""
    await prepare_database(owner_url, urls)
    await upgrade_all(owner_url, SERVICES)


if __name__ == "__main__":
    asyncio.run(migrate(os.environ["LINLI_OWNER_DATABASE_URL"], role_urls(os.environ)))
