"""How every service answers: after the commit, once per key, never over what was not seen, and always as problem+json."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any
from uuid import UUID

import asyncpg
import httpx
import pytest
import pytest_asyncio
from fastapi import Depends, FastAPI, Request, Response
from pydantic import SecretStr
from sqlalchemy import text

from shared.auth import Principal, Role, authenticated, public, read_signing_key, requires
from shared.clock import utc_now
from shared.ids import new_id
from shared.money import Fen
from shared.settings import ServiceSettings
from shared.testing import Callers, TestServers
from shared.web import (
    ExpectedVersion,
    InputModel,
    OutputModel,
    Reading,
    ShortText,
    Writing,
    check_version,
    create_app,
    money_moves,
    service_router,
    set_etag,
)

OFFICER = (Role.OFFICER, "d")
NOTE = {"name": "lamp", "amount_fen": 5}


class NoteIn(InputModel):
    """What the probe takes."""

    name: ShortText
    amount_fen: Fen


class NoteOut(OutputModel):
    """What the probe answers."""

    name: str
    nonce: UUID
    version: int


router = service_router(tags=["probe"])


async def keep(session: Writing, name: str) -> None:
    statement = "INSERT INTO intake.schedule_runs (tenant_id, name, occurrence) VALUES (:t, :n, :o)"
    await session.execute(text(statement), {"t": session.tenant, "n": name, "o": utc_now()})


@router.post("/v1/notes", status_code=201)
async def write_note(note: NoteIn, session: Writing, _: Annotated[Principal, Depends(authenticated)]) -> NoteOut:
    await keep(session, note.name)
    return NoteOut(name=note.name, nonce=new_id(), version=1)


@router.post("/v1/slow-notes", dependencies=[Depends(money_moves)])
async def write_slowly(note: NoteIn, session: Writing, _: Annotated[Principal, Depends(authenticated)]) -> NoteOut:
    await keep(session, note.name)
    await session.execute(text("SELECT pg_sleep(0.05)"))
    return NoteOut(name=note.name, nonce=new_id(), version=1)


@router.patch("/v1/notes")
async def change_note(
    _: Annotated[Principal, Depends(requires(Role.OFFICER))], expected: ExpectedVersion, response: Response
) -> NoteOut:
    current = NoteOut(name="lamp", nonce=new_id(), version=3)
    check_version(expected, current.version, current)
    set_etag(response, current.version)
    return current


@router.get("/v1/notes")
async def count_notes(session: Reading, _: Annotated[Principal, Depends(authenticated)]) -> dict[str, int]:
    count = await session.scalar(text("SELECT count(*) FROM intake.schedule_runs"))
    return {"count": int(count or 0)}


@router.post("/v1/failing-commit")
async def fail_to_commit(session: Writing, _: Annotated[Principal, Depends(authenticated)]) -> dict[str, str]:
    await session.execute(text("INSERT INTO probe.deferred VALUES (gen_random_uuid(), gen_random_uuid())"))
    return {"said": "done"}


@router.post("/v1/swallowed-failure")
async def swallow(session: Writing, _: Annotated[Principal, Depends(authenticated)]) -> dict[str, str]:
    try:
        await session.execute(text("SELECT 1/0"))
    except Exception:
        return {"said": "done"}
    return {"said": "impossible"}


@router.get("/v1/accident")
async def have_an_accident(_: Annotated[Principal, Depends(public)]) -> None:
    message = "secret internals"
    raise RuntimeError(message)


@router.get("/v1/gate")
async def wait_at_the_gate(request: Request, _: Annotated[Principal, Depends(public)]) -> dict[str, str]:
    await request.app.state.gate.wait()
    return {"said": "passed"}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def probe(servers: TestServers) -> AsyncIterator[httpx.AsyncClient]:
    owner = await asyncpg.connect(servers.owner_url)
    await owner.execute(
        "CREATE SCHEMA IF NOT EXISTS probe; GRANT USAGE ON SCHEMA probe TO linli_intake;"
        "CREATE TABLE IF NOT EXISTS probe.targets (id uuid PRIMARY KEY);"
        "CREATE TABLE IF NOT EXISTS probe.deferred (id uuid PRIMARY KEY,"
        " target uuid REFERENCES probe.targets DEFERRABLE INITIALLY DEFERRED);"
        "GRANT INSERT, SELECT ON probe.deferred TO linli_intake"
    )
    settings = ServiceSettings(
        database_url=SecretStr(servers.role_url("intake")), redis_url=servers.redis_url, log_level="error"
    )
    app = create_app(name="intake", settings=settings, routers=[router], title="probe", description="probe")
    transport = httpx.ASGITransport(app)
    async with app.router.lifespan_context(app), httpx.AsyncClient(transport=transport, base_url="http://x") as client:
        yield client
    await owner.close()


async def counted(probe: httpx.AsyncClient, headers: dict[str, str]) -> int:
    return int((await probe.get("/v1/notes", headers=headers)).json()["count"])


def is_problem(answer: httpx.Response, status: int, code: str) -> bool:
    body: dict[str, Any] = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    assert {"type", "title", "status", "detail", "code", "request_id", "errors"} <= body.keys()
    assert (answer.status_code, body["status"], body["code"]) == (status, status, code)
    assert answer.headers["x-request-id"] == body["request_id"]
    return True


async def test_a_key_asked_twice_is_done_once_and_answered_the_same(probe: httpx.AsyncClient, caller: Callers) -> None:
    headers = caller("intake", OFFICER) | {"Idempotency-Key": "k1"}
    first = await probe.post("/v1/notes", json=NOTE, headers=headers)
    again = await probe.post("/v1/notes", json=NOTE, headers=headers)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.content == again.content
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert await counted(probe, headers) == 1
    other = await probe.post("/v1/notes", json=NOTE | {"name": "bench"}, headers=headers)
    assert is_problem(other, 422, "idempotency_key_reused")


async def test_fifty_at_once_with_one_key_have_one_effect(probe: httpx.AsyncClient, caller: Callers) -> None:
    headers = caller("intake", OFFICER) | {"Idempotency-Key": "k50"}
    answers = await asyncio.gather(*(probe.post("/v1/slow-notes", json=NOTE, headers=headers) for _ in range(50)))
    done = {answer.content for answer in answers if answer.status_code == 200}
    assert len(done) == 1
    for answer in answers:
        assert answer.status_code in {200, 409, 503}
    assert await counted(probe, headers) == 1


async def test_a_key_belongs_to_its_caller(probe: httpx.AsyncClient, caller: Callers) -> None:
    for _ in range(2):
        headers = caller("intake", OFFICER) | {"Idempotency-Key": "same"}
        assert "idempotency-replayed" not in (await probe.post("/v1/notes", json=NOTE, headers=headers)).headers
    assert await counted(probe, headers) == 2


async def test_where_money_moves_a_key_is_required(probe: httpx.AsyncClient, caller: Callers) -> None:
    answer = await probe.post("/v1/slow-notes", json=NOTE, headers=caller("intake", OFFICER))
    assert is_problem(answer, 400, "idempotency_key_required")


async def test_a_failed_commit_is_never_answered_with_success(probe: httpx.AsyncClient, caller: Callers) -> None:
    headers = caller("intake", OFFICER)
    for path in ("/v1/failing-commit", "/v1/swallowed-failure"):
        answers = await asyncio.gather(*(probe.post(path, headers=headers) for _ in range(20)))
        assert {answer.status_code for answer in answers} == {500}, path
        assert is_problem(answers[0], 500, "internal_error")


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({}, 428, "if_match_required"),
        ({"If-Match": '"2"'}, 412, "stale_version"),
        ({"If-Match": "3"}, 400, "bad_if_match"),
    ],
)
async def test_a_change_names_the_version_it_has_seen(
    probe: httpx.AsyncClient, caller: Callers, headers: dict[str, str], status: int, code: str
) -> None:
    answer = await probe.patch("/v1/notes", headers=caller("intake", OFFICER) | headers)
    assert is_problem(answer, status, code)
    if status == 412:
        assert answer.json()["current"]["version"] == 3
        assert answer.headers["etag"] == '"3"'


async def test_the_current_version_is_taken(probe: httpx.AsyncClient, caller: Callers) -> None:
    answer = await probe.patch("/v1/notes", headers=caller("intake", OFFICER) | {"If-Match": '"3"'})
    assert (answer.status_code, answer.headers["etag"]) == (200, '"3"')


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{", 400, "malformed_json"),
        (b"[]", 422, "invalid_request"),
        (b'{"name": "x", "amount_fen": 5, "more": 1}', 422, "invalid_request"),
        (b'{"name": "x", "amount_fen": 5.0}', 422, "invalid_request"),
        (b'{"name": "x", "amount_fen": true}', 422, "invalid_request"),
        (b'{"name": "x", "amount_fen": "5"}', 422, "invalid_request"),
        (b'{"name": "x", "amount_fen": 9007199254740992}', 422, "invalid_request"),
        (b'{"name": "x", "amount_fen": NaN}', 422, "invalid_request"),
        (b'{"name": "a\\u0000b", "amount_fen": 5}', 422, "nul_character"),
        (b'{"name": "\\ud800", "amount_fen": 5}', 422, "invalid_request"),
        (b"\xff\xfe", 400, "malformed_json"),
    ],
)
async def test_a_bad_body_is_refused_and_nothing_is_written(
    probe: httpx.AsyncClient, caller: Callers, body: bytes, status: int, code: str
) -> None:
    headers = caller("intake", OFFICER)
    answer = await probe.post("/v1/notes", content=body, headers=headers | {"Content-Type": "application/json"})
    assert is_problem(answer, status, code)
    assert await counted(probe, headers) == 0


async def test_a_written_out_escape_is_not_a_nul(probe: httpx.AsyncClient, caller: Callers) -> None:
    body = {"name": "the escape \\u0000 in words", "amount_fen": 1}
    assert (await probe.post("/v1/notes", json=body, headers=caller("intake", OFFICER))).status_code == 201


async def test_only_internal_tokens_for_this_service_are_believed(
    probe: httpx.AsyncClient, caller: Callers, servers: TestServers
) -> None:
    forger = Callers(read_signing_key(servers.token_seed), caller.tenant)
    for headers in ({}, caller("ledger", OFFICER), forger("intake", OFFICER), {"Authorization": "Bearer x"}):
        assert is_problem(await probe.get("/v1/notes", headers=headers), 401, "unauthenticated")
    assert is_problem(await probe.patch("/v1/notes", headers=caller("intake")), 403, "forbidden")


async def test_a_tenant_sees_only_its_own(probe: httpx.AsyncClient, caller: Callers) -> None:
    await probe.post("/v1/notes", json=NOTE, headers=caller("intake", OFFICER))
    assert await counted(probe, caller("intake", OFFICER)) == 1
    assert await counted(probe, caller("intake", OFFICER, tenant="elsewhere")) == 0


async def test_an_accident_tells_no_internals_in_either_language(probe: httpx.AsyncClient) -> None:
    for language, title in (("zh", "系统内部错误"), ("en", "Internal error")):
        answer = await probe.get(
            "/v1/accident", headers={"Accept-Language": language, "X-Request-Id": "asked-for-this"}
        )
        assert is_problem(answer, 500, "internal_error")
        assert answer.json()["title"] == title
        assert answer.json()["request_id"] == "asked-for-this"
        assert "secret" not in answer.text


async def test_the_doors_that_are_not_there(probe: httpx.AsyncClient) -> None:
    assert is_problem(await probe.get("/v1/nothing"), 404, "not_found")
    assert is_problem(await probe.delete("/v1/notes"), 405, "method_not_allowed")
    assert is_problem(await probe.get("/v1/notes?q=%00"), 400, "nul_character")


async def test_health_tells_each_dependency(probe: httpx.AsyncClient) -> None:
    assert (await probe.get("/livez")).json() == {"status": "alive"}
    assert (await probe.get("/readyz")).json() == {"status": "ready", "database": "up", "redis": "up"}


async def test_who_comes_when_it_is_full_hears_so_at_once_and_health_is_still_told(servers: TestServers) -> None:
    settings = ServiceSettings(
        database_url=SecretStr(servers.role_url("intake")),
        redis_url=servers.redis_url,
        log_level="error",
        max_in_flight=2,
    )
    app = create_app(name="intake", settings=settings, routers=[router], title="probe", description="probe")
    app.state.gate = asyncio.Event()
    transport = httpx.ASGITransport(app)
    async with app.router.lifespan_context(app), httpx.AsyncClient(transport=transport, base_url="http://x") as client:
        waiting = [asyncio.create_task(client.get("/v1/gate")) for _ in range(2)]
        while sum(not task.done() for task in waiting) < 2 or not app.state.gate._waiters:
            await asyncio.sleep(0)
        refused = await client.get("/v1/gate")
        assert is_problem(refused, 503, "overloaded")
        assert int(refused.headers["retry-after"]) >= 1
        assert (await client.get("/livez")).status_code == 200
        assert "linli_db_pool_connections" in (await client.get("/metrics")).text
        app.state.gate.set()
        assert [(await task).json() for task in waiting] == [{"said": "passed"}] * 2
        assert (await client.get("/v1/gate")).status_code == 200


async def test_a_request_that_takes_too_long_is_told_when_to_come_again(servers: TestServers) -> None:
    settings = ServiceSettings(
        database_url=SecretStr(servers.role_url("intake")),
        redis_url=servers.redis_url,
        log_level="error",
        request_timeout_s=0.05,
    )
    app = create_app(name="intake", settings=settings, routers=[router], title="probe", description="probe")
    app.state.gate = asyncio.Event()
    transport = httpx.ASGITransport(app)
    async with app.router.lifespan_context(app), httpx.AsyncClient(transport=transport, base_url="http://x") as client:
        late = await client.get("/v1/gate")
        assert late.status_code == 503
        assert late.headers["content-type"] == "application/problem+json"
        assert int(late.headers["retry-after"]) >= 1
        app.state.gate.set()
        assert (await client.get("/v1/gate")).status_code == 200


async def test_requests_are_served_beside_work_that_goes_on_and_after_it_has_failed(servers: TestServers) -> None:
    settings = ServiceSettings(
        database_url=SecretStr(servers.role_url("intake")), redis_url=servers.redis_url, log_level="error"
    )
    seen: list[str] = []

    async def fails(_: FastAPI) -> None:
        seen.append("failed")
        raise RuntimeError

    async def goes_on(_: FastAPI) -> None:
        seen.append("begun")
        try:
            await asyncio.Event().wait()
        finally:
            seen.append("ended")

    for work in (fails, goes_on):
        app = create_app(name="intake", settings=settings, routers=[], title="probe", description="probe", beside=work)
        transport = httpx.ASGITransport(app)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://x") as client,
        ):
            assert (await client.get("/readyz")).json()["status"] == "ready"
    assert seen == ["failed", "begun", "ended"]
