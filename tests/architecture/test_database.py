"""What holds for every table of every service: one history, the tenant first, and row-level security under it all."""

from typing import Any

import asyncpg
import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import Connection
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine

from shared.contracts import SERVICES
from shared.db.migrations import alembic_config
from shared.testing import Places, TestServers

NOT_TENANTS = {"alembic_version"}


async def tables(owner: Any, service: str) -> list[str]:
    rows = await owner.fetch("SELECT tablename FROM pg_tables WHERE schemaname = $1 ORDER BY 1", service)
    return [row["tablename"] for row in rows if row["tablename"] not in NOT_TENANTS]


@pytest.mark.parametrize("service", SERVICES)
def test_a_history_has_one_head(service: str) -> None:
    assert len(ScriptDirectory.from_config(alembic_config(service)).get_heads()) == 1


@pytest.mark.parametrize("service", SERVICES)
async def test_models_and_migrations_agree(servers: TestServers, service: str) -> None:
    def check(connection: Connection) -> None:
        config = alembic_config(service)
        config.attributes["connection"] = connection
        command.check(config)

    engine = create_async_engine(make_url(servers.owner_url).set(drivername="postgresql+asyncpg"))
    try:
        async with engine.connect() as connection:
            await connection.run_sync(check)
    finally:
        await engine.dispose()


@pytest.mark.parametrize("service", SERVICES)
async def test_every_table_is_under_forced_row_security(owner: Any, service: str) -> None:
    rows = await owner.fetch(
        "SELECT c.relname, c.relrowsecurity AND c.relforcerowsecurity AS forced,"
        " (SELECT count(*) FROM pg_policy p WHERE p.polrelid = c.oid AND p.polname = 'tenant_isolation') AS policies"
        " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relkind IN ('r','p')",
        service,
    )
    found = {row["relname"]: (row["forced"], row["policies"]) for row in rows if row["relname"] not in NOT_TENANTS}
    assert len(found) >= 8
    assert set(found.values()) == {(True, 1)}


@pytest.mark.parametrize("service", SERVICES)
async def test_the_tenant_is_first_in_every_key(owner: Any, service: str) -> None:
    keys = await owner.fetch(
        "SELECT t.relname, c.contype::text AS kind, c.conname, (SELECT a.attname FROM pg_attribute a"
        " WHERE a.attrelid = c.conrelid AND a.attnum = c.conkey[1]) AS first"
        " FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid JOIN pg_namespace n ON n.oid = t.relnamespace"
        " WHERE n.nspname = $1 AND c.contype IN ('p', 'f')",
        service,
    )
    wrong = [(row["relname"], row["conname"]) for row in keys if row["first"] != "tenant_id"]
    assert [item for item in wrong if item[0] not in NOT_TENANTS] == []
    with_key = {row["relname"] for row in keys if row["kind"] == "p"}
    assert set(await tables(owner, service)) <= with_key


@pytest.mark.parametrize("service", SERVICES)
async def test_the_services_role_has_no_way_around(owner: Any, service: str) -> None:
    role = await owner.fetchrow("SELECT * FROM pg_roles WHERE rolname = $1", f"linli_{service}")
    assert (role["rolsuper"], role["rolbypassrls"], role["rolcreaterole"]) == (False, False, False)
    owned = await owner.fetchval("SELECT count(*) FROM pg_tables WHERE tableowner = $1", f"linli_{service}")
    assert owned == 0


@pytest.mark.parametrize("service", SERVICES)
async def test_without_a_tenant_every_table_is_empty(
    servers: TestServers, owner: Any, places: Places, service: str
) -> None:
    await places.area("district")
    total = 0
    connection = await asyncpg.connect(servers.role_url(service))
    try:
        await connection.execute("BEGIN; SET LOCAL linli.tenant = 'nobody'; COMMIT")
        assert await connection.fetchval("SELECT current_setting('linli.tenant', true)") == ""
        for table in await tables(owner, service):
            assert await connection.fetchval(f"SELECT count(*) FROM {service}.{table}") == 0, table
            total += await owner.fetchval(f"SELECT count(*) FROM {service}.{table}")
    finally:
        await connection.close()
    assert total > 0, "there was something to hide"
