"""Preparing a database twice, with an owner that is no superuser."""

from typing import Any

import asyncpg
import pytest
from sqlalchemy.engine import make_url

from shared.db.migrations import prepare_database, upgrade_all
from shared.ids import new_id
from shared.testing import TestServers


def url(servers: TestServers, **parts: Any) -> str:
    return make_url(servers.owner_url).set(**parts).render_as_string(hide_password=False)


async def test_an_owner_that_is_no_superuser_prepares_and_migrates_again_and_again(
    servers: TestServers, owner: Any
) -> None:
    name = f"plain_{new_id().hex[-12:]}"
    await owner.execute(f"CREATE ROLE {name} LOGIN CREATEROLE PASSWORD 'secret'")
    await owner.execute(f"CREATE DATABASE {name} OWNER {name}")
    plain = url(servers, username=name, password="secret", database=name)
    roles = {
        service: url(servers, username=f"{name}_{service}", password="first", database=name)
        for service in ("ledger", "relay")
    }
    await prepare_database(plain, roles)
    await upgrade_all(plain, ["ledger"])
    again = {service: role.replace("first", "second") for service, role in roles.items()}
    await prepare_database(plain, again)
    await upgrade_all(plain, ["ledger"])
    connection = await asyncpg.connect(again["ledger"])
    assert await connection.fetchval("SELECT current_user") == f"{name}_ledger"
    await connection.close()


async def test_a_role_that_could_pass_row_security_is_refused(servers: TestServers, owner: Any) -> None:
    name = f"strong_{new_id().hex[-12:]}"
    await owner.execute(f"CREATE ROLE {name} LOGIN BYPASSRLS")
    with pytest.raises(ValueError, match="must not"):
        await prepare_database(servers.owner_url, {"ledger": url(servers, username=name, password="x")})
