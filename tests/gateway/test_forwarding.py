import asyncio
import gzip
import hashlib
import os
import re

import httpx
import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from starlette.types import Send

from services.gateway.forwarding.bodies import SMALL_BODY_BYTES
from shared import tracing
from shared.auth import InternalVerifier
from tests.gateway.conftest import OpenDoor
from tests.gateway.house import Door, Seen, Service, person, raw_service, send_json, until


@pytest.mark.parametrize("size", [0, 1, 1000, SMALL_BODY_BYTES, SMALL_BODY_BYTES + 1, 900_000])
async def test_a_body_arrives_as_it_was_sent_with_its_length(door: Door, size: int) -> None:
    body = os.urandom(size)
    answer = await door.client.post("/v1/cases", content=body, headers={"content-type": "application/x-odd"})
    assert answer.status_code == 200
    [seen] = door.service.seen
    assert seen.body == body
    assert seen.header("content-type") == "application/x-odd"
    assert seen.header("transfer-encoding") is None
    assert seen.header("content-length") == (str(size) if size else None)


async def test_a_chunked_body_stays_chunked_and_whole(door: Door) -> None:
    pieces = [os.urandom(10_000) for _ in range(30)]

    async def upload() -> "asyncio.AsyncIterator[bytes]":  # type: ignore[name-defined]
        for piece in pieces:
            yield piece

    answer = await door.client.post("/v1/cases", content=upload())
    assert answer.status_code == 200
    [seen] = door.service.seen
    assert seen.body == b"".join(pieces)
    assert seen.header("transfer-encoding") == "chunked"


async def test_an_answer_comes_back_as_it_was_sent_gzip_included(open_door: OpenDoor) -> None:
    packed = gzip.compress(b'{"zh": "\xe9\x82\xbb\xe9\x87\x8c"}' * 100, mtime=0)

    async def reply(_seen: Seen, send: Send) -> None:
        headers = [
            (b"content-encoding", b"gzip"),
            (b"content-length", str(len(packed)).encode()),
            (b"etag", b'"7"'),
            (b"set-cookie", b"a=1"),
            (b"set-cookie", b"b=2"),
            (b"keep-alive", b"timeout=5"),
        ]
        await send({"type": "http.response.start", "status": 201, "headers": headers})
        await send({"type": "http.response.body", "body": packed})

    door = await open_door(service=Service(reply=reply))
    async with door.client.stream("GET", "/v1/cases/1") as answer:
        raw = b"".join([piece async for piece in answer.aiter_raw()])
    assert raw == packed
    assert answer.status_code == 201
    assert answer.headers["etag"] == '"7"'
    assert answer.headers.get_list("set-cookie") == ["a=1", "b=2"]
    assert "keep-alive" not in answer.headers
    assert len(answer.headers.get_list("date")) == 1
    assert len(answer.headers.get_list("server")) == 1


async def test_a_long_answer_flows_while_it_is_made(open_door: OpenDoor) -> None:
    go_on = asyncio.Event()

    async def reply(_seen: Seen, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"first", "more_body": True})
        await go_on.wait()
        await send({"type": "http.response.body", "body": b"second", "more_body": False})

    door = await open_door(service=Service(reply=reply))
    async with door.client.stream("GET", "/v1/cases") as answer:
        pieces = answer.aiter_raw()
        assert await anext(pieces) == b"first"
        go_on.set()
        assert b"".join([piece async for piece in pieces]) == b"second"


async def test_a_large_answer_to_a_slow_reader_is_complete_and_not_hoarded(open_door: OpenDoor) -> None:
    block = os.urandom(1 << 20)
    sent = 0

    async def reply(_seen: Seen, send: Send) -> None:
        nonlocal sent
        length = str(len(block) * 64).encode()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", length)]})
        for number in range(64):
            await send({"type": "http.response.body", "body": block, "more_body": number < 63})
            sent += 1

    door = await open_door(service=Service(reply=reply))
    digest = hashlib.sha256()
    async with door.client.stream("GET", "/v1/cases") as answer:
        pieces = answer.aiter_raw()
        digest.update(await anext(pieces))
        last = -1
        while sent != last:
            # Nobody reads: the service is held back once the buffers between are full.
            last = sent
            await asyncio.sleep(0.05)
        assert sent < 60
        async for piece in pieces:
            digest.update(piece)
    assert digest.digest() == hashlib.sha256(block * 64).digest()


async def test_head_and_not_modified_have_no_body_and_keep_their_headers(open_door: OpenDoor) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while request := await reader.readuntil(b"\r\n\r\n"):
            status = b"304 Not Modified" if b"if-none-match" in request else b"200 OK"
            writer.write(b"HTTP/1.1 " + status + b'\r\netag: "1"\r\ncontent-length: 5\r\n\r\n')
            if request.startswith(b"GET") and status.startswith(b"200"):
                writer.write(b"hello")

    async with raw_service(talk) as url:
        door = await open_door(urls={"intake": url})
        head = await door.client.head("/v1/cases/1")
        assert (head.status_code, head.headers["content-length"], head.content) == (200, "5", b"")
        for _ in range(2):
            fresh = await door.client.get("/v1/cases/1", headers={"if-none-match": '"1"'})
            assert (fresh.status_code, fresh.headers["etag"], fresh.content) == (304, '"1"', b"")
            assert (await door.client.get("/v1/cases/1")).content == b"hello"


async def test_interim_answers_are_passed_over_and_an_answer_may_end_with_the_connection(open_door: OpenDoor) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\nHTTP/1.1 200 OK\r\nx-a: b\r\n\r\nto the end")

    async with raw_service(talk) as url:
        door = await open_door(urls={"intake": url})
        answer = await door.client.get("/v1/cases/1")
        assert (answer.status_code, answer.headers["x-a"], answer.content) == (200, "b", b"to the end")
        assert "link" not in answer.headers


async def test_identity_and_connection_headers_from_outside_never_arrive(door: Door) -> None:
    mine = {
        "X-Linli-Tenant": "other",
        "x-linli-subject": "root",
        "Forwarded": "for=1.2.3.4",
        "X-Forwarded-For": "1.2.3.4",
        "X-Forwarded-Host": "evil",
        "X-Forwarded-Proto": "https",
        "X-Real-IP": "1.2.3.4",
        "Connection": "keep-alive, X-Secret",
        "X-Secret": "1",
        "TE": "trailers",
        "Proxy-Authorization": "Basic abc",
        "X-Kept": "yes",
        "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    }
    await door.client.get("/v1/cases", headers=mine)
    [seen] = door.service.seen
    names = {name.decode() for name, _ in seen.headers}
    assert not [name for name in names if name.startswith("x-linli-")]
    assert names.isdisjoint(
        {"forwarded", "x-forwarded-host", "x-real-ip", "connection", "x-secret", "te", "proxy-authorization"}
    )
    assert seen.header("x-forwarded-for") == "127.0.0.1"
    assert seen.header("x-forwarded-proto") == "http"
    assert seen.header("x-kept") == "yes"
    assert seen.header("traceparent") == mine["traceparent"]
    assert seen.header("host") != httpx.URL(door.url).netloc.decode()


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("abcdef-12345678", True),
        ("0198c0de-0000-7000-8000-000000000000", True),
        ("short", False),
        ("a" * 65, False),
        ("has space in it", False),
        ("a_underscore_b", False),
    ],
)
async def test_a_well_formed_request_id_is_kept_and_always_answered(door: Door, given: str, kept: bool) -> None:  # noqa: FBT001
    answer = await door.client.get("/v1/cases", headers={"X-Request-Id": given})
    [seen] = door.service.seen
    told = answer.headers["x-request-id"]
    assert seen.header("x-request-id") == told
    assert (told == given) is kept
    assert kept or re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", told)


async def test_the_service_gets_an_internal_token_of_the_same_caller_for_itself_only(door: Door) -> None:
    caller = person()
    headers = door.bearer(caller)
    for path in ("/v1/cases", "/v1/cases", "/v1/books"):
        assert (await door.client.get(path, headers=headers)).status_code == 200
    first, second, third = (seen.header("authorization") or "" for seen in door.service.seen)
    public = door.internal_key.private.public_key()
    assert InternalVerifier(public, "intake")(first.removeprefix("Bearer ")) == caller
    assert InternalVerifier(public, "ledger")(third.removeprefix("Bearer ")) == caller
    assert first == second != third
    assert headers["Authorization"] not in {first, third}


async def test_without_a_token_the_caller_is_anonymous(door: Door) -> None:
    await door.client.post("/v1/sign-in/codes", json={})
    [seen] = door.service.seen
    principal = InternalVerifier(door.internal_key.private.public_key(), "directory")(
        (seen.header("authorization") or "").removeprefix("Bearer ")
    )
    assert (principal.kind, principal.tenant, principal.grants) == ("anonymous", "", ())


async def test_connections_to_a_service_are_kept_and_closed_when_old(open_door: OpenDoor) -> None:
    connections: set[object] = set()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while request := await reader.readuntil(b"\r\n\r\n"):
            if request.startswith(b"GET /v1/"):
                connections.add(writer)
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")

    async with raw_service(talk) as url:
        door = await open_door(urls={"intake": url}, gateway_keepalive_s=1.5)
        for _ in range(20):
            assert (await door.client.get("/v1/cases")).content == b"ok"
        assert len(connections) == 1
        await until(lambda: not door.gateway.upstreams["intake"]._idle)
        assert (await door.client.get("/v1/cases")).content == b"ok"
        assert len(connections) == 2


async def test_many_at_once_each_get_their_own_answer(open_door: OpenDoor) -> None:
    async def reply(seen: Seen, send: Send) -> None:
        await asyncio.sleep(0)
        await send_json(send, seen.raw_path.decode() + seen.body.decode())

    door = await open_door(service=Service(reply=reply), gateway_max_in_flight=300)
    answers = await asyncio.gather(
        *(door.client.post(f"/v1/cases/{number}", content=str(number)) for number in range(300))
    )
    assert [answer.json() for answer in answers] == [f"/v1/cases/{number}{number}" for number in range(300)]
    assert door.gateway.upstreams["intake"].in_flight == 0
    assert len(door.gateway.calls) == 0


async def test_a_traced_request_leads_on_the_trace_that_it_came_with(door: Door) -> None:
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracing.use_provider(provider)
    given = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    try:
        await door.client.get("/v1/cases", headers={"traceparent": given})
        await door.client.get("/v1/offers")
    finally:
        tracing.use_provider(None)
    led, begun = exporter.get_finished_spans()
    assert led.name == "GET /v1/cases"
    sent = [seen.header("traceparent") or "" for seen in door.service.seen[-2:]]
    assert sent[0] == f"00-{given.split('-')[1]}-{led.context.span_id:016x}-01"
    assert sent[1].split("-")[1] == f"{begun.context.trace_id:032x}" != given.split("-")[1]
