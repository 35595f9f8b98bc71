"""Signing in over HTTP: codes, passwords, tokens, sessions, and everything that must not be learnt from the answers."""

import asyncio

import httpx
import pytest
import structlog
from fastapi import FastAPI

from services.directory.app import create
from services.directory.settings import DirectorySettings
from services.directory.signin import senders
from services.directory.signin.senders import ConsoleSender, WebhookSender
from shared.auth import Grant, Principal, Role, principal_from_claims
from shared.db import Database
from shared.ids import new_id
from shared.testing import TestServers
from tests.directory.conftest import Json, Town, swapped
from tests.directory.entering import (
    PASSWORD,
    PHONE,
    ask,
    carrying,
    claims_of,
    count,
    enter,
    password,
    refresh,
    sign_in,
    wrong,
)


async def test_a_new_phone_registers_a_resident(town: Town, codes: dict[str, str], servers: TestServers) -> None:
    assert (await ask(town)).json() == {"expires_in_s": 300}
    response = await enter(town, codes[PHONE], area_id=str(town.areas["county.north.g1"]), display_name="张女士")
    signed_in = response.json()
    assert response.status_code == 200
    assert response.headers["cache-control"] == "no-store"
    assert (signed_in["token_type"], signed_in["expires_in_s"]) == ("Bearer", 900)
    claims = await claims_of(town, signed_in["access_token"])
    assert claims["exp"] - claims["iat"] == 900
    assert principal_from_claims(claims) == Principal(
        tenant=town.caller.tenant,
        subject_id=principal_from_claims(claims).subject_id,
        kind="person",
        grants=(Grant(Role.RESIDENT, "county.north.g1", None, town.areas["county.north.g1"]),),
        session_id=principal_from_claims(claims).session_id,
    )
    assert (claims["sub"], claims["sid"]) == (signed_in["person_id"], signed_in["session_id"])
    me = (await town.get("/v1/me", by=await carrying(town, servers, signed_in["access_token"]))).json()
    assert (me["person"]["display_name"], me["person"]["phone"]) == ("张女士", "138****8000")
    assert [(role["role"], role["area_path"]) for role in me["grants"]] == [("resident", "county.north.g1")]
    assert me["session_id"] == signed_in["session_id"]


async def test_somebody_known_signs_in_as_themselves(town: Town, codes: dict[str, str]) -> None:
    person = await town.person(phone=PHONE)
    await town.grant(person["id"], "officer", "county.north")
    gone = await town.grant(person["id"], "secretary", "county")
    await town.post(f"/v1/people/{person['id']}/grants/{gone['id']}/end", version=1)
    await town.grant(person["id"], "auditor", "county", starts_at="2130-01-01T00:00:00Z")
    signed_in = await sign_in(town, codes)
    assert signed_in["person_id"] == person["id"]
    claims = await claims_of(town, signed_in["access_token"])
    assert [(grant["role"], grant["path"]) for grant in claims["grants"]] == [("officer", "county.north")]


async def test_a_resident_registers_in_an_open_area_or_keeps_the_code(town: Town, codes: dict[str, str]) -> None:
    await ask(town)
    unknown = await enter(town, codes[PHONE], area_id=str(new_id()))
    assert (unknown.status_code, unknown.json()["code"]) == (422, "unknown_area")
    signed_in = (await enter(town, codes[PHONE])).json()
    claims = await claims_of(town, signed_in["access_token"])
    assert [grant["path"] for grant in claims["grants"]] == ["county"]


async def test_a_code_works_once_and_only_the_newest(town: Town, codes: dict[str, str]) -> None:
    await ask(town)
    old = codes[PHONE]
    while codes[PHONE] == old:
        await ask(town)
    assert (await enter(town, old)).json()["code"] == "wrong_credentials"
    assert (await enter(town, codes[PHONE])).status_code == 200
    again = await enter(town, codes[PHONE])
    assert (again.status_code, again.json()["code"]) == (401, "wrong_credentials")


async def test_five_wrong_tries_kill_a_code(town: Town, codes: dict[str, str]) -> None:
    await ask(town)
    for _ in range(5):
        assert (await enter(town, wrong(codes[PHONE]))).status_code == 401
    assert (await enter(town, codes[PHONE])).status_code == 401


async def test_wrong_tries_with_an_impossible_area_are_counted_too(town: Town, codes: dict[str, str]) -> None:
    await ask(town)
    for _ in range(5):
        assert (await enter(town, wrong(codes[PHONE]), area_id=str(new_id()))).status_code == 401
    assert (await enter(town, codes[PHONE])).status_code == 401


async def test_an_old_code_is_dead(town: Town, codes: dict[str, str], databases: dict[str, Database]) -> None:
    await ask(town)
    async with databases["directory"].write(town.caller.tenant) as session:
        connection = await session.connection()
        await connection.exec_driver_sql("UPDATE directory.one_time_codes SET expires_at = now()")
    assert (await enter(town, codes[PHONE])).status_code == 401


async def test_a_code_is_kept_as_a_hash(town: Town, codes: dict[str, str], databases: dict[str, Database]) -> None:
    await ask(town)
    async with databases["directory"].read(town.caller.tenant) as session:
        connection = await session.connection()
        ((row,),) = list(await connection.exec_driver_sql("SELECT c::text FROM directory.one_time_codes c"))
    digest = row.split("\\\\x")
    assert len(digest) == 3
    assert PHONE not in row
    assert f",{codes[PHONE]}," not in row


async def test_of_twenty_parallel_tries_with_one_code_one_signs_in(
    town: Town, codes: dict[str, str], databases: dict[str, Database]
) -> None:
    await ask(town)
    answers = await asyncio.gather(*(enter(town, codes[PHONE]) for _ in range(20)))
    assert sorted(answer.status_code for answer in answers) == [200] + [401] * 19
    for table in ("sessions", "people", "role_grants", "refresh_tokens"):
        assert await count(databases, town.caller.tenant, table) == 1, table


async def test_parallel_guesses_share_the_five_tries(
    town: Town, codes: dict[str, str], databases: dict[str, Database]
) -> None:
    await ask(town)
    await asyncio.gather(*(enter(town, wrong(codes[PHONE])) for _ in range(20)))
    assert await count(databases, town.caller.tenant, "one_time_codes WHERE attempts = 5") == 1
    assert (await enter(town, codes[PHONE])).status_code == 401


async def test_a_phone_gets_so_many_codes(
    town: Town, codes: dict[str, str], apps: dict[str, FastAPI], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apps["directory"].state.settings, "codes_per_window", 2)
    answers = await asyncio.gather(*(ask(town) for _ in range(6)))
    assert sorted(answer.status_code for answer in answers) == [202] * 2 + [429] * 4
    limited = next(answer for answer in answers if answer.status_code == 429)
    assert 0 < int(limited.headers["retry-after"]) <= 601
    assert (await ask(town, "13800138001")).status_code == 202
    assert set(codes) == {PHONE, "13800138001"}


async def test_the_answer_tells_neither_phones_nor_tenants(town: Town, codes: dict[str, str]) -> None:
    await town.person(phone=PHONE)
    answers = [await ask(town), await ask(town, "13800138001"), await ask(town, tenant="no_such_tenant")]
    assert {(answer.status_code, answer.text) for answer in answers} == {(202, '{"expires_in_s":300}')}
    assert set(codes) == {PHONE, "13800138001"}
    nowhere = {"tenant": "no_such_tenant", "phone": PHONE, "code": codes[PHONE]}
    answer = await town.post("/v1/sign-in/code", nowhere, by={})
    refused = await enter(town, wrong(codes[PHONE]))
    assert {answer.status_code, refused.status_code} == {401}
    assert {answer.json()["code"], refused.json()["code"]} == {"wrong_credentials"}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/sign-in/codes", {"phone": PHONE}),
        ("/v1/sign-in/codes", {"tenant": "x'; DROP", "phone": PHONE}),
        ("/v1/sign-in/codes", {"tenant": "x" * 33, "phone": PHONE}),
        ("/v1/sign-in/codes", {"tenant": "county", "phone": "nobody"}),
        ("/v1/sign-in/code", {"tenant": "county", "phone": PHONE, "code": 123456}),
        ("/v1/sign-in/code", {"tenant": "county", "phone": PHONE, "code": "12345"}),
        ("/v1/sign-in/code", {"tenant": "county", "phone": PHONE, "code": "１２３４５６"}),
        ("/v1/sign-in/password", {"tenant": "county", "username": "x"}),
        ("/v1/sign-in/password", {"tenant": "county", "username": "x", "password": "y" * 129}),
        ("/v1/tokens/refresh", {"tenant": "county"}),
        ("/v1/tokens/refresh", {"tenant": "county", "refresh_token": ""}),
        ("/v1/tokens/refresh", []),
    ],
)
async def test_a_malformed_sign_in_is_refused(town: Town, path: str, body: Json) -> None:
    response = await town.post(path, body, by={})
    assert response.status_code == 422
    assert response.headers["content-type"] == "application/problem+json"


async def test_staff_sign_in_with_a_password(town: Town) -> None:
    person = await town.person(username="clerk", password=PASSWORD)
    await town.grant(person["id"], "officer", "county")
    answer = await password(town, "Clerk")
    assert (answer.status_code, answer.json()["person_id"]) == (200, person["id"])
    claims = await claims_of(town, answer.json()["access_token"])
    assert [grant["role"] for grant in claims["grants"]] == ["officer"]


class CountingPasswords:
    """The real passwords, counting how often somebody is made to wait for one."""

    def __init__(self, real: Json) -> None:
        self.real = real
        self.checks: list[bool] = []

    async def verify(self, password_hash: str | None, secret: str) -> bool:
        right: bool = await self.real.verify(password_hash, secret)
        self.checks.append(right)
        return right


async def test_every_refusal_takes_one_password_check_and_looks_the_same(town: Town, apps: dict[str, FastAPI]) -> None:
    await town.person(username="clerk", password=PASSWORD)
    await town.person(username="no_password")
    counting = CountingPasswords(apps["directory"].state.passwords)
    with swapped(apps["directory"], "passwords", counting):
        answers = [
            await password(town, "clerk", "not the password"),
            await password(town, "nobody", PASSWORD),
            await password(town, "no_password", PASSWORD),
            await password(town, "clerk", PASSWORD, tenant="no_such_tenant"),
            await password(town, "nobody", "nobody has this password"),
        ]
    assert counting.checks == [False] * 5
    shapes = [{**answer.json(), "request_id": ""} for answer in answers]
    assert all(answer.status_code == 401 for answer in answers)
    assert all(shape == shapes[0] for shape in shapes)


async def test_the_dummy_hash_is_as_slow_as_a_real_one(apps: dict[str, FastAPI]) -> None:
    passwords = apps["directory"].state.passwords
    real = await passwords.hash(PASSWORD)
    assert real.split("$")[1:4] == passwords._nobody.split("$")[1:4]
    assert not await passwords.verify(None, "nobody has this password")
    assert await passwords.verify(real, PASSWORD)
    assert not await passwords.verify("not a hash", PASSWORD)


@pytest.mark.parametrize("username", ["clerk", "nobody"])
async def test_repeated_failures_block_a_username_that_exists_or_not(
    town: Town, username: str, databases: dict[str, Database]
) -> None:
    await town.person(username="clerk", password=PASSWORD)
    answers = await asyncio.gather(*(password(town, username, f"guess {n}") for n in range(12)))
    assert sorted(answer.status_code for answer in answers) == [401] * 10 + [429] * 2
    blocked = await password(town, username, PASSWORD)
    assert (blocked.status_code, blocked.json()["code"]) == (429, "too_many_requests")
    assert 0 < int(blocked.headers["retry-after"]) <= 61
    async with databases["directory"].write(town.caller.tenant) as session:
        connection = await session.connection()
        await connection.exec_driver_sql("UPDATE directory.password_attempts SET last_at = last_at - interval '1 hour'")
    assert (await password(town, username, PASSWORD)).status_code == (200 if username == "clerk" else 401)
    if username == "clerk":
        assert await count(databases, town.caller.tenant, "password_attempts") == 0


async def test_a_new_password_ends_all_sessions(town: Town) -> None:
    person = await town.person(username="clerk", password=PASSWORD)
    signed_in = (await password(town, "clerk")).json()
    await town.patch(f"/v1/people/{person['id']}", {"password": "another long one"}, version=1)
    assert (await refresh(town, signed_in["refresh_token"])).json()["code"] == "refresh_refused"
    assert (await password(town, "clerk")).status_code == 401
    assert (await password(town, "clerk", "another long one")).status_code == 200


async def test_without_a_token_there_is_no_me(town: Town) -> None:
    for method, path in (("GET", "/v1/me"), ("GET", "/v1/me/sessions"), ("POST", "/v1/sign-out")):
        for by in ({}, town.caller.anonymous("directory"), {"Authorization": "Bearer forged"}):
            response = await town.call(method, path, by=by)
            assert (response.status_code, response.headers["www-authenticate"]) == (401, "Bearer")


async def test_the_keys_are_public_and_cacheable(town: Town, apps: dict[str, FastAPI]) -> None:
    response = await town.get("/.well-known/jwks.json", by={})
    assert response.status_code == 200
    assert response.headers["cache-control"] == "public, max-age=300"
    (key,) = response.json()["keys"]
    assert set(key) == {"kty", "crv", "x", "alg", "use", "kid"}
    assert key["kid"] == apps["directory"].state.issuer.keys[0].kid


def settings(servers: TestServers, **changed: Json) -> DirectorySettings:
    del servers
    return DirectorySettings(**changed)


def test_nobody_starts_a_directory_that_cannot_send_codes(servers: TestServers) -> None:
    with pytest.raises(ValueError, match="LINLI_CODE_SENDER_URL"):
        settings(servers, embedded=False)
    ready = settings(servers, embedded=False, code_sender_url="http://sender.test/codes")
    assert (ready.window_limit, ready.day_limit) == (5, 20)


async def test_the_app_uses_the_provider_when_there_is_one(servers: TestServers) -> None:
    app = create(settings(servers, code_sender_url="http://sender.test/codes", code_sender_token="hush"))
    async with app.router.lifespan_context(app):
        assert isinstance(app.state.code_sender, WebhookSender)
    app = create(settings(servers))
    async with app.router.lifespan_context(app):
        assert isinstance(app.state.code_sender, ConsoleSender)


async def test_the_webhook_gets_the_code_and_its_failure_stays_inside() -> None:
    seen: list[httpx.Request] = []

    def provider(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(500 if len(seen) > 1 else 202)

    async with httpx.AsyncClient(transport=httpx.MockTransport(provider)) as http:
        sender = WebhookSender(http, "http://sender.test/codes", "hush")
        for _ in range(2):
            await sender.send(tenant="county", phone=PHONE, code="123456", expires_in_s=300)
    assert seen[0].headers["authorization"] == "Bearer hush"
    assert seen[0].read() == b'{"tenant":"county","phone":"13800138000","code":"123456","expires_in_s":300}'


async def test_the_console_shows_the_code(monkeypatch: pytest.MonkeyPatch) -> None:
    log = structlog.testing.CapturingLogger()
    monkeypatch.setattr(senders, "log", log)
    await ConsoleSender().send(tenant="county", phone=PHONE, code="123456", expires_in_s=300)
    (line,) = log.calls
    assert (line.args, line.kwargs["phone"], line.kwargs["code"]) == (("one-time code",), PHONE, "123456")


async def test_half_a_character_is_refused(town: Town) -> None:
    """A lone surrogate is valid JSON and no text that can be stored."""
    raw = b'{"tenant":"county","phone":"13800138000","code":"123456","display_name":"\\ud800"}'
    headers = {"Content-Type": "application/json"}
    assert (await town.http.post("/v1/sign-in/code", content=raw, headers=headers)).status_code == 422
