"""Two types of session, so that a signature tells whether a function may write."""

from collections.abc import Callable
from typing import Any

import asyncpg
from sqlalchemy.ext.asyncio import AsyncSession

__all__ = ["ReadSession", "Session", "WriteSession"]


class ReadSession(AsyncSession):
    """One read-only transaction of one tenant. Nobody commits it: `Database.read` ends it."""

    tenant: str = ""


class WriteSession(ReadSession):
    """One transaction of one tenant. Nobody commits it but `Database.write`, when the block ends without an error."""

    def after_commit(self, callback: Callable[[], None]) -> None:
        """Run a quick callback once the commit has succeeded (ring a bell, wake a waiter); never when it has not."""
        self.info.setdefault("after_commit", []).append(callback)

    async def fetch_row(self, statement: str, *arguments: Any) -> asyncpg.Record | None:  # noqa: ANN401
        """Run a statement in the driver's own form ($1, $2, …): for SQL that is shared with `Database.one_trip`."""
        raw = await (await self.connection()).get_raw_connection()
        if raw.driver_connection is None:
            message = "the session has no driver connection"
            raise RuntimeError(message)
        row: asyncpg.Record | None = await raw.driver_connection.fetchrow(statement, *arguments)
        return row


# What a repository takes that only reads: both kinds do.
Session = ReadSession
