"""What the gateway's tests stand on: servers in this very process, a service that records, and a directory's tokens."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import orjson
import uvicorn
from starlette.types import Receive, Scope, Send

from services.gateway.app import Gateway
from services.gateway.server import GatewayProtocol
from services.gateway.settings import UPSTREAMS, GatewaySettings
from shared.auth import Grant, Principal, Role, SigningKey, mint_access
from shared.ids import new_id

Reply = Callable[["Seen", Send], Awaitable[None]]


@dataclass
class Seen:
    """One request as a service saw it."""

    method: str
    raw_path: bytes
    query: bytes
    headers: list[tuple[bytes, bytes]]
    body: bytes = b""
    whole: bool = False

    def header(self, name: str) -> str | None:
        found = [value.decode() for key, value in self.headers if key == name.encode()]
        assert len(found) < 2, f"{name} came twice"
        return found[0] if found else None


async def send_json(send: Send, value: object, status: int = 200, *headers: tuple[bytes, bytes]) -> None:
    body = orjson.dumps(value)
    own = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": [*own, *headers]})
    await send({"type": "http.response.body", "body": body})


async def plain(seen: Seen, send: Send) -> None:
    """Answer as a service would."""
    await send_json(send, {"path": seen.raw_path.decode(), "bytes": len(seen.body)})


@dataclass
class Service:
    """A service that records what comes, and the directory when it is asked for keys."""

    keys: list[SigningKey] = field(default_factory=list)
    reply: Reply = plain
    openapi: dict[str, Any] = field(default_factory=lambda: {"openapi": "3.1.0", "paths": {}})
    readiness: str = "ready"
    seen: list[Seen] = field(default_factory=list)
    jwks_asked: int = 0
    left: int = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        own: dict[str, object] = {
            "/openapi.json": self.openapi,
            "/readyz": {"status": self.readiness},
            "/.well-known/jwks.json": {"keys": [key.jwk for key in self.keys]},
        }
        if scope["path"] in own:
            self.jwks_asked += scope["path"].endswith("jwks.json")
            await send_json(send, own[scope["path"]])
            return
        seen = Seen(scope["method"], scope["raw_path"], scope["query_string"], list(scope["headers"]))
        self.seen.append(seen)
        while not seen.whole:
            message = await receive()
            if message["type"] == "http.disconnect":
                self.left += 1
                return
            seen.body += message["body"]
            seen.whole = not message["more_body"]
        answering = asyncio.ensure_future(self.reply(seen, send))
        leaving = asyncio.ensure_future(receive())
        await asyncio.wait({answering, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if answering.done():
            answering.result()
        else:
            self.left += 1
            answering.cancel()
        leaving.cancel()
        await asyncio.gather(answering, leaving, return_exceptions=True)


class _Server(uvicorn.Server):
    """Ends when it is told to, and not at the next tenth of a second: hundreds of servers come and go in these tests."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._told = asyncio.Event()

    def end(self) -> None:
        self.should_exit = True
        self._told.set()

    async def main_loop(self) -> None:
        counter = 0
        while not await self.on_tick(counter):
            counter += 1
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._told.wait(), 0.1)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:  # noqa: ARG002 - its caller closes them
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.config.timeout_graceful_shutdown):
                while self.server_state.connections or self.server_state.tasks:
                    await asyncio.sleep(0.005)
        for task in self.server_state.tasks:
            task.cancel()
        await self.lifespan.shutdown()


@asynccontextmanager
async def serving(app: Any, *, port: int = 0, keep_alive_s: int = 30, http: Any = None) -> AsyncIterator[str]:
    """Serve an ASGI app on loopback in this process; yields its URL."""
    # With its protocol named, asyncio sends what is written at once instead of waiting for the peer to acknowledge.
    listening = socket.socket(proto=socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind(("127.0.0.1", port))
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        proxy_headers=False,
        lifespan="on" if isinstance(app, Gateway) else "off",
        http=http or (GatewayProtocol if isinstance(app, Gateway) else "httptools"),
        timeout_keep_alive=keep_alive_s,
        timeout_graceful_shutdown=1,
    )
    server = _Server(config)
    task = asyncio.create_task(server._serve(sockets=[listening]))
    try:
        await until(lambda: server.started or task.done())
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.end()
        await task
        listening.close()


@asynccontextmanager
async def raw_service(
    talk: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
) -> AsyncIterator[str]:
    """Serve bytes that no HTTP server would send."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await talk(reader, writer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        await server.wait_closed()


async def until(condition: Callable[[], bool], within_s: float = 10.0) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(within_s):
        while not condition():
            await asyncio.sleep(0.005)


def person(tenant: str = "huancui") -> Principal:
    return Principal(tenant, new_id(), "person", (Grant(Role.OFFICER, "district.zone"),), new_id())


@dataclass
class Door:
    """A running gateway and what belongs to it."""

    url: str
    gateway: Gateway
    service: Service
    client: httpx.AsyncClient
    token_key: SigningKey
    internal_key: SigningKey

    def bearer(self, principal: Principal | None = None, ttl_s: int = 900) -> dict[str, str]:
        return {"Authorization": f"Bearer {mint_access(principal or person(), self.token_key, ttl_s)}"}

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    async def raw(self, data: bytes) -> bytes:
        """Send bytes as they are, and return everything that comes back until the gateway closes or pauses."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(data)
        answer = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
        writer.close()
        await writer.wait_closed()
        return answer


def settings_for(urls: dict[str, str], seed: str, redis_url: str, **changes: Any) -> GatewaySettings:
    defaults: dict[str, Any] = {
        "gateway_caller_rate_per_s": 10_000,
        "gateway_caller_burst": 10_000,
        "gateway_anonymous_rate_per_s": 10_000,
        "gateway_anonymous_burst": 10_000,
        "log_level": "error",
    }
    addresses = {f"{name}_url": urls[name] for name in UPSTREAMS}
    return GatewaySettings(**(defaults | addresses | {"internal_private_key": seed, "redis_url": redis_url} | changes))
