"""One service's way to PostgreSQL: a bounded pool and transactions that are always some tenant's.

SQLAlchemy is kept in AUTOCOMMIT and the transaction is begun and ended here on the driver's connection. So BEGIN and
SET LOCAL travel in one message, and there is exactly one place in the system that says COMMIT.
"""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Any, TypeVar

import asyncpg
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool

from shared.db.failpoints import reach
from shared.db.session import ReadSession, WriteSession
from shared.db.tenants import begin_statement

__all__ = ["Database", "StatelessConnection"]

S = TypeVar("S", bound=ReadSession)

_CONNECT_TIMEOUT_S = 3.0
# PostgreSQL ends a statement by itself; this is for when it does not even say so, on a connection that is half open.
_SILENCE_S = 2.0


class StatelessConnection(asyncpg.Connection):  # type: ignore[misc]
    """A driver connection that needs no reset between uses: whoever takes it leaves no state behind a COMMIT."""

    def get_reset_query(self) -> str:
        """Save the round trip of RESET ALL."""
        return ""


class Database:
    """The pools of one service on its schema.

    Args:
        url: `postgresql://user:password@host:port/name` of the service's own role.
        schema: the service's schema, where its outbox is.
        pool_size: how many connections at the most; callers beyond wait `pool_timeout_s` and then get a 503.
        application_name: shown in pg_stat_activity.
        statement_timeout_ms: PostgreSQL ends a statement that runs longer.
        on_commit: called after each commit of a writing transaction that published something.
    """

    def __init__(
        self,
        url: str,
        *,
        schema: str = "",
        pool_size: int = 10,
        application_name: str = "linli",
        pool_timeout_s: float = 2.0,
        statement_timeout_ms: int = 15_000,
        on_commit: Callable[[], None] | None = None,
    ) -> None:
        self.on_commit = on_commit
        self.schema = schema
        self._url = make_url(url).set(drivername="postgresql")
        self._pool_size = pool_size
        self._pool_timeout_s = pool_timeout_s
        self._command_timeout_s = statement_timeout_ms / 1000 + _SILENCE_S
        self.application_name = application_name
        self._server_settings = {
            "application_name": application_name,
            "statement_timeout": str(statement_timeout_ms),
            "idle_in_transaction_session_timeout": str(max(statement_timeout_ms, 10_000)),
            # Requests are short and many: what PostgreSQL would do to hurry a single one takes longer than it does.
            "jit": "off",
            "max_parallel_workers_per_gather": "0",
        }
        self.engine: AsyncEngine = create_async_engine(
            self._url.set(drivername="postgresql+asyncpg"),
            isolation_level="AUTOCOMMIT",
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=pool_timeout_s,
            pool_reset_on_return=None,
            connect_args={
                "timeout": _CONNECT_TIMEOUT_S,
                "command_timeout": self._command_timeout_s,
                "server_settings": self._server_settings,
            },
        )
        self._hot: asyncpg.Pool[asyncpg.Record] | None = None
        self._hot_lock = asyncio.Lock()

    def read(self, tenant: str) -> AbstractAsyncContextManager[ReadSession]:
        """Open a read-only transaction of a tenant."""
        return _Transaction(self, tenant, ReadSession)

    def write(self, tenant: str) -> AbstractAsyncContextManager[WriteSession]:
        """Open a transaction of a tenant: committed when the block ends, rolled back when it raises."""
        return _Transaction(self, tenant, WriteSession)

    async def one_trip(self, tenant: str, statement: str, *arguments: Any) -> asyncpg.Record | None:  # noqa: ANN401
        """Run one statement as one fsynced transaction of a tenant, beside SQLAlchemy: for the hottest writes.

        Returns:
            The first row that the statement returned, after COMMIT.
        """
        pool = await self._hot_pool()
        async with pool.acquire(timeout=self._pool_timeout_s) as connection:
            await connection.execute(begin_statement(tenant))
            try:
                row = await connection.fetchrow(statement, *arguments)
                await _commit(connection, self.application_name)
            except BaseException:
                await _abandon(connection)
                raise
        if self.on_commit is not None:
            self.on_commit()
        return row

    def pool_use(self) -> dict[str, tuple[int, int]]:
        """Return for the ordinary and the hot pool how many connections are busy, and how many idle."""
        pool = self.engine.pool
        ordinary = (pool.checkedout(), pool.checkedin()) if isinstance(pool, AsyncAdaptedQueuePool) else (0, 0)
        hot = (self._hot.get_size() - self._hot.get_idle_size(), self._hot.get_idle_size()) if self._hot else (0, 0)
        return {"ordinary": ordinary, "hot": hot}

    async def ping(self) -> None:
        """Raise when the database does not answer."""
        async with self.engine.connect() as connection:
            await connection.execute(text("SELECT 1"))

    async def close(self) -> None:
        """Close all connections."""
        if self._hot is not None:
            await self._hot.close()
        await self.engine.dispose()

    async def _hot_pool(self) -> "asyncpg.Pool[asyncpg.Record]":
        async with self._hot_lock:
            if self._hot is None:
                self._hot = await asyncpg.create_pool(
                    self._url.render_as_string(hide_password=False),
                    min_size=1,
                    max_size=self._pool_size,
                    connection_class=StatelessConnection,
                    timeout=_CONNECT_TIMEOUT_S,
                    command_timeout=self._command_timeout_s,
                    server_settings=self._server_settings,
                )
            return self._hot


class _Transaction(AbstractAsyncContextManager[S]):
    """One transaction of one tenant with its session. A class, since a generator for each layer costs every request."""

    def __init__(self, database: Database, tenant: str, kind: type[S]) -> None:
        self._database = database
        self._tenant = tenant
        self._kind = kind
        self._driver: asyncpg.Connection | None = None
        self._session: S | None = None

    async def __aenter__(self) -> S:
        writes = issubclass(self._kind, WriteSession)
        self._connection = await self._database.engine.connect()
        try:
            driver = self._driver = await _driver_of(self._connection)
            await driver.execute(begin_statement(self._tenant, read_only=not writes))
            session = self._kind(bind=self._connection, expire_on_commit=False, autoflush=writes)
        except BaseException:
            await self._undo()
            raise
        session.tenant = self._tenant
        session.driver = driver
        session.info["schema"] = self._database.schema
        self._session = session
        return session

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        session = self._session
        if error is not None or session is None:
            await self._undo()
            return
        try:
            if isinstance(session, WriteSession):
                await session.flush()
            await _let_go(session)
            await _commit(self._driver, self._database.application_name)
        except BaseException:
            await self._undo()
            raise
        await self._connection.close()
        for callback in session.info.get("after_commit", ()):
            callback()
        if session.info.get("published") and self._database.on_commit is not None:
            self._database.on_commit()

    async def _undo(self) -> None:
        """Roll back, and give the connection back if it is still good for anything."""
        try:
            if self._session is not None:
                await _let_go(self._session)
        finally:
            try:
                if self._driver is None or not await _abandon(self._driver):
                    await self._connection.invalidate()
            finally:
                # Whatever else is cut short, the pool gets its place back.
                await asyncio.shield(self._connection.close())


async def _driver_of(connection: AsyncConnection) -> asyncpg.Connection:
    driver = (await connection.get_raw_connection()).driver_connection
    if driver is None:
        message = "the pool gave a connection without a driver connection"
        raise RuntimeError(message)
    return driver


async def _let_go(session: ReadSession) -> None:
    """Let go of the session's objects without a word to the database: the transaction is not the session's."""
    if session.sync_session.in_nested_transaction():
        # But for a savepoint that somebody has left open.
        await session.close()
    else:
        session.sync_session.close()


async def _commit(connection: Any, who: str) -> None:  # noqa: ANN401 - asyncpg's connection or its pool proxy
    """Commit, and believe only PostgreSQL's own word: COMMIT of a failed transaction answers ROLLBACK without an
    error.
    """
    reach(f"{who}.before_commit")
    if await connection.execute("COMMIT") != "COMMIT":
        message = "the transaction had failed before COMMIT and was rolled back"
        raise RuntimeError(message)
    reach(f"{who}.after_commit")


async def _abandon(connection: Any) -> bool:  # noqa: ANN401 - asyncpg's connection or its pool proxy
    """Roll back; close the connection when even that fails. Returns whether the connection can be used again.

    A rollback that is cut short by a cancellation would go on behind the back of whoever gets the connection next.
    """
    if connection.is_closed():
        return False
    try:
        await asyncio.shield(connection.execute("ROLLBACK", timeout=2.0))
    except BaseException:  # noqa: BLE001 - whatever it was, the connection is not to be trusted any more
        connection.terminate()
        return False
    return True
