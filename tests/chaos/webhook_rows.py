"""Webhooks in, against one process of the matching on its own: rows 15 and 16."""

import asyncio
import json
import os
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, Final, Protocol
from uuid import UUID

import asyncpg

from services.matching.webhook_secrets.service import seal_secret
from shared.clock import machine_now
from shared.contracts import SERVICES
from shared.ids import new_id
from shared.testing import TestServers, start_servers
from shared.vault import Vault
from shared.webhooks import SharedSecret, new_secret, sign
from tests.chaos.told import Told
from tests.serving import ServiceProcess

__all__ = ["WEBHOOK_ROWS", "Door", "DoorRow", "Line", "door_alone"]

_TENANT: Final = "pushed"
_TOGETHER: Final = 100
_P99_MS: Final = 50.0
_BARE: Final = b"GET /livez HTTP/1.1\r\nhost: door\r\n\r\n"
_KEPT: Final = "SELECT count(*) FROM matching.webhook_deliveries"
_REFUSALS: Final = frozenset({400, 401})
_FURNITURE: Final = """
INSERT INTO matching.areas (tenant_id, id, path, kind, name) VALUES ($1, $2, 'd', 'district', 'd');
INSERT INTO matching.units (tenant_id, id, name, kind, area_id, area_path, active)
    VALUES ($1, $3, 'u', 'enterprise', $2, 'd', true);
INSERT INTO matching.partners (tenant_id, id, unit_id, kind, area_id, coverage, further_area_ids, further_coverages,
    state, kept, late, broken, applied_at, version)
    VALUES ($1, $4, $3, 'business', $2, 'd', '{}', '{}', 'vetted', 0, 0, 0, now(), 1);
INSERT INTO matching.webhook_secrets (tenant_id, id, partner_id, mode, scheme, sealed, hint, created_by, created_at,
    version)
    VALUES ($1, $5, $4, 'live', 'v1', $6, 'hint', 'test', now(), 1)"""


class Line:
    """One connection that stays open. Its client is as thin as one can be: what is measured is the service."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, port: int) -> "Line":
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def ask(self, request: bytes) -> tuple[int, bytes, float]:
        """Return the status, the body, and how many seconds it took."""
        began = time.perf_counter()
        self._writer.write(request)
        head = await self._reader.readuntil(b"\r\n\r\n")
        took = time.perf_counter() - began
        length = next(
            int(line.partition(b":")[2]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")
        )
        return int(head[9:12]), await self._reader.readexactly(length), took

    def close(self) -> None:
        self._writer.close()


@dataclass
class Door:
    """A partner's address in a running service, and its secret."""

    owner: Any
    port: int
    partner_id: UUID
    area_id: UUID
    secret: SharedSecret

    def batch(self, items: int = 1) -> bytes:
        """Write a batch."""
        item = {
            "kind": "goods",
            "category": "extinguisher",
            "title": "灭火器",
            "description": "4 公斤干粉灭火器",
            "area_id": str(self.area_id),
            "quantity": 100,
        }
        named = [{"external_id": f"e{number}", "external_version": 1, **item} for number in range(items)]
        return json.dumps({"type": "offers.pushed", "data": {"items": named}}).encode()

    def signed(self, body: bytes, message_id: str) -> dict[str, str]:
        """Sign a message."""
        return sign(message_id, machine_now(), body, [self.secret])

    def request(self, headers: dict[str, str], body: bytes) -> bytes:
        """Write a request as it travels."""
        lines = [f"POST /v1/webhooks/{_TENANT}/{self.partner_id} HTTP/1.1", "host: door"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        lines += ["content-type: application/json", f"content-length: {len(body)}", "", ""]
        return "\r\n".join(lines).encode("latin-1") + body

    @asynccontextmanager
    async def lines(self, count: int) -> AsyncIterator[Sequence[Line]]:
        """Open connections."""
        opened = [await Line.open(self.port) for _ in range(count)]
        yield opened
        for line in opened:
            line.close()


async def _furnished(servers: TestServers, port: int, owner: Any) -> Door:
    area_id, unit_id, partner_id, secret_id = (new_id() for _ in range(4))
    secret = new_secret()
    vault = Vault(servers.environment["LINLI_FIELD_KEYS"], servers.environment["LINLI_BLIND_INDEX_KEY"])
    sealed = seal_secret(vault, _TENANT, secret_id, secret)
    values = (_TENANT, area_id, unit_id, partner_id, secret_id, sealed)
    async with owner.transaction():
        await owner.execute(f"SET LOCAL linli.tenant = '{_TENANT}'")
        for statement in _FURNITURE.split(";"):
            used = sorted({int(part[0]) for part in statement.split("$")[1:]})
            for place, number in enumerate(used, start=1):
                statement = statement.replace(f"${number}", f"${place}")  # noqa: PLW2901 - numbered anew
            await owner.execute(statement, *(values[number - 1] for number in used))
    return Door(owner, port, partner_id, area_id, secret)


@asynccontextmanager
async def door_alone() -> AsyncIterator[Door]:
    """Run PostgreSQL, with every commit on disk, and one process of the matching."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        servers = await asyncio.to_thread(stack.enter_context, _in_thread(folder))
        service = ServiceProcess("matching", {**os.environ, **servers.environment}, folder / "matching.log")
        service.start()
        stack.callback(service.stop)
        await service.ready()
        owner = await asyncpg.connect(servers.owner_url)
        stack.push_async_callback(owner.close)
        yield await _furnished(servers, service.port, owner)


def _in_thread(folder: Path) -> Any:
    return start_servers(folder, SERVICES, fsync=True)


async def repeated(door: Door, *, short: bool) -> Told:
    """The same message, a hundred at once: one is kept, all hear the same, and soon."""
    rounds = 10 if short else 50
    took: list[float] = []
    bare: list[float] = []
    commits: list[float] = []
    statuses: Counter[int] = Counter()
    answers: set[int] = set()
    async with door.lines(_TOGETHER) as lines:
        # A service that has just begun makes its first connections, and a partner's first message finds its keys.
        for warm in range(3):
            body = door.batch()
            await asyncio.gather(*(line.ask(door.request(door.signed(body, f"warm{warm}"), body)) for line in lines))
        for number in range(rounds):
            body = door.batch(10)
            request = door.request(door.signed(body, f"msg{number}"), body)
            found = await asyncio.gather(*(line.ask(request) for line in lines))
            took += [seconds for _, _, seconds in found]
            statuses.update(status for status, _, _ in found)
            answers.add(len({answer for _, answer, _ in found}))
            began = time.perf_counter()
            await door.owner.execute("UPDATE matching.partners SET version = version")
            commits.append(time.perf_counter() - began)
            # What one commit and a hundred of the emptiest requests take now tells how busy the machine is.
            bare += [seconds for _, _, seconds in await asyncio.gather(*(line.ask(_BARE) for line in lines))]
        kept = await door.owner.fetch(
            "SELECT message_id, count(*) AS n FROM matching.webhook_deliveries WHERE message_id LIKE 'msg%' GROUP BY 1"
        )
        told = await door.owner.fetchval("SELECT count(*) FROM matching.outbox WHERE consumer = 'matching'")
    p99_ms = statistics.quantiles(took, n=100)[98] * 1000
    figures = {
        "rounds": rounds,
        "together": _TOGETHER,
        "statuses": dict(statuses),
        "effects": sorted({row["n"] for row in kept}),
        "events": told - 3,
        "different_answers": sorted(answers),
        "p50_ms": round(statistics.median(took) * 1000, 1),
        "p99_ms": round(p99_ms, 1),
        "slowest_ms": round(max(took) * 1000, 1),
        "commit_p50_ms": round(statistics.median(commits) * 1000, 1),
        "bare_p50_ms": round(statistics.median(bare) * 1000, 1),
        "bare_p99_ms": round(statistics.quantiles(bare, n=100)[98] * 1000, 1),
    }
    once = len(kept) == rounds and figures["effects"] == [1] and told - 3 == rounds and answers == {1}
    # Times of a quiet machine are not for every change: the short form judges the effects alone.
    return Told(figures, once and set(statuses) == {202} and (short or p99_ms <= _P99_MS))


def _mutated(content: bytes, chance: Random) -> bytes:
    """Change, add or take away one to three bytes; never what would end a line of the head."""
    changed = bytearray(content)
    while bytes(changed) == content:
        for _ in range(chance.randint(1, 3)):
            place = chance.randrange(len(changed) + 1)
            byte = chance.choice([value for value in range(1, 256) if value not in b"\r\n"])
            act = chance.randrange(3)
            if act == 0:
                changed.insert(place, byte)
            elif changed:
                place %= len(changed)
                changed[place : place + 1] = b"" if act == 1 else bytes([byte])
    return bytes(changed)


def _nonsense(body: bytes, chance: Random) -> bytes:
    """Return what its sender signs and is no batch."""
    kind = chance.randrange(4)
    if kind == 0:
        return body[: chance.randrange(len(body))]
    if kind == 1:
        return bytes(chance.randrange(256) for _ in range(chance.randrange(200)))
    if kind == 2:
        return b"[" * chance.randrange(1, 3000)
    wrong: Any = chance.choice([None, 7, "x", [], {}, {"items": []}, {"items": {}}, {"items": "x"}])
    return json.dumps({"type": chance.choice(["offers.pushed", "other", 7]), "data": wrong}).encode()


def _attempt(door: Door, number: int, chance: Random) -> bytes:
    body = door.batch()
    message_id = f"m{number}"
    if number % 4 == 0:
        body = _nonsense(body, chance)
        return door.request(door.signed(body, message_id), body)
    headers = door.signed(body, message_id)
    name = chance.choice([*headers, "body"])
    if name == "body":
        return door.request(headers, _mutated(body, chance))
    headers[name] = _mutated(headers[name].encode(), chance).decode("latin-1")
    return door.request(headers, body)


async def mutated(door: Door, *, short: bool) -> Told:
    """Signatures and bodies with some bytes changed, and nonsense that is signed: 400 and 401, and nothing is kept."""
    attempts, seed = (1_000 if short else 10_000), 16
    statuses: Counter[int] = Counter()
    strange: list[str] = []
    before = await door.owner.fetchval(_KEPT)

    async def one(numbers: range) -> None:
        chance = Random(seed + numbers.start)
        line = await Line.open(door.port)
        for number in numbers:
            request = _attempt(door, number, chance)
            try:
                status, answer, _ = await line.ask(request)
            except asyncio.IncompleteReadError:
                status, answer = 0, b""
            statuses[status] += 1
            if status not in _REFUSALS:
                strange.append(f"{status} {request[:300]!r} {answer[:200]!r}")
            if status in {0, 400} and b"problem" not in answer:
                # The server itself has refused the head, and closes then.
                line.close()
                line = await Line.open(door.port)
        line.close()

    each = attempts // 8
    await asyncio.gather(*(one(range(start, start + each)) for start in range(0, attempts, each)))
    kept = await door.owner.fetchval(_KEPT) - before
    figures = {"attempts": attempts, "statuses": dict(statuses), "kept": kept, "strange": strange[:3], "seed": seed}
    return Told(figures, set(statuses) <= _REFUSALS and kept == 0)


class _Push(Protocol):
    def __call__(self, door: Door, *, short: bool) -> Awaitable[Told]:
        """Knock at the door and look."""


@dataclass(frozen=True)
class DoorRow:
    """One row of the table that needs no house, only this door."""

    number: int
    name: str
    run: _Push


WEBHOOK_ROWS: Final = (
    DoorRow(15, "one webhook, a hundred times at once", repeated),
    DoorRow(16, "webhooks with bytes changed", mutated),
)
