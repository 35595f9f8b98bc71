"""Ways in, as clients take them, and ways to look at what came out."""

from typing import Any

import httpx
import jwt

from shared.auth import ACCESS_AUDIENCE, ACCESS_ISSUER, mint_internal, principal_from_claims
from shared.db import Database
from shared.testing import TestServers
from tests.directory.conftest import Headers, Json, Town

PHONE = "13800138000"
PASSWORD = "correct horse battery"


async def ask(town: Town, phone: str = PHONE, tenant: str | None = None) -> httpx.Response:
    body = {"tenant": tenant or town.caller.tenant, "phone": phone}
    return await town.post("/v1/sign-in/codes", body, by={})


async def enter(town: Town, code: str, phone: str = PHONE, **members: Json) -> httpx.Response:
    body = {"tenant": town.caller.tenant, "phone": phone, "code": code, **members}
    return await town.post("/v1/sign-in/code", body, by={})


async def sign_in(town: Town, codes: dict[str, str], phone: str = PHONE) -> dict[str, Any]:
    assert (await ask(town, phone)).status_code == 202
    response = await enter(town, codes[phone], phone)
    assert response.status_code == 200, response.text
    signed_in: dict[str, Any] = response.json()
    return signed_in


async def password(town: Town, username: str, secret: str = PASSWORD, tenant: str | None = None) -> httpx.Response:
    body = {"tenant": tenant or town.caller.tenant, "username": username, "password": secret}
    return await town.post("/v1/sign-in/password", body, by={})


async def refresh(town: Town, token: str, tenant: str | None = None) -> httpx.Response:
    body = {"tenant": tenant or town.caller.tenant, "refresh_token": token}
    return await town.post("/v1/tokens/refresh", body, by={})


async def claims_of(town: Town, access_token: str) -> dict[str, Any]:
    """Verify an access token as the gateway does: by the published keys."""
    keys = jwt.PyJWKSet.from_dict((await town.get("/.well-known/jwks.json", by={})).json())
    key = keys[jwt.get_unverified_header(access_token)["kid"]]
    claims: dict[str, Any] = jwt.decode(
        access_token, key.key, algorithms=["EdDSA"], audience=ACCESS_AUDIENCE, issuer=ACCESS_ISSUER
    )
    return claims


async def carrying(town: Town, servers: TestServers, access_token: str) -> Headers:
    """Make the headers that the gateway sends for an access token."""
    principal = principal_from_claims(await claims_of(town, access_token))
    return {"Authorization": f"Bearer {mint_internal(principal, 'directory', servers.internal_key)}"}


async def count(databases: dict[str, Database], tenant: str, query: str) -> int:
    async with databases["directory"].read(tenant) as session:
        connection = await session.connection()
        found = await connection.exec_driver_sql(f"SELECT count(*) FROM directory.{query}")
        return int(found.scalar_one())


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 10**6:06d}"
