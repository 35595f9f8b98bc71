"""The tables are what the models say, show nothing to nobody, and cannot be made to promise too much."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from shared.db.migrations import alembic_config
from shared.testing import TestServers
from tests.matching.conftest import Quarter


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[AsyncConnection]:
    """Connect past the kernel, statement by statement."""
    engine = create_async_engine(
        make_url(url).set(drivername="postgresql+asyncpg"), poolclass=NullPool, isolation_level="AUTOCOMMIT"
    )
    async with engine.connect() as connection:
        yield connection
    await engine.dispose()


def _check(connection: Connection) -> None:
    config = alembic_config("matching")
    config.attributes["connection"] = connection
    command.check(config)


async def test_models_and_migrations_agree(servers: TestServers) -> None:
    async with connected(servers.owner_url) as connection:
        await connection.run_sync(_check)
    assert len(ScriptDirectory.from_config(alembic_config("matching")).get_heads()) == 1


async def test_without_a_tenant_every_table_is_empty(servers: TestServers, quarter: Quarter) -> None:
    match = await quarter.match()
    await quarter.made(f"/v1/matches/{match['id']}/accept", {"milestones": [{"title": "x"}]}, version=1)
    async with connected(servers.role_url("matching")) as connection:
        found = await connection.execute(
            text("SELECT tablename FROM pg_tables WHERE schemaname = 'matching' AND tablename <> 'alembic_version'")
        )
        tables = set(found.scalars())
        filled = {"partners", "offers", "needs", "matches", "projects", "milestones", "project_needs", "project_steps"}
        assert filled <= tables
        for setting in (None, "", "d"):
            if setting is not None:
                await connection.execute(text(f"SET linli.tenant = '{setting}'"))
            for table in tables:
                rows = await connection.execute(text(f"SELECT count(*) FROM matching.{table}"))
                assert rows.scalar_one() == 0, (table, setting)
        await connection.execute(text(f"SET linli.tenant = '{quarter.caller.tenant}'"))
        for table in filled:
            rows = await connection.execute(text(f"SELECT count(*) FROM matching.{table}"))
            assert rows.scalar_one() > 0, table


async def test_the_database_itself_refuses_to_oversell_and_to_rewrite_history(
    servers: TestServers, quarter: Quarter
) -> None:
    match = await quarter.match(self_confirming=True)
    await quarter.made(f"/v1/matches/{match['id']}/accept", {}, version=1)
    async with connected(servers.role_url("matching")) as connection:
        await connection.execute(text(f"SET linli.tenant = '{quarter.caller.tenant}'"))
        for change in ("held = 1", "committed = 2", "quantity = 0", "held = -1"):
            with pytest.raises(DBAPIError, match="offers_not_oversold_check"):
                await connection.execute(text(f"UPDATE matching.offers SET {change}"))
        for statement in ("UPDATE matching.project_steps SET step = 'x'", "DELETE FROM matching.project_steps"):
            with pytest.raises(DBAPIError, match="permission denied"):
                await connection.execute(text(statement))
