"""The ledger's own row: its service and PostgreSQL are killed in the middle of batches, and every fen is looked up afterwards.

The service is a process of its own beside the house's, so that nobody but this row starts it again. Callers post one
transaction or twenty, reserve, spend, take back; some repeat what was not answered until it is, some leave it at that.
"""

import asyncio
import os
import signal
import statistics
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, Final

import aiohttp
from sqlalchemy.engine import make_url

from services.ledger.books.rules import TransactionKind, TransactionRequest
from shared.auth import Grant, Principal, Role, SigningKey, mint_internal, read_signing_key
from shared.db import Database
from shared.ids import new_id
from tests.chaos.ground import Ground, until
from tests.chaos.told import Told, row
from tests.ledger.asking import Asker, Stage
from tests.ledger.auditor import offences
from tests.serving import ServiceProcess

__all__ = ["LEDGER_ROWS"]

_CALLERS: Final = 12
_BATCH: Final = 20
_PATIENCE_S: Final = 60.0
# So much must have been answered between two kills: every kill hits a ledger at work.
_BETWEEN: Final = 40
_Kind: Final = TransactionKind


@dataclass
class _Callers:
    """Treasurers who remember what they asked and what they were told."""

    http: aiohttp.ClientSession
    key: SigningKey
    stage: Stage
    asker: Asker
    told: dict[str, tuple[TransactionRequest, str]] = field(default_factory=dict)
    open: dict[str, TransactionRequest] = field(default_factory=dict)
    unanswered: Counter[str] = field(default_factory=Counter)
    dishonest: Counter[str] = field(default_factory=Counter)
    answers: int = 0
    is_over: bool = False

    async def work(self, dice: Random) -> None:
        """Ask until it is over."""
        while not self.is_over:
            wanted = [self.asker.gift() for _ in range(_BATCH)] if dice.random() < 0.3 else [self._one(dice)]
            for item in wanted:
                self.open[str(item.id)] = item
            repeats = dice.random() < 0.5
            results = await self.ask(wanted)
            while results is None and not self.is_over:
                await asyncio.sleep(0.1)
                if not repeats:
                    break
                results = await self.ask(wanted)
            if results is not None:
                self.note(wanted, results)

    def _one(self, dice: Random) -> TransactionRequest:
        asker = self.asker
        return dice.choice((asker.gift, asker.gift, asker.post, asker.hold, asker.settle, asker.void, asker.reverse))()

    def note(self, wanted: Sequence[TransactionRequest], results: Sequence[str]) -> None:
        """Remember an answer for good."""
        for request, result in zip(wanted, results, strict=True):
            self.open.pop(str(request.id), None)
            self.told[str(request.id)] = (request, result)
            self.asker.learn(request, result)
        self.answers += 1

    async def ask(self, wanted: Sequence[TransactionRequest]) -> list[str] | None:
        """Ask once; returns a result for each, `ok` also for what was done before, or None without a definite answer."""
        method, path, body = _as_http(wanted)
        principal = Principal(self.stage.tenant, self._person, "person", (Grant(Role.TREASURER, "d"),))
        headers = {"Authorization": f"Bearer {mint_internal(principal, 'ledger', self.key)}"}
        if method == "POST":
            headers["Idempotency-Key"] = str(new_id())
        try:
            async with self.http.request(method, path, json=body, headers=headers) as response:
                said, status = await response.json(content_type=None), response.status
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            self.unanswered[type(error).__name__] += 1
            return None
        if status in {200, 201}:
            results = [item["result"] for item in said["results"]] if "results" in said else [said["result"]]
            return ["ok" if result == "replayed" else result for result in results]
        if status == 409:
            return [said.get("result", said["code"])]
        self.unanswered[str(status)] += 1
        if status != 503:
            self.dishonest[f"{status} {said}"[:200]] += 1
        return None

    def __post_init__(self) -> None:
        self._person = new_id()


def _as_http(wanted: Sequence[TransactionRequest]) -> tuple[str, str, dict[str, Any]]:
    first, day = wanted[0], wanted[0].effective_on.isoformat()
    named = {"id": str(first.id), "description": first.description, "effective_on": day}
    if len(wanted) > 1:
        return "POST", f"/v1/books/{first.book_id}/transactions", {"transactions": [_single(item) for item in wanted]}
    if first.kind is _Kind.POST:
        return "PUT", f"/v1/books/{first.book_id}/transactions/{first.id}", _without_id(first)
    if first.kind is _Kind.HOLD:
        until_then = {"expires_at": first.expires_at.isoformat() if first.expires_at else None}
        body = _leg(first, 0) | until_then | {"description": first.description, "effective_on": day}
        return "PUT", f"/v1/books/{first.book_id}/holds/{first.id}", body
    if first.kind is _Kind.SETTLE:
        amount = {"amount_fen": first.legs[0].amount, "is_final": first.is_final}
        return "POST", f"/v1/holds/{first.hold_id}/settle", named | amount
    if first.kind is _Kind.VOID:
        return "POST", f"/v1/holds/{first.hold_id}/void", named
    reason = {"id": str(first.id), "reason": first.description, "effective_on": day}
    return "POST", f"/v1/transactions/{first.original_id}/reverse", reason


def _leg(request: TransactionRequest, place: int) -> dict[str, Any]:
    leg = request.legs[place]
    pair = {"debit_account_id": str(leg.debit), "credit_account_id": str(leg.credit)}
    return pair | {"amount_fen": leg.amount, "unit": leg.unit}


def _without_id(request: TransactionRequest) -> dict[str, Any]:
    return {
        "description": request.description,
        "effective_on": request.effective_on.isoformat(),
        "postings": [_leg(request, place) for place in range(len(request.legs))],
        "document_sha256": request.document_sha256.hex() if request.document_sha256 else None,
    }


def _single(request: TransactionRequest) -> dict[str, Any]:
    return _without_id(request) | {"id": str(request.id)}


def _descendants(pid: int) -> list[int]:
    found = [pid]
    for each in found:
        with suppress(OSError):
            children = Path(f"/proc/{each}/task/{each}/children").read_text(encoding="ascii")
            found += map(int, children.split())
    return found


async def _kill_postgres(ground: Ground) -> None:
    """End PostgreSQL as `kill -9` does, postmaster and backends, and start it again on what is on the disk."""
    process = ground.postgres.process
    assert process is not None
    pids = _descendants(process.pid)
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    await asyncio.to_thread(process.wait)

    async def all_gone() -> bool:
        return not any(Path(f"/proc/{pid}").exists() for pid in pids)

    await until(all_gone, _PATIENCE_S)
    await asyncio.to_thread(ground.postgres.start)


@asynccontextmanager
async def _at_work(ground: Ground, stage: Stage, seed: int) -> AsyncIterator[tuple[ServiceProcess, _Callers]]:
    service = ServiceProcess("ledger", dict(ground.house.environment), ground.house.home.logs / "ledger-alone.log")
    key = read_signing_key(ground.house.environment["LINLI_INTERNAL_PRIVATE_KEY"])
    service.start()
    try:
        await service.ready()
        timeout = aiohttp.ClientTimeout(total=20)
        async with aiohttp.ClientSession(service.url, timeout=timeout) as http:
            yield service, _Callers(http, key, stage, Asker(stage, Random(seed)))
    finally:
        await asyncio.to_thread(service.stop)


async def _kill_in_turns(
    ground: Ground, service: ServiceProcess, callers: _Callers, kills: int, dice: Random
) -> list[float]:
    """Kill service and PostgreSQL in turns, each in the middle of work; returns after how long there was an answer again."""
    again_s = []
    for number in range(kills):
        enough = callers.answers + _BETWEEN

        async def have_worked(enough: int = enough) -> bool:
            return callers.answers >= enough

        await until(have_worked, _PATIENCE_S)
        await asyncio.sleep(dice.uniform(0, 0.05))
        began = time.monotonic()
        if number % 2 == 0:
            await asyncio.to_thread(service.kill)
            service.start()
        else:
            await _kill_postgres(ground)
        before = callers.answers

        async def is_answered(before: int = before) -> bool:
            return callers.answers > before

        await until(is_answered, _PATIENCE_S)
        again_s.append(time.monotonic() - began)
    return again_s


@row("ledger", "the ledger and PostgreSQL killed in the middle of batches")
async def killed_while_posting(ground: Ground, *, short: bool, seed: int) -> Told:
    """What was acknowledged is there, what was not is absent or there whole, every id has one answer, all sums hold."""
    kills, dice = (6 if short else 100), Random(seed)
    stage = Stage(f"ledger{seed}")
    url = make_url(ground.house.environment["LINLI_LEDGER_DATABASE_URL"]).set(port=ground.postgres.port)
    database = Database(url.render_as_string(hide_password=False), schema="ledger", pool_size=1)
    await stage.furnish(database)
    await database.close()
    async with _at_work(ground, stage, seed) as (service, callers):
        working = [asyncio.create_task(callers.work(Random(dice.random()))) for _ in range(_CALLERS)]
        try:
            again_s = await _kill_in_turns(ground, service, callers, kills, dice)
        finally:
            callers.is_over = True
            await asyncio.gather(*working)
        await service.ready()
        figures = await _look(ground, callers)
    await ground.ready()
    broken = await offences(ground.owner, stage.tenant)
    figures |= {
        "kills": kills,
        "again_s": {"median": round(statistics.median(again_s), 2), "max": round(max(again_s), 2)},
        "not_answered_at_first": dict(callers.unanswered),
        "dishonest": dict(callers.dishonest),
        "rules_broken": broken[:5],
        "seed": seed,
    }
    wrong = (
        figures["lost"]
        + figures["changed"]
        + figures["never_answered"]
        + figures["nobody_asked_for"]
        + len(broken)
        + len(callers.dishonest)
    )
    return Told(figures, wrong == 0 and figures["acknowledged"] > kills * _BETWEEN)


async def _look(ground: Ground, callers: _Callers) -> dict[str, Any]:
    """Look every id up, and ask all of them again, twice what was never answered. Holds that expire meanwhile are nobody's."""
    rows = await ground.owner.fetch(
        "SELECT id::text, result FROM ledger.transactions WHERE tenant_id = $1 AND kind <> 'expire'",
        callers.stage.tenant,
    )
    stored = {each["id"]: each["result"] for each in rows}
    # A reversal that is refused is not kept: its session is rolled back.
    kept = {key: pair for key, pair in callers.told.items() if pair[1] == "ok" or pair[0].kind is not _Kind.REVERSE}
    lost = sum(stored.get(key) != result for key, (_, result) in kept.items())
    absent = [key for key in callers.open if key not in stored]
    first = await _all_again(callers, list(callers.open.values()))
    again = await _all_again(callers, list(callers.open.values()))
    known = await _all_again(callers, [request for request, _ in kept.values()])
    changed = sum(first[key] != again[key] for key in callers.open)
    changed += sum(first[key] != stored[key] for key in callers.open if key in stored)
    changed += sum(known[key] != result for key, (_, result) in kept.items())
    return {
        "acknowledged": len(callers.told),
        "acknowledged_ok": sum(result == "ok" for _, result in callers.told.values()),
        "unacknowledged": len(callers.open),
        "of_them_absent": len(absent),
        "lost": lost,
        "changed": changed,
        "never_answered": sum(result is None for said in (first, again, known) for result in said.values()),
        "nobody_asked_for": len(stored.keys() - callers.told.keys() - callers.open.keys()),
    }


async def _all_again(callers: _Callers, requests: Sequence[TransactionRequest]) -> dict[str, str | None]:
    """Ask everything once more, single postings by the hundred; returns what was answered, None for nothing definite."""
    parts: list[list[TransactionRequest]] = []
    posts: dict[Any, list[TransactionRequest]] = {}
    for request in requests:
        if request.kind is _Kind.POST:
            posts.setdefault(request.book_id, []).append(request)
        else:
            parts.append([request])
    parts += [book[start : start + 100] for book in posts.values() for start in range(0, len(book), 100)]
    said: dict[str, str | None] = {}
    turns = iter(parts)

    async def ask_some() -> None:
        for part in turns:
            answers = await callers.ask(part)
            for place, request in enumerate(part):
                said[str(request.id)] = answers[place] if answers else None

    await asyncio.gather(*(ask_some() for _ in range(_CALLERS)))
    return said


LEDGER_ROWS: Final = (killed_while_posting,)
