"""People with devices, notifications that are due for them, and a provider's bridge that listens on loopback."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import httpx

from services.directory.deliveries.postman import Postman
from services.directory.deliveries.rules import Channel
from services.directory.deliveries.senders import HttpSender
from services.directory.deliveries.settings import DeliverySettings
from shared.contracts.intake import NotificationDue
from shared.db import Database
from shared.ids import new_id
from shared.testing import Pipe
from shared.vault import Vault
from tests.directory.conftest import Headers, Json, Town

AWAKE = {"push": True, "sms": False, "quiet_from": None, "quiet_to": None}


@dataclass
class Bridge:
    """Somebody's HTTP server: what it heard, and what it answers to an address."""

    port: int = 0
    heard: list[dict[str, Any]] = field(default_factory=list)
    answers: dict[str, int] = field(default_factory=dict)
    # Addresses that get no answer at all.
    silent: set[str] = field(default_factory=set)
    before_answer: Callable[[], Any] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/messages"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:])}
            body = json.loads(await reader.readexactly(int(headers["content-length"])))
            self.heard.append({**body, "key": headers["idempotency-key"], "auth": headers.get("authorization")})
            if body["to"] in self.silent:
                await reader.read()
                return
            if self.before_answer is not None:
                await self.before_answer()
            status = self.answers.get(body["to"], 202)
            writer.write(f"HTTP/1.1 {status} X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
            await writer.drain()
        finally:
            writer.close()

    def to(self, address: str) -> list[dict[str, Any]]:
        return [message for message in self.heard if message["to"] == address]


@asynccontextmanager
async def bridge() -> AsyncIterator[Bridge]:
    built = Bridge()
    server = await asyncio.start_server(built.serve, "127.0.0.1", 0)
    built.port = server.sockets[0].getsockname()[1]
    try:
        yield built
    finally:
        server.close()


@asynccontextmanager
async def postman(built: Bridge, vault: Vault, *, timeout_s: float = 5.0, **limits: int) -> AsyncIterator[Postman]:
    """A postman whose channels both go to the bridge."""
    settings = DeliverySettings(**limits)  # type: ignore[arg-type]
    async with httpx.AsyncClient(trust_env=False) as client:
        sender = HttpSender(client, built.url, "the-secret", timeout_s)
        yield Postman(vault, {Channel.PUSH: sender, Channel.SMS: sender}, settings)


@dataclass
class Somebody:
    """A registered person who is signed in."""

    town: Town
    id: UUID
    by: Headers

    async def register(self, token: str, **members: Json) -> httpx.Response:
        body = {"platform": "android", "token": token, "client_id": "resident-app", **members}
        return await self.town.post("/v1/me/devices", body, by=self.by)

    async def wish(self, version: int = 1, **members: Json) -> httpx.Response:
        return await self.town.call(
            "PUT", "/v1/me/notification-preferences", {**AWAKE, **members}, by=self.by, version=version
        )

    async def deliveries(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await self.town.get("/v1/me/deliveries", by=self.by)).json()
        return found


async def somebody(town: Town, **members: Json) -> Somebody:
    person = UUID((await town.person(**members))["id"])
    return Somebody(town, person, town.caller("directory", person=person))


def due(person_id: UUID, *, urgent: bool = False, notification_id: UUID | None = None) -> NotificationDue:
    return NotificationDue(
        notification_id=notification_id or new_id(),
        person_id=person_id,
        kind="case_accepted",
        case_id=None,
        title_zh="您的诉求已受理",
        title_en="Your case has been accepted",
        urgent=urgent,
    )


async def tell(pipe: Pipe, town: Town, *events: NotificationDue) -> None:
    """Let the intake say that somebody is to be told."""
    for event in events:
        await pipe.publish("intake", town.caller.tenant, f"person/{event.person_id}", event)
    await pipe.rest()


async def rows(databases: dict[str, Database], town: Town, query: str) -> list[tuple[Any, ...]]:
    async with databases["directory"].read(town.caller.tenant) as session:
        connection = await session.connection()
        return [tuple(row) for row in await connection.exec_driver_sql(query)]


async def run(databases: dict[str, Database], town: Town, statement: str) -> None:
    async with databases["directory"].write(town.caller.tenant) as session:
        await (await session.connection()).exec_driver_sql(statement)


async def published(databases: dict[str, Database], town: Town, kind: str) -> list[dict[str, Any]]:
    """Return the payloads of one kind that the directory has published, in their order."""
    found = await rows(databases, town, "SELECT body FROM directory.outbox ORDER BY sequence, id")
    bodies = [body if isinstance(body, dict) else json.loads(body) for (body,) in found]
    return [body["data"] for body in bodies if body["type"] == kind]
