import asyncio
from collections.abc import AsyncIterator

import pytest

from services.gateway.forwarding.bodies import SMALL_BODY_BYTES
from tests.gateway.conftest import OpenDoor
from tests.gateway.house import Door, until

MEMBERS = {"type", "title", "status", "detail", "code", "request_id", "errors"}


@pytest.mark.parametrize(
    ("language", "title"),
    [
        ("zh-CN,zh;q=0.9", "没有这个地址"),
        ("en-GB", "There is nothing at this address"),
        ("fr", "没有这个地址"),
        ("fr, en;q=0.5", "There is nothing at this address"),
    ],
)
async def test_a_refusal_is_a_problem_in_the_callers_language(door: Door, language: str, title: str) -> None:
    answer = await door.client.get("/nowhere", headers={"Accept-Language": language, "X-Request-Id": "abcdefgh-1"})
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    told = answer.json()
    assert set(told) >= MEMBERS
    assert (told["title"], told["status"], told["code"]) == (title, 404, "no_such_path")
    assert told["request_id"] == answer.headers["x-request-id"] == "abcdefgh-1"


@pytest.mark.parametrize("method", ["TRACE", "PROPFIND"])
async def test_a_method_that_nobody_takes_is_refused(door: Door, method: str) -> None:
    answer = await door.client.request(method, "/v1/cases")
    assert answer.status_code == 405
    assert "PATCH" in answer.headers["allow"]
    assert (await door.client.post("/livez")).status_code == 405
    assert door.service.seen == []


@pytest.mark.parametrize(("path", "limit"), [("/v1/cases", 2000), ("/v1/attachments", 5000)])
async def test_an_announced_body_over_the_limit_is_refused_before_it_is_read(
    open_door: OpenDoor, path: str, limit: int
) -> None:
    door = await open_door(gateway_body_limit_bytes=2000, gateway_attachment_limit_bytes=5000)
    assert (await door.client.post(path, content=b"x" * limit)).status_code == 200
    answer = await door.client.post(path, content=b"x" * (limit + 1))
    assert answer.status_code == 413
    assert (answer.json()["code"], answer.json()["limit_bytes"]) == ("body_too_large", limit)
    assert answer.headers["connection"] == "close"
    head = f"POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: {limit + 1}\r\nexpect: 100-continue\r\n\r\n"
    assert (await door.raw(head.encode())).startswith(b"HTTP/1.1 413 ")
    assert len(door.service.seen) == 1


async def test_an_unannounced_body_over_the_limit_is_cut_off_and_no_service_takes_the_part(open_door: OpenDoor) -> None:
    door = await open_door(gateway_body_limit_bytes=300_000)

    async def endless() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b"x" * 10_000

    answer = await door.client.post("/v1/cases", content=endless())
    assert answer.status_code == 413
    [seen] = door.service.seen
    assert not seen.whole
    await until(lambda: door.service.left == 1)
    assert door.gateway.upstreams["intake"].in_flight == 0


async def test_a_body_that_does_not_come_is_not_waited_for(open_door: OpenDoor) -> None:
    door = await open_door(gateway_total_timeout_s=0.3)
    for length in (10, SMALL_BODY_BYTES + 10):
        head = b"POST /v1/cases HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\nabc" % length
        assert (await door.raw(head)).startswith(b"HTTP/1.1 408 ")
    assert len([seen for seen in door.service.seen if seen.whole]) == 0


async def test_a_small_body_that_is_still_coming_costs_no_service_anything(door: Door) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
    writer.write(b"POST /v1/cases HTTP/1.1\r\nhost: x\r\ncontent-length: 6\r\n\r\nabc")
    await writer.drain()
    await until(lambda: len(door.gateway.calls) == 1)
    assert door.service.seen == []
    writer.write(b"def")
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")
    assert door.service.seen[0].body == b"abcdef"
    writer.close()
    await writer.wait_closed()


async def test_headers_without_end_are_refused(door: Door) -> None:
    many = {f"x-h-{number}": "v" * 1000 for number in range(70)}
    answer = await door.client.get("/v1/cases", headers=many)
    assert answer.status_code == 431
    assert answer.json()["code"] == "headers_too_large"
    assert door.service.seen == []


@pytest.mark.parametrize(
    "head",
    [
        b"POST /v1/cases HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /v1/cases HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\nabcd",
        b"POST /v1/cases HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n",
        b"POST /v1/cases HTTP/1.1\r\nhost: x\r\ncontent-length: 1e3\r\n\r\n",
        b"GET /v1/cases HTTP/1.1\r\nhost: x\r\nx-a: b\r\n : c\r\n\r\n",
    ],
)
async def test_a_request_whose_end_can_be_read_in_two_ways_is_refused(door: Door, head: bytes) -> None:
    assert (await door.raw(head)).startswith(b"HTTP/1.1 400 ")
    assert door.service.seen == []
