"""The tables are what the models say, show nothing to nobody, and their indexes work under row-level security."""

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
from tests.intake.conftest import Street, picture


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
    config = alembic_config("intake")
    config.attributes["connection"] = connection
    command.check(config)


async def test_models_and_migrations_agree(servers: TestServers) -> None:
    async with connected(servers.owner_url) as connection:
        await connection.run_sync(_check)
    assert len(ScriptDirectory.from_config(alembic_config("intake")).get_heads()) == 1


async def test_without_a_tenant_every_table_is_empty(servers: TestServers, street: Street) -> None:
    await street.upload(picture())
    await street.claimed()
    async with connected(servers.role_url("intake")) as connection:
        found = await connection.execute(
            text("SELECT tablename FROM pg_tables WHERE schemaname = 'intake' AND tablename <> 'alembic_version'")
        )
        tables = set(found.scalars())
        assert {"cases", "case_steps", "case_joiners", "case_number_blocks", "categories", "attachments"} <= tables
        for setting in (None, "", "nobody"):
            if setting is not None:
                await connection.execute(text(f"SET linli.tenant = '{setting}'"))
            for table in tables:
                rows = await connection.execute(text(f"SELECT count(*) FROM intake.{table}"))
                assert rows.scalar_one() == 0, (table, setting)
        await connection.execute(text(f"SET linli.tenant = '{street.caller.tenant}'"))
        assert (await connection.execute(text("SELECT count(*) FROM intake.cases"))).scalar_one() == 1


async def test_history_is_only_added_to(servers: TestServers, street: Street) -> None:
    await street.filed()
    async with connected(servers.role_url("intake")) as connection:
        await connection.execute(text(f"SET linli.tenant = '{street.caller.tenant}'"))
        for statement in ("DELETE FROM intake.case_steps", "UPDATE intake.case_steps SET note = 'another'"):
            with pytest.raises(DBAPIError, match="permission denied"):
                await connection.execute(text(statement))


FILL = """
INSERT INTO intake.cases (tenant_id, id, number, category, title, description, area_id, area_path, requester_id, state,
    unit_id, filed_at, updated_at, version)
SELECT a.tenant_id, uuidv7(), 'X-' || n, 'parking', 'title ' || md5(n::text), 'words ' || md5('x' || n), a.id,
    ('county.a' || n % 500)::public.ltree, md5((n % 500)::text)::uuid, 'filed',
    CASE WHEN n % 100 = 0 THEN md5((n % 500)::text)::uuid END, now() - n * interval '1 min', now(), 1
FROM intake.areas a, generate_series(1, 20000) n WHERE a.tenant_id = $1 AND a.path = 'county'"""
SOMEBODY = "md5('7')::uuid"
QUERIES = {
    "cases_area_idx": "area_path <@ text2ltree('county.a7')",
    "cases_words_idx": "public.ngrams(title, description) @> public.ngrams_to_find('c4ca4238a0b9')",
    "cases_requester_idx": f"requester_id = {SOMEBODY} ORDER BY filed_at DESC, id DESC LIMIT 9",
    "cases_unit_idx": f"unit_id IN ({SOMEBODY}, md5('x')::uuid)",
    "cases_filed_idx": f"(filed_at, id) < (now() - interval '1 day', {SOMEBODY}) ORDER BY filed_at DESC, id DESC LIMIT 9",
    "BitmapOr": f"(area_path <@ text2ltree('county.a7') OR requester_id = {SOMEBODY} OR id = ANY(ARRAY("
    f"SELECT case_id FROM intake.case_joiners WHERE person_id = {SOMEBODY})))",
}


async def test_row_level_security_does_not_shut_out_the_indexes(servers: TestServers, street: Street) -> None:
    tenant = street.caller.tenant
    async with connected(servers.owner_url) as owner:
        await owner.exec_driver_sql(FILL, (tenant,))
        await owner.exec_driver_sql("VACUUM ANALYZE intake.cases")
    async with connected(servers.role_url("intake")) as connection:
        await connection.execute(text(f"SET linli.tenant = '{tenant}'"))
        for index, query in QUERIES.items():
            explained = f"EXPLAIN SELECT 1 FROM intake.cases WHERE tenant_id = '{tenant}' AND {query}"
            plan = "\n".join((await connection.execute(text(explained))).scalars())
            assert index in plan, plan
