"""Staying signed in: refresh tokens that rotate, sessions that can be seen and ended."""

import asyncio

from shared.db import Database
from shared.testing import TestServers
from tests.directory.conftest import Town
from tests.directory.entering import carrying, claims_of, count, refresh, sign_in


async def test_a_refresh_token_gives_the_next_pair_with_the_roles_of_now(town: Town, codes: dict[str, str]) -> None:
    signed_in = await sign_in(town, codes)
    await town.grant(signed_in["person_id"], "convenor", "county.south")
    answer = await refresh(town, signed_in["refresh_token"])
    following = answer.json()
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    assert following["session_id"] == signed_in["session_id"]
    assert following["refresh_token"] != signed_in["refresh_token"]
    claims = await claims_of(town, following["access_token"])
    assert {grant["role"] for grant in claims["grants"]} == {"resident", "convenor"}


async def test_a_token_that_comes_back_ends_the_session(
    town: Town, codes: dict[str, str], databases: dict[str, Database]
) -> None:
    first = await sign_in(town, codes)
    second = (await refresh(town, first["refresh_token"])).json()
    reused = await refresh(town, first["refresh_token"])
    assert (reused.status_code, reused.json()["code"]) == (401, "refresh_reused")
    assert (await refresh(town, second["refresh_token"])).json()["code"] == "refresh_refused"
    assert await count(databases, town.caller.tenant, "sessions WHERE revoked_because = 'refresh_reused'") == 1


async def test_one_token_used_twice_at_once_gives_one_pair_and_ends_the_session(
    town: Town, codes: dict[str, str], databases: dict[str, Database]
) -> None:
    for _ in range(5):
        token = (await sign_in(town, codes))["refresh_token"]
        answers = await asyncio.gather(refresh(town, token), refresh(town, token))
        by_status = {answer.status_code: answer.json() for answer in answers}
        assert set(by_status) == {200, 401}
        assert by_status[401]["code"] == "refresh_reused"
        assert (await refresh(town, by_status[200]["refresh_token"])).json()["code"] == "refresh_refused"
    assert await count(databases, town.caller.tenant, "sessions WHERE revoked_at IS NULL") == 0


async def test_tokens_are_kept_as_hashes_and_belong_to_a_tenant(
    town: Town, elsewhere: Town, codes: dict[str, str], databases: dict[str, Database]
) -> None:
    signed_in = await sign_in(town, codes)
    async with databases["directory"].read(town.caller.tenant) as session:
        connection = await session.connection()
        ((row,),) = list(await connection.exec_driver_sql("SELECT t::text FROM directory.refresh_tokens t"))
    assert signed_in["refresh_token"] not in row
    for tenant in (elsewhere.caller.tenant, "no_such_tenant"):
        refused = await refresh(town, signed_in["refresh_token"], tenant)
        assert (refused.status_code, refused.json()["code"]) == (401, "refresh_refused")
    assert (await refresh(town, signed_in["refresh_token"])).status_code == 200


async def test_sessions_are_listed_revoked_and_signed_out(
    town: Town, codes: dict[str, str], servers: TestServers
) -> None:
    one, two = await sign_in(town, codes), await sign_in(town, codes)
    by = await carrying(town, servers, one["access_token"])
    listed = (await town.get("/v1/me/sessions", by=by)).json()
    assert [(item["id"], item["current"]) for item in listed] == [(two["session_id"], False), (one["session_id"], True)]
    assert {item["method"] for item in listed} == {"code"}
    revoked = await town.post(f"/v1/me/sessions/{two['session_id']}/revoke", by=by)
    assert (revoked.status_code, revoked.json()["revoked_at"] is not None) == (200, True)
    again = await town.post(f"/v1/me/sessions/{two['session_id']}/revoke", by=by)
    assert again.json() == revoked.json()
    assert (await refresh(town, two["refresh_token"])).status_code == 401
    assert len((await town.get("/v1/me/sessions", by=by)).json()) == 1
    assert (await town.post("/v1/sign-out", by=by)).status_code == 204
    assert (await refresh(town, one["refresh_token"])).status_code == 401
    assert (await town.get("/v1/me/sessions", by=by)).json() == []


async def test_nobody_revokes_the_session_of_somebody_else(town: Town, codes: dict[str, str]) -> None:
    signed_in = await sign_in(town, codes)
    path = f"/v1/me/sessions/{signed_in['session_id']}/revoke"
    for by in (town.operator, town.administrator()):
        assert (await town.post(path, by=by)).status_code == 404
    assert (await refresh(town, signed_in["refresh_token"])).status_code == 200
