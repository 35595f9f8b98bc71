"""The tables are what the models say, and show nothing to nobody."""

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
from tests.directory.conftest import Town


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
    config = alembic_config("directory")
    config.attributes["connection"] = connection
    command.check(config)


async def test_models_and_migrations_agree(servers: TestServers) -> None:
    async with connected(servers.owner_url) as connection:
        await connection.run_sync(_check)
    assert len(ScriptDirectory.from_config(alembic_config("directory")).get_heads()) == 1


async def test_without_a_tenant_every_table_is_empty(servers: TestServers, town: Town) -> None:
    await town.person(phone="13800138000", username="clerk", password="correct horse")
    async with connected(servers.role_url("directory")) as connection:
        found = await connection.execute(
            text("SELECT tablename FROM pg_tables WHERE schemaname = 'directory' AND tablename <> 'alembic_version'")
        )
        tables = set(found.scalars())
        assert {"tenants", "areas", "units", "people", "role_grants", "sessions", "outbox"} <= tables
        for setting in (None, "", "county"):
            if setting is not None:
                await connection.execute(text(f"SET linli.tenant = '{setting}'"))
            for table in tables:
                rows = await connection.execute(text(f"SELECT count(*) FROM directory.{table}"))
                assert rows.scalar_one() == 0, (table, setting)
        await connection.execute(text(f"SET linli.tenant = '{town.caller.tenant}'"))
        assert (await connection.execute(text("SELECT count(*) FROM directory.areas"))).scalar_one() == 4


async def test_what_is_kept_cannot_be_deleted(servers: TestServers, town: Town) -> None:
    async with connected(servers.role_url("directory")) as connection:
        await connection.execute(text(f"SET linli.tenant = '{town.caller.tenant}'"))
        statements = [
            f"DELETE FROM directory.{table}"
            for table in (
                *("tenants", "areas", "units", "people", "role_grants", "disclosures"),
                *("entitlement_kinds", "entitlements", "entitlement_steps", "entitlement_questions"),
            )
        ]
        statements += [
            "UPDATE directory.disclosures SET purpose = 'another'",
            "UPDATE directory.entitlement_questions SET entitled = true",
        ]
        for statement in statements:
            with pytest.raises(DBAPIError, match="permission denied"):
                await connection.execute(text(statement))
