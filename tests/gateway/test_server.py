"""The server's shortcut for whole answers shows in nothing but the number of writes."""

import asyncio
import re

import pytest

from services.gateway.server import GatewayProtocol
from tests.gateway.conftest import OpenDoor
from tests.gateway.house import Door, raw_service


async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer each path in a way of its own."""
    while request := await reader.readuntil(b"\r\n\r\n"):
        path = request.split(b" ")[1].rpartition(b"/")[2]
        if path == b"chunked":
            writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n")
        elif path == b"empty":
            writer.write(b"HTTP/1.1 204 No Content\r\nx-a: b\r\n\r\n")
        elif path == b"same":
            writer.write(b'HTTP/1.1 304 Not Modified\r\netag: "1"\r\n\r\n')
        elif path == b"odd":
            writer.write(b"HTTP/1.1 599 Odd\r\ncontent-length: 0\r\n\r\n")
        else:
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n")
            writer.write(b"" if request.startswith(b"HEAD") else b"hello")


async def exchange(door: Door, data: bytes, ends: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
    writer.write(data)
    said = await asyncio.wait_for(reader.readuntil(ends), 5)
    writer.close()
    await writer.wait_closed()
    return re.sub(rb"(x-request-id|date): [^\r]+", rb"\1", said)


REQUESTS = {
    "get": (b"GET /v1/cases/plain HTTP/1.1\r\nhost: x\r\n\r\n", b"hello"),
    "head": (b"HEAD /v1/cases/plain HTTP/1.1\r\nhost: x\r\n\r\n", b"\r\n\r\n"),
    "empty": (b"DELETE /v1/cases/empty HTTP/1.1\r\nhost: x\r\n\r\n", b"\r\n\r\n"),
    "same": (b"GET /v1/cases/same HTTP/1.1\r\nhost: x\r\n\r\n", b"\r\n\r\n"),
    "odd": (b"GET /v1/cases/odd HTTP/1.1\r\nhost: x\r\n\r\n", b"\r\n\r\n"),
    "close": (b"GET /v1/cases/plain HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n", b"hello"),
    "old": (b"GET /v1/cases/plain HTTP/1.0\r\n\r\n", b"hello"),
    "pipelined": (b"GET /v1/cases/plain HTTP/1.1\r\nhost: x\r\n\r\n" * 3, b"hello" * 1),
    "post": (b"POST /v1/cases/plain HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n", b"hello"),
}


@pytest.mark.parametrize("name", REQUESTS)
async def test_both_ways_send_the_same_bytes(open_door: OpenDoor, name: str) -> None:
    async with raw_service(talk) as url:
        doors = [await open_door(urls={"intake": url}, http=http) for http in (GatewayProtocol, "httptools")]
        quick, ordinary = [await exchange(door, *REQUESTS[name]) for door in doors]
    assert quick == ordinary
    assert (b"connection: close" in quick) is (name in {"close", "old"})


async def test_an_answer_of_unknown_length_gets_one_when_it_is_whole(open_door: OpenDoor) -> None:
    async with raw_service(talk) as url:
        door = await open_door(urls={"intake": url})
        answer = await door.client.get("/v1/cases/chunked")
    assert answer.content == b"hello"
    assert answer.headers["content-length"] == "5"
    assert "transfer-encoding" not in answer.headers


async def test_pipelined_requests_are_answered_in_their_order(open_door: OpenDoor) -> None:
    async with raw_service(talk) as url:
        door = await open_door(urls={"intake": url})
        reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
        paths = ["plain", "empty", "chunked", "same", "plain"]
        writer.write(b"".join(b"GET /v1/cases/%b HTTP/1.1\r\nhost: x\r\n\r\n" % path.encode() for path in paths))
        heads = []
        for path in paths:
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
            heads.append(int(head.split(b" ")[1]))
            if path in {"plain", "chunked"}:
                assert await reader.readexactly(5) == b"hello"
        assert heads == [200, 204, 200, 304, 200]
        writer.close()
        await writer.wait_closed()
