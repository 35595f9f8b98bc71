"""What all migration histories share: roles and schemas, row-level security, and the runner of the histories."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import asyncpg
from alembic import command, context, op
from alembic.config import Config
from sqlalchemy import Connection, MetaData, text
from sqlalchemy.dialects.postgresql.base import ischema_names
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from shared.db.base import Ltree, Xid8

__all__ = [
    "RELAY_ROLE",
    "alembic_config",
    "migrations_folder",
    "prepare_database",
    "run_migrations",
    "secure_tables",
    "upgrade_all",
]

RELAY_ROLE: Final = "linli_relay"
_EXTENSIONS: Final = ("ltree", "pg_trgm", "btree_gist")
_LEAKPROOF: Final = (
    "public.ltree_isparent(ltree, ltree)",
    "public.ltree_risparent(ltree, ltree)",
    "public._ltree_r_isparent(ltree, ltree[])",
    "public._ltree_isparent(ltree[], ltree)",
    "public._ltree_risparent(ltree[], ltree)",
    "public._ltree_r_risparent(ltree, ltree[])",
    "pg_catalog.on_pb(point, box)",
    "pg_catalog.point(double precision, double precision)",
    "pg_catalog.texticlike(text, text)",
    "pg_catalog.textlike(text, text)",
    "pg_catalog.arraycontains(anyarray, anyarray)",
    "public.ngrams(text[])",
)
# Most Chinese words have two letters, for which the trigrams of pg_trgm are of no use; of two digits there are too few,
# and of three in long numbers still. Called with columns, not with what `||` makes of them: that is not leak-proof.
# Whoever changes what they return changes the comment of the first, and has the indexes made of it built anew.
_NGRAMS_ARE: Final = (
    "Every two neighbouring letters of some texts, three where the middle one is ASCII, four where the middle two are;"
    " capitals made small."
)
_NGRAMS: Final = f"""
CREATE OR REPLACE FUNCTION public.ngrams(VARIADIC texts text[]) RETURNS text[]
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    one text;
    letters text[];
    grams text[] := '{{}}';
    count integer := 0;
BEGIN
    FOREACH one IN ARRAY texts LOOP
        letters := string_to_array(lower(one), NULL);
        FOR i IN 2 .. cardinality(letters) LOOP
            count := count + 1;
            grams[count] := letters[i - 1] || letters[i];
            IF i > 2 AND letters[i - 1] < '{{' COLLATE "C" THEN
                count := count + 1;
                grams[count] := letters[i - 2] || grams[count - 1];
                IF i > 3 AND letters[i - 2] < '{{' COLLATE "C" THEN
                    count := count + 1;
                    grams[count] := letters[i - 3] || grams[count - 1];
                END IF;
            END IF;
        END LOOP;
    END LOOP;
    RETURN grams;
END $$;
COMMENT ON FUNCTION public.ngrams(text[]) IS '{_NGRAMS_ARE}';
CREATE OR REPLACE FUNCTION public.ngrams_to_find(words text) RETURNS text[]
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    WITH grams AS (SELECT DISTINCT gram FROM unnest(public.ngrams(words)) gram)
    SELECT array_agg(gram) FROM grams
    WHERE NOT EXISTS (SELECT FROM grams other WHERE other.gram <> grams.gram AND strpos(other.gram, grams.gram) > 0)
        AND (length(gram) > 2 OR (SELECT count(*) < 2 FROM grams WHERE length(gram) > 2))
$$;
COMMENT ON FUNCTION public.ngrams_to_find(text) IS
    'Enough of the ngrams of words: none that is part of another, and no pair beside several longer ones.';"""
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,62}")
# One migration run at a time, whichever machine starts it.
_LOCK_KEY: Final = 5_274_655


def migrations_folder() -> Path:
    """Find `migrations/`: beside the packages in a checkout, else in the working directory (as in the image)."""
    beside = Path(__file__).resolve().parents[2] / "migrations"
    return beside if beside.is_dir() else Path.cwd() / "migrations"


def alembic_config(service: str) -> Config:
    """Return the Alembic configuration of one service's history."""
    config = Config()
    config.set_main_option("script_location", str(migrations_folder() / service).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def _dsn(url: str) -> str:
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


async def prepare_database(owner_url: str, role_urls: Mapping[str, str]) -> None:
    """Create what no migration can: the roles with their passwords, the schemas, the extensions, and what
    indexes of several services are made with. Safe to repeat.

    Args:
        owner_url: of a role that may create roles; it owns the schemas and everything in them.
        role_urls: for each service and `relay`, the URL that it connects with; names and passwords are taken from it.
    """
    connection = await asyncpg.connect(_dsn(owner_url), timeout=10)
    try:
        await connection.execute(f"SELECT pg_advisory_lock({_LOCK_KEY})")
        for extension in _EXTENSIONS:
            await connection.execute(f"CREATE EXTENSION IF NOT EXISTS {extension} SCHEMA public")
        made = await connection.fetchval("SELECT obj_description(to_regprocedure('public.ngrams(text[])'), 'pg_proc')")
        if made != _NGRAMS_ARE:
            await connection.execute(_NGRAMS)
        await _let_indexes_work_under_row_security(connection)
        for service, role_url in role_urls.items():
            url = make_url(role_url)
            role = str(url.username)
            if not _NAME.fullmatch(role) or not _NAME.fullmatch(service):
                message = f"not a role name: {role!r}"
                raise ValueError(message)
            await _ensure_role(connection, role, str(url.password or ""))
            if service != "relay":
                await connection.execute(f"CREATE SCHEMA IF NOT EXISTS {service}")
        for service in role_urls.keys() - {"relay"}:
            await connection.execute(f"GRANT USAGE ON SCHEMA {service} TO linli_{service}, {RELAY_ROLE}")
    finally:
        await connection.close()


async def _let_indexes_work_under_row_security(connection: asyncpg.Connection) -> None:
    """Declare what our indexes of paths, points and texts are made of leak-proof.

    Under row-level security PostgreSQL uses an index only for operators that cannot tell anything about a hidden row.
    None of these raises an error that depends on a row's content. Where the owner is no superuser (some hosted
    databases), this is left to the host, lists still work and large ones are slow: the operators' guide says so.
    """
    for function in _LEAKPROOF:
        try:
            await connection.execute(f"ALTER FUNCTION {function} LEAKPROOF")
        except asyncpg.InsufficientPrivilegeError:
            return


async def _ensure_role(connection: asyncpg.Connection, role: str, password: str) -> None:
    """Create a role, or give it its password again.

    Only a superuser may say of an existing role that it is none, so of those we look at what they are.

    Raises:
        ValueError: the role has rights that would let it past row-level security.
    """
    known = await connection.fetchrow(
        "SELECT rolsuper, rolbypassrls, rolcreaterole FROM pg_roles WHERE rolname = $1", role
    )
    if known is None:
        await connection.execute(
            f"CREATE ROLE {role} LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEROLE NOCREATEDB PASSWORD {_quoted(password)}"
        )
        return
    if any(known.values()):
        message = f"the role {role} is superuser, bypasses row-level security, or creates roles: it must not"
        raise ValueError(message)
    await connection.execute(f"ALTER ROLE {role} LOGIN PASSWORD {_quoted(password)}")


async def upgrade_all(owner_url: str, services: Sequence[str]) -> None:
    """Bring the schemas of the services to the newest version, one history after the other."""
    engine = create_async_engine(make_url(owner_url).set(drivername="postgresql+asyncpg"), poolclass=NullPool)
    try:
        async with engine.connect() as connection:
            await connection.execute(text(f"SELECT pg_advisory_lock({_LOCK_KEY})"))
            await connection.commit()
            for service in services:
                await connection.run_sync(_upgrade, service)
                await connection.commit()
    finally:
        await engine.dispose()


def _upgrade(connection: Connection, service: str) -> None:
    config = alembic_config(service)
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def run_migrations(metadata: MetaData, schema: str) -> None:
    """Run the history of one service on the connection that the caller of Alembic has put into its attributes."""

    def only_ours(name: str | None, kind: str, _parents: object) -> bool:
        return name == schema if kind == "schema" else True

    connection: Connection = context.config.attributes["connection"]
    ischema_names.setdefault("ltree", Ltree)
    ischema_names.setdefault("xid8", Xid8)
    context.configure(
        connection=connection,
        target_metadata=metadata,
        version_table_schema=schema,
        include_schemas=True,
        include_name=only_ours,
        compare_type=True,
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        connection.execute(text("SET LOCAL lock_timeout = '5s'"))
        connection.execute(text("SET LOCAL statement_timeout = '300s'"))
        context.run_migrations()


def secure_tables(schema: str, *tables: str, grants: str = "SELECT, INSERT, UPDATE, DELETE") -> None:
    """Put tables under forced row-level security by tenant and grant them to the service's role.

    Args:
        schema: the service's schema; its role is `linli_<schema>`.
        tables: names without the schema.
        grants: the privileges of the service's role; an append-only table gets only SELECT.
    """
    for table in tables:
        name = f"{schema}.{table}"
        op.execute(f"ALTER TABLE {name} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {name} FORCE ROW LEVEL SECURITY")
        # After a transaction that had set it, the setting reads '' and not NULL: NULLIF makes both mean nobody.
        op.execute(
            f"CREATE POLICY tenant_isolation ON {name} "
            "USING (tenant_id = NULLIF(current_setting('linli.tenant', true), '')) "
            "WITH CHECK (tenant_id = NULLIF(current_setting('linli.tenant', true), ''))"
        )
        op.execute(f"GRANT {grants} ON {name} TO linli_{schema}")
