"""Two types of session, so that a signature tells whether a function may write."""

from collections.abc import Callable, Sequence
from typing import Any

import asyncpg
from sqlalchemy.ext.asyncio import AsyncSession

__all__ = ["ReadSession", "Session", "WriteSession"]


class ReadSession(AsyncSession):
    """One read-only transaction of one tenant. Nobody commits it: `Database.read` ends it."""

    tenant: str = ""
    driver: Any = None
    """The driver's connection; whoever asks it itself sees no change that is not flushed."""

    async def fetch_row(self, statement: str, *arguments: Any) -> asyncpg.Record | None:  # noqa: ANN401
        """Run a statement in the driver's own form ($1, $2, …): for SQL that is shared with `Database.one_trip`."""
        row: asyncpg.Record | None = await (await self._ready()).fetchrow(statement, *arguments)
        return row

    async def fetch_rows(self, statement: str, *arguments: Any) -> list[asyncpg.Record]:  # noqa: ANN401
        """Run a statement in the driver's own form and return all its rows: for the hottest paths.

        What the session has not flushed yet, the statement does not see.
        """
        rows: list[asyncpg.Record] = await (await self._ready()).fetch(statement, *arguments)
        return rows

    async def plan_once(self) -> None:
        """Let PostgreSQL keep the plans of this transaction's statements: where they are the same for all values."""
        await self.driver.execute("SET LOCAL plan_cache_mode = force_generic_plan")

    async def _ready(self) -> Any:  # noqa: ANN401 - asyncpg's connection
        """Return the driver's connection, on which this transaction was begun."""
        if self.sync_session.in_nested_transaction():
            # A savepoint is set when the session first needs its connection, and not before.
            await self.connection()
        return self.driver


class WriteSession(ReadSession):
    """One transaction of one tenant. Nobody commits it but `Database.write`, when the block ends without an error."""

    async def flush(self, objects: Sequence[Any] | None = None) -> None:
        """Write what has changed; when nothing has, without the detour that SQLAlchemy takes to find that out."""
        inner = self.sync_session
        if inner.new or inner.deleted or inner.identity_map.check_modified():
            await super().flush(objects)

    def after_commit(self, callback: Callable[[], None]) -> None:
        """Run a quick callback once the commit has succeeded (ring a bell, wake a waiter); never when it has not."""
        self.info.setdefault("after_commit", []).append(callback)


# What a repository takes that only reads: both kinds do.
Session = ReadSession
