"""Partners' receivers on loopback, and the postman that brings them what the matching tells."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from services.matching.outgoing.jobs import open_postman
from services.matching.outgoing.postman import Postman
from services.matching.outgoing.settings import OutgoingSettings
from shared.db import Database
from shared.webhooks import SignedMessage, read_signed_message
from tests.matching.conftest import Headers, Json, Quarter

NEED = "linli.need.opened.v1"
EVERYTHING = [
    "linli.campaign.settled.v1",
    "linli.case.triaged.v1",
    "linli.grant.decided.v1",
    "linli.match.accepted.v1",
    "linli.match.refused.v1",
    NEED,
    "linli.payment.made.v1",
    "linli.project.completed.v1",
    "linli.project.opened.v1",
    "linli.project.progressed.v1",
    "linli.webhook_endpoint.disabled.v1",
]


@dataclass
class Heard:
    """One request as it came."""

    path: str
    headers: list[tuple[str, str]]
    body: bytes
    at: float

    @property
    def id(self) -> str:
        return dict(self.headers)["webhook-id"]

    @property
    def told(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found

    @property
    def signed(self) -> SignedMessage:
        return read_signed_message(self.headers)


@dataclass
class Receiver:
    """Somebody's HTTP server: what it heard, and what it answers, by path."""

    port: int = 0
    heard: list[Heard] = field(default_factory=list)
    # Raw answers; without one it is 204.
    answers: dict[str, bytes] = field(default_factory=dict)
    # Paths that get no answer at all, or one byte now and then.
    silent: set[str] = field(default_factory=set)
    dripping: set[str] = field(default_factory=set)
    open_now: int = 0
    open_most: int = 0
    before_answer: Callable[[Heard], Any] | None = None

    def url(self, path: str = "/hook") -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def at(self, path: str) -> list[Heard]:
        return [one for one in self.heard if one.path == path]

    def says(self, path: str, status: int, headers: str = "", body: bytes = b"") -> None:
        head = f"HTTP/1.1 {status} X\r\n{headers}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        self.answers[path] = head.encode() + body

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open_now += 1
        self.open_most = max(self.open_most, self.open_now)
        try:
            while head := (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n"):
                pairs = [line.partition(": ")[::2] for line in head[1:] if line]
                headers = [(name.lower(), value) for name, value in pairs]
                body = await reader.readexactly(int(dict(headers)["content-length"]))
                one = Heard(head[0].split(" ")[1], headers, body, time.monotonic())
                self.heard.append(one)
                await self._answer(one, reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.open_now -= 1
            writer.close()

    async def _answer(self, one: Heard, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if one.path in self.silent:
            await reader.read()
            return
        if one.path in self.dripping:
            writer.write(b"HTTP/1.1 200 X\r\n")
            while not writer.is_closing():
                writer.write(b"X-Y: z\r\n")
                await writer.drain()
                await asyncio.sleep(0.01)
            return
        if self.before_answer is not None:
            await self.before_answer(one)
        writer.write(self.answers.get(one.path, b"HTTP/1.1 204 X\r\n\r\n"))
        await writer.drain()


@asynccontextmanager
async def receiver() -> AsyncIterator[Receiver]:
    built = Receiver()
    server = await asyncio.start_server(built.serve, "127.0.0.1", 0)
    built.port = server.sockets[0].getsockname()[1]
    try:
        yield built
    finally:
        server.close()


@asynccontextmanager
async def postman(**settings: Any) -> AsyncIterator[Postman]:
    """A postman of its own, as a worker builds it."""
    built = open_postman(OutgoingSettings(**settings))
    try:
        yield built
    finally:
        await built.close()


@dataclass
class Partner:
    """A vetted partner, its staff, and its endpoint."""

    quarter: Quarter
    id: str
    by: Headers
    endpoint: dict[str, Any]

    @property
    def secret(self) -> str:
        return str(self.endpoint["secret"])

    @property
    def path(self) -> str:
        return f"/v1/webhook-endpoints/{self.endpoint['id']}"

    async def seen(self) -> dict[str, Any]:
        return await self.quarter.read(self.path, by=self.by)

    async def deliveries(self, **query: Json) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await self.quarter.read(f"{self.path}/deliveries", by=self.by, **query))["items"]
        return found

    async def detail(self, delivery_id: str) -> dict[str, Any]:
        return await self.quarter.read(f"/v1/webhook-deliveries/{delivery_id}", by=self.by)

    async def states(self) -> list[str]:
        return [item["state"] for item in reversed(await self.deliveries())]


async def register(quarter: Quarter, partner: dict[str, Any], unit: str, url: str, *types: str) -> Partner:
    by = quarter.staff_of(unit)
    body = {"partner_id": partner["id"], "url": url, "event_types": list(types or EVERYTHING)}
    return Partner(quarter, partner["id"], by, await quarter.made("/v1/webhook-endpoints", body, by=by))


async def subscribed(quarter: Quarter, url: str, *types: str, unit: str = "school", area: str = "d") -> Partner:
    """A new vetted partner with an endpoint."""
    return await register(quarter, await quarter.partner(unit, area), unit, url, *types)


async def heard_of_need(quarter: Quarter, area: str = "d.z.c1", **members: Json) -> str:
    """Open a need and let the matching hear of it as what partners are told; returns its id."""
    need = await quarter.need(area, **members)
    await quarter.pipe.rest()
    return str(need["id"])


async def sql(database: Database, tenant: str, statement: str) -> list[tuple[Any, ...]]:
    async with database.write(tenant) as session:
        result = await (await session.connection()).exec_driver_sql(statement)
        return [tuple(row) for row in result] if result.returns_rows else []


def uuid_of(text: str) -> UUID:
    return UUID(text)
