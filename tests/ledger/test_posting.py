"""The posting function against an independent model, and an auditor of the database after every run."""

import asyncio
import random
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from services.ledger.books import repository
from services.ledger.books.models import Book
from services.ledger.books.rules import AccountClass, Leg, NewAccount, TransactionKind, TransactionRequest
from shared.clock import today, utc_now
from shared.db import Database
from shared.ids import new_id
from shared.testing import TestServers

MAX_FEN = 2**53 - 1
KINDS = (TransactionKind.POST, TransactionKind.HOLD, TransactionKind.SETTLE, TransactionKind.VOID)


class Model:
    """What the ledger should do, in a few lines of Python: balances, holds, and results that stay."""

    def __init__(self) -> None:
        self.net: dict[UUID, int] = {}
        self.held: dict[UUID, int] = {}
        self.floor: dict[UUID, int | None] = {}
        self.holds: dict[UUID, tuple[UUID, UUID, int]] = {}
        self.known: dict[UUID, tuple[TransactionRequest, str]] = {}

    def post(self, request: TransactionRequest) -> str:
        if request.id in self.known:
            earlier, result = self.known[request.id]
            if earlier != request:
                return "id_conflict"
            return "replayed" if result == "ok" else result
        result = self._try(request)
        self.known[request.id] = (request, result)
        return result

    def _try(self, request: TransactionRequest) -> str:
        net, held = dict(self.net), dict(self.held)
        if request.kind in {TransactionKind.SETTLE, TransactionKind.VOID}:
            if request.hold_id not in self.holds:
                return "unknown_hold" if request.hold_id not in self.known else "hold_resolved"
            debit, credit, rest = self.holds[request.hold_id]
            amount = request.legs[0].amount if request.kind is TransactionKind.SETTLE else 0
            if amount > rest:
                return "hold_too_small"
            ends = request.is_final or request.kind is TransactionKind.VOID or amount == rest
            held[debit] -= rest if ends else amount
            net[debit] -= amount
            net[credit] += amount
            self.net, self.held = net, held
            self.holds[request.hold_id] = (debit, credit, rest - amount)
            if ends:
                del self.holds[request.hold_id]
            return "ok"
        for leg in request.legs:
            if request.kind is TransactionKind.HOLD:
                held[leg.debit] += leg.amount
            else:
                net[leg.debit] -= leg.amount
                net[leg.credit] += leg.amount
        for account, floor in self.floor.items():
            moved = net[account] != self.net[account] or held[account] != self.held[account]
            if moved and floor is not None and net[account] - held[account] < floor:
                return "floor_broken"
        self.net, self.held = net, held
        if request.kind is TransactionKind.HOLD:
            self.holds[request.id] = (request.legs[0].debit, request.legs[0].credit, request.legs[0].amount)
        return "ok"


async def open_book(database: Database, tenant: str, floors: list[int | None]) -> tuple[UUID, list[UUID]]:
    book_id, accounts = new_id(), [new_id() for _ in floors]
    async with database.write(tenant) as session:
        session.add(
            Book(
                tenant_id=tenant, id=book_id, name="b", area_id=new_id(), area_path="d", opened_at=utc_now(), version=1
            )
        )
        await session.flush()
        for number, (account, floor) in enumerate(zip(accounts, floors, strict=True)):
            await repository.open_account(
                session, NewAccount(account, book_id, f"a{number}", "a", AccountClass.NET_ASSETS, floor_fen=floor)
            )
    return book_id, accounts


async def post(database: Database, tenant: str, *batch: TransactionRequest) -> list[str]:
    async with database.write(tenant) as session:
        return await repository.call_post(session, "test", batch)


def request(book: UUID, kind: TransactionKind, *legs: Leg, **more: Any) -> TransactionRequest:
    values: dict[str, Any] = {"id": new_id(), "description": "t", "effective_on": today()} | more
    return TransactionRequest(book_id=book, kind=kind, legs=legs, **values)


async def audit(owner: Any, tenant: str) -> None:
    """Recompute everything from the postings; the database must agree with itself."""
    drift = await owner.fetch(
        "SELECT b.account_id FROM ledger.balances b LEFT JOIN LATERAL ("
        " SELECT coalesce(sum(p.amount) FILTER (WHERE p.debit_account = b.account_id), 0) AS d,"
        " coalesce(sum(p.amount) FILTER (WHERE p.credit_account = b.account_id), 0) AS c, count(*) AS n"
        " FROM ledger.postings p WHERE p.tenant_id = b.tenant_id AND b.account_id IN (p.debit_account, p.credit_account)"
        ") s ON true WHERE b.tenant_id = $1 AND (s.d, s.c, s.n) IS DISTINCT FROM"
        " (b.posted_debits, b.posted_credits, b.last_sequence)",
        tenant,
    )
    assert drift == []
    moves = await owner.fetch(
        "SELECT account, seq, after, after - coalesce(lag(after) OVER w, 0) AS step, signed, row_number() OVER w AS n FROM ("
        " SELECT debit_account AS account, debit_sequence AS seq, debit_after AS after, amount AS signed"
        " FROM ledger.postings WHERE tenant_id = $1"
        " UNION ALL SELECT credit_account, credit_sequence, credit_after, -amount FROM ledger.postings"
        " WHERE tenant_id = $1) m WINDOW w AS (PARTITION BY account ORDER BY seq)",
        tenant,
    )
    assert all(row["seq"] == row["n"] and row["step"] == row["signed"] for row in moves)
    pending = await owner.fetch(
        "SELECT b.account_id FROM ledger.balances b WHERE b.tenant_id = $1 AND b.pending_debits <>"
        " (SELECT coalesce(sum(h.amount - h.settled - h.released), 0) FROM ledger.holds h"
        "  WHERE h.tenant_id = b.tenant_id AND h.debit_account = b.account_id AND h.state = 'open')",
        tenant,
    )
    assert pending == []


@pytest.mark.parametrize("seed", range(6))
async def test_the_ledger_does_what_the_model_does(
    databases: dict[str, Database], owner: Any, tenant: str, seed: int
) -> None:
    chance = random.Random(seed)
    database = databases["ledger"]
    floors = [None, 0, 0, -500, 0]
    book, accounts = await open_book(database, tenant, floors)
    model = Model()
    for account, floor in zip(accounts, floors, strict=True):
        model.net[account], model.held[account], model.floor[account] = 0, 0, floor
    asked: list[TransactionRequest] = []
    seen = set()
    for _ in range(25):
        batch = []
        for _ in range(chance.choice([1, 7, 20])):
            kind = chance.choice(KINDS)
            debit, credit = chance.sample(accounts, 2)
            leg = Leg(debit, credit, chance.randint(1, 300))
            if asked and chance.random() < 0.1:
                batch.append(chance.choice(asked))
            elif kind is TransactionKind.POST:
                legs = [leg, Leg(credit, chance.choice([a for a in accounts if a != credit]), chance.randint(1, 50))]
                batch.append(request(book, kind, *legs[: chance.randint(1, 2)]))
            elif kind is TransactionKind.HOLD:
                batch.append(request(book, kind, leg))
            else:
                holds = [
                    item.id for item in asked if item.kind is TransactionKind.HOLD and model.known[item.id][1] == "ok"
                ]
                legs = [leg] if kind is TransactionKind.SETTLE else []
                hold_id = chance.choice(holds) if holds else new_id()
                batch.append(request(book, kind, *legs, hold_id=hold_id, is_final=chance.random() < 0.5))
        batch = list({item.id: item for item in batch}.values())
        expected = [model.post(item) for item in batch]
        assert await post(database, tenant, *batch) == expected
        asked += [item for item in batch if item not in asked]
        seen |= set(expected)
        await audit(owner, tenant)
    assert {"ok", "floor_broken", "replayed"} <= seen


async def test_another_body_under_a_known_id_is_a_conflict(databases: dict[str, Database], tenant: str) -> None:
    database = databases["ledger"]
    book, (one, two) = await open_book(database, tenant, [None, None])
    first = request(book, TransactionKind.POST, Leg(one, two, 5))
    other = request(book, TransactionKind.POST, Leg(one, two, 6), id=first.id)
    assert await post(database, tenant, first, first, other) == ["ok", "replayed", "id_conflict"]
    assert await post(database, tenant, other, first) == ["id_conflict", "replayed"]


@pytest.mark.parametrize("amount", [0, -1, MAX_FEN + 1, 2**63 - 1])
async def test_the_database_refuses_odd_amounts(
    databases: dict[str, Database], owner: Any, tenant: str, amount: int
) -> None:
    book, (one, two) = await open_book(databases["ledger"], tenant, [None, None])
    result = await post(databases["ledger"], tenant, request(book, TransactionKind.POST, Leg(one, two, amount)))
    assert result == ["amount_out_of_range"]
    assert await owner.fetchval("SELECT count(*) FROM ledger.postings WHERE tenant_id = $1", tenant) == 0


async def test_nobody_rewrites_the_book(
    databases: dict[str, Database], owner: Any, servers: TestServers, tenant: str
) -> None:
    book, (one, two) = await open_book(databases["ledger"], tenant, [None, None])
    await post(databases["ledger"], tenant, request(book, TransactionKind.POST, Leg(one, two, 5)))
    for statement in (
        "UPDATE ledger.postings SET amount = 6",
        "DELETE FROM ledger.postings",
        "TRUNCATE ledger.postings CASCADE",
        "DELETE FROM ledger.transactions",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await owner.execute(statement)
    service = await asyncpg.connect(servers.role_url("ledger"))
    try:
        for statement in (
            "UPDATE ledger.balances SET posted_debits = 0",
            "INSERT INTO ledger.holds SELECT * FROM ledger.holds",
            "DELETE FROM ledger.postings",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await service.execute(statement)
    finally:
        await service.close()


async def test_overlapping_batches_neither_deadlock_nor_drift(
    databases: dict[str, Database], owner: Any, tenant: str
) -> None:
    database = databases["ledger"]
    book, accounts = await open_book(database, tenant, [None] * 6)
    chance = random.Random(7)

    def batch() -> list[TransactionRequest]:
        pairs = [chance.sample(accounts, 2) for _ in range(20)]
        return [request(book, TransactionKind.POST, Leg(pair[0], pair[1], chance.randint(1, 9))) for pair in pairs]

    answers = await asyncio.gather(*(post(database, tenant, *batch()) for _ in range(60)))
    assert {result for answer in answers for result in answer} == {"ok"}
    await audit(owner, tenant)


async def test_fifty_spend_at_once_and_the_floor_holds(databases: dict[str, Database], owner: Any, tenant: str) -> None:
    database = databases["ledger"]
    book, (fund, bank) = await open_book(database, tenant, [0, None])
    await post(database, tenant, request(book, TransactionKind.POST, Leg(bank, fund, 1000)))
    spends = [request(book, TransactionKind.POST, Leg(fund, bank, 90)) for _ in range(50)]
    results = await asyncio.gather(*(post(database, tenant, spend) for spend in spends))
    assert [item for answer in results for item in answer].count("ok") == 11
    await audit(owner, tenant)
