import asyncio
import socket
from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.types import Send

from tests.gateway.conftest import OpenDoor
from tests.gateway.house import Door, Seen, Service, raw_service, send_json, serving, until

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@pytest.fixture
def nobody() -> str:
    """An address at which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_service_that_is_down_is_told_and_the_others_go_on(
    open_door: OpenDoor, nobody: str, method: str
) -> None:
    door = await open_door(urls={"ledger": nobody})
    answer = await door.client.request(method, "/v1/books")
    assert answer.status_code == 503
    assert answer.json()["code"] == "upstream_down"
    assert int(answer.headers["retry-after"]) >= 1
    assert (await door.client.get("/v1/cases")).status_code == 200


async def test_a_refused_connection_is_tried_once_more(open_door: OpenDoor, nobody: str) -> None:
    door = await open_door(urls={"ledger": nobody})
    late = Service()
    asking = asyncio.create_task(door.client.post("/v1/books", content=b"abc"))
    await until(lambda: door.gateway.upstreams["ledger"].in_flight == 1)
    async with serving(late, port=int(nobody.rpartition(":")[2])):
        answer = await asking
    assert answer.status_code == 200
    assert [seen.body for seen in late.seen] == [b"abc"]


async def test_an_address_that_swallows_connections_is_given_up(open_door: OpenDoor) -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        fillers = []
        for _ in range(3):
            filler = socket.socket()
            filler.settimeout(0)
            filler.connect_ex(full.getsockname())
            fillers.append(filler)
        url = f"http://127.0.0.1:{full.getsockname()[1]}"
        door = await open_door(urls={"ledger": url}, gateway_connect_timeout_s=0.2)
        answer = await door.client.post("/v1/books")
        for filler in fillers:
            filler.close()
    assert answer.status_code == 504
    assert answer.json()["code"] == "upstream_timeout"


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_service_that_does_not_answer_in_time_is_given_up_and_told_so(open_door: OpenDoor, method: str) -> None:
    async def reply(_seen: Seen, _send: Send) -> None:
        await asyncio.Event().wait()

    door = await open_door(service=Service(reply=reply), gateway_total_timeout_s=0.4)
    answer = await door.client.request(method, "/v1/cases")
    assert answer.status_code == 504
    assert answer.json()["code"] == "upstream_timeout"
    await until(lambda: door.service.left == 1)
    assert len(door.service.seen) == 1, "what was sent is not sent again"


async def test_an_answer_that_stops_in_the_middle_is_torn_not_completed(open_door: OpenDoor) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        framing = (
            b"transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n"
            if b"chunked" in request
            else b"content-length: 10\r\n\r\nhello"
        )
        writer.write(b"HTTP/1.1 200 OK\r\n" + framing)
        await writer.drain()

    async with raw_service(talk) as url:
        door = await open_door(urls={"intake": url})
        for kind in ("length", "chunked"):
            with pytest.raises(httpx.RemoteProtocolError):
                await door.client.get(f"/v1/cases/{kind}")
    assert door.gateway.upstreams["intake"].in_flight == 0


@pytest.mark.parametrize(
    "said",
    [
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello!",
        b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"x-a: " + b"a" * 400_000 + b"\r\n\r\n",
    ],
)
async def test_an_answer_that_is_not_http_is_a_bad_gateway(open_door: OpenDoor, said: bytes) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(said)
        await reader.read()

    async with raw_service(talk) as url:
        door = await open_door(urls={"intake": url})
        answer = await door.client.get("/v1/cases")
        assert answer.status_code == 502
        assert answer.json()["code"] == "bad_answer"


async def test_bytes_that_nobody_asked_for_never_become_anothers_answer(open_door: OpenDoor) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.readuntil(b"\r\n\r\n"):
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nmine")
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nothers")

    async with raw_service(talk) as url:
        door = await open_door(urls={"intake": url})
        for _ in range(10):
            assert (await door.client.get("/v1/cases")).content == b"mine"


def closing_after(kept: int) -> tuple[list[bytes], object]:
    """A service that answers some requests on a connection and then closes it upon the next, unanswered."""
    requests: list[bytes] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(kept):
            requests.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
        requests.append(await reader.readuntil(b"\r\n\r\n"))

    return requests, talk


async def test_a_kept_connection_that_closes_in_the_very_moment_costs_a_reader_nothing(open_door: OpenDoor) -> None:
    requests, talk = closing_after(1)
    async with raw_service(talk) as url:  # type: ignore[arg-type]
        door = await open_door(urls={"intake": url})
        for _ in range(5):
            assert (await door.client.get("/v1/cases")).status_code == 200
    asked = [request for request in requests if request.startswith(b"GET /v1/")]
    assert len(asked) > 5, "some were asked again"


async def test_what_changes_something_is_never_sent_twice(open_door: OpenDoor) -> None:
    requests, talk = closing_after(1)
    async with raw_service(talk) as url:  # type: ignore[arg-type]
        door = await open_door(urls={"intake": url})
        assert (await door.client.get("/v1/cases")).status_code == 200
        answer = await door.client.post("/v1/cases", headers={"X-Request-Id": "only-once-1"})
    assert answer.status_code == 503
    assert answer.json()["code"] == "upstream_lost"
    assert len([request for request in requests if b"only-once-1" in request]) == 1


async def test_what_carries_a_key_is_sent_again_when_no_byte_had_come(open_door: OpenDoor) -> None:
    requests, talk = closing_after(1)
    async with raw_service(talk) as url:  # type: ignore[arg-type]
        door = await open_door(urls={"intake": url})
        assert (await door.client.get("/v1/cases")).status_code == 200
        headers = {"X-Request-Id": "twice-if-need-be", "Idempotency-Key": "a key"}
        answer = await door.client.post("/v1/cases", headers=headers, content=b"{}")
    assert answer.status_code == 200
    assert len([request for request in requests if b"twice-if-need-be" in request]) == 2


async def test_a_header_that_only_speaks_of_a_key_is_no_key(open_door: OpenDoor) -> None:
    requests, talk = closing_after(1)
    async with raw_service(talk) as url:  # type: ignore[arg-type]
        door = await open_door(urls={"intake": url})
        assert (await door.client.get("/v1/cases")).status_code == 200
        headers = {"X-Request-Id": "only-once-2", "X-About": "idempotency-key"}
        answer = await door.client.post("/v1/cases", headers=headers)
    assert answer.status_code == 503
    assert len([request for request in requests if b"only-once-2" in request]) == 1


async def test_a_client_that_leaves_takes_its_request_along(open_door: OpenDoor) -> None:
    async def reply(_seen: Seen, _send: Send) -> None:
        await asyncio.Event().wait()

    door = await open_door(service=Service(reply=reply))
    _, writer = await asyncio.open_connection("127.0.0.1", door.port)
    writer.write(b"GET /v1/cases HTTP/1.1\r\nhost: x\r\n\r\n")
    await until(lambda: len(door.service.seen) == 1)
    writer.close()
    await writer.wait_closed()
    await until(lambda: door.service.left == 1)
    await until(lambda: len(door.gateway.calls) == 0)
    assert door.gateway.upstreams["intake"].in_flight == 0
    assert b'status="499",upstream="intake"' in (await door.client.get("/metrics")).content.replace(
        b'upstream="intake",status="499"', b'status="499",upstream="intake"'
    )


async def test_a_client_that_leaves_while_it_sends_takes_its_request_along(door: Door) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", door.port)
    writer.write(b"POST /v1/cases HTTP/1.1\r\nhost: x\r\ncontent-length: 900000\r\n\r\n" + b"x" * 100_000)
    await until(lambda: len(door.service.seen) == 1)
    writer.close()
    await writer.wait_closed()
    await until(lambda: door.service.left == 1)
    assert not door.service.seen[0].whole
    await until(lambda: len(door.gateway.calls) == 0)


async def test_an_early_answer_ends_the_upload(open_door: OpenDoor) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await send_early(writer)

    async def send_early(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 415 Unsupported Media Type\r\ncontent-length: 2\r\n\r\nno")
        await writer.drain()

    async def upload() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * 100

    async with raw_service(talk) as url:
        door = await open_door(urls={"intake": url})
        _, writer = (streams := await asyncio.open_connection("127.0.0.1", door.port))
        writer.write(b"POST /v1/cases HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n")
        assert (await streams[0].readuntil(b"no")).startswith(b"HTTP/1.1 415 ")
        writer.close()
        await writer.wait_closed()
        await until(lambda: len(door.gateway.calls) == 0)
        assert door.gateway.upstreams["intake"].in_flight == 0


async def test_more_than_a_service_bears_is_turned_away_at_the_door(open_door: OpenDoor) -> None:
    free = asyncio.Event()

    async def reply(_seen: Seen, send: Send) -> None:
        await free.wait()
        await send_json(send, "late")

    door = await open_door(service=Service(reply=reply), gateway_max_in_flight=5)
    waiting = [asyncio.create_task(door.client.get("/v1/cases")) for _ in range(5)]
    await until(lambda: len(door.service.seen) == 5)
    turned_away = await door.client.get("/v1/cases")
    assert turned_away.status_code == 503
    assert turned_away.json()["code"] == "overloaded"
    assert int(turned_away.headers["retry-after"]) >= 1
    free.set()
    assert [(await task).status_code for task in waiting] == [200] * 5
    assert (await door.client.get("/v1/cases")).status_code == 200
    assert len(door.service.seen) == 6
