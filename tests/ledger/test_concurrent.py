"""Many connections post at once, and the result is that of some order, one after the other.

The order is that of `created_at`. It is taken when a transaction is written, and it is written while the locks of all its
accounts are held, until COMMIT. Of two batches that share an account the second therefore reads the clock after the first has
committed; so whoever has seen something of the other stands later, on every account at once. Batches that share none do not
see each other, and any order of them is as good. What a batch names besides its accounts (holds, originals, ids asked again)
was answered before the batch was sent, so it stood in the book already. Within a batch the rows are written in its order.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import astuple, replace
from random import Random
from typing import Any, Final

import pytest
import pytest_asyncio

from services.ledger.books import repository
from services.ledger.books.rules import Leg, TransactionKind, TransactionRequest
from services.ledger.books.service import post_for_many
from shared.clock import utc_now
from shared.db import Database
from shared.ids import new_id
from shared.testing import TestServers
from tests.ledger.asking import Asker, Stage
from tests.ledger.auditor import assert_clean
from tests.ledger.model import Model
from tests.sizes import IS_LONG

_BATCHES: Final = 100_000 if IS_LONG else 400
_CONNECTIONS: Final = 8


@pytest_asyncio.fixture(loop_scope="session")
async def crowd(servers: TestServers) -> AsyncIterator[Database]:
    """Connections enough for everybody to post at once."""
    database = Database(servers.role_url("ledger"), schema="ledger", pool_size=_CONNECTIONS)
    yield database
    await database.close()


class _Run:
    """What was asked at once, batch by batch, and what was answered."""

    def __init__(self, database: Database, stage: Stage, seed: int) -> None:
        self.database = database
        self.stage = stage
        self.asker = Asker(stage, Random(seed))
        self.answered: list[tuple[list[TransactionRequest], list[str]]] = []
        self.left = _BATCHES

    async def connection(self) -> None:
        while self.left > 0:
            self.left -= 1
            batch = self.asker.batch(self.asker.dice.randint(1, 20))
            async with self.database.write(self.stage.tenant) as session:
                results = await repository.call_post(session, "test", batch)
            self.answered.append((batch, results))
            for request, result in zip(batch, results, strict=True):
                if result not in {"replayed", "id_conflict"}:
                    self.asker.learn(request, result)
            # The long run keeps only what is young: what is old was tried often enough.
            for known in (self.asker.asked, self.asker.holds, self.asker.moved, self.asker.still):
                del known[:-2_000]


async def test_what_is_posted_at_once_is_what_some_order_gives(crowd: Database, owner: Any, tenant: str) -> None:
    stage = Stage(tenant)
    await stage.furnish(crowd)
    run = _Run(crowd, stage, seed=19)
    # A deadlock, or any other error, ends the run.
    await asyncio.gather(*(run.connection() for _ in range(_CONNECTIONS)))
    await assert_clean(owner, tenant)
    results = Counter(result for _, said in run.answered for result in said)
    assert {"ok", "replayed", "floor_broken", "hold_resolved", "already_reversed"} <= results.keys(), results
    batches = len(
        {row[0] for row in await owner.fetch("SELECT xid FROM ledger.transactions WHERE tenant_id = $1", tenant)}
    )
    assert batches > _BATCHES * 0.9
    await _agrees_with_the_model(owner, stage, run)


async def _agrees_with_the_model(owner: Any, stage: Stage, run: _Run) -> None:
    """Ask the model in the order in which the transactions were written, batch by batch."""
    rows = await owner.fetch(
        "SELECT id, created_at, result FROM ledger.transactions WHERE tenant_id = $1", stage.tenant
    )
    written = {row["id"]: row["created_at"] for row in rows}
    model = stage.model()
    # A batch of nothing new has no place of its own: everything that it asks again was answered before.
    placed = [(batch, said) for batch, said in run.answered if any(_is_news(result) for result in said)]
    for batch, said in sorted(placed, key=lambda pair: _written_at(pair[0], pair[1], written)):
        assert model.post(batch, now=utc_now()) == said
    assert {row["id"]: row["result"] for row in rows} == {key: result for key, (_, result) in model.answers.items()}
    for batch, said in run.answered:
        if (batch, said) not in placed:
            assert model.post(batch) == said
    await _same_books(owner, stage, model)


def _is_news(result: str) -> bool:
    return result not in {"replayed", "id_conflict", "unknown_book"}


def _written_at(batch: list[TransactionRequest], said: list[str], written: dict[Any, Any]) -> Any:
    """Return when a batch was written: what it only asked again is older."""
    times = [written[request.id] for request, result in zip(batch, said, strict=True) if _is_news(result)]
    return max(times)


async def _same_books(owner: Any, stage: Stage, model: Model) -> None:
    postings = await owner.fetch(
        "SELECT transaction_id, leg, debit_account, credit_account, unit, amount, debit_sequence, debit_after,"
        " credit_sequence, credit_after FROM ledger.postings WHERE tenant_id = $1",
        stage.tenant,
    )
    assert sorted(map(tuple, postings)) == sorted(map(astuple, model.written))
    holds = await owner.fetch(
        "SELECT id, settled, released, state FROM ledger.holds WHERE tenant_id = $1", stage.tenant
    )
    assert {row[0]: tuple(row)[1:] for row in holds} == {
        hold_id: (hold.settled, hold.released, hold.state) for hold_id, hold in model.holds.items()
    }
    for account, (debits, credits_, moves) in {
        row[0]: tuple(row)[1:]
        for row in await owner.fetch(
            "SELECT account_id, posted_debits, posted_credits, last_sequence FROM ledger.balances WHERE tenant_id = $1",
            stage.tenant,
        )
    }.items():
        side = model.sides[account]
        assert (debits, credits_, moves) == (side.debits, side.credits, side.moves)


async def test_batches_of_any_size_give_the_same_postings(databases: dict[str, Database], owner: Any) -> None:
    """One list, posted by ones, sevens and 256s into three worlds that are alike.

    What names a hold or an original stands in a later call than that: nobody can name what was not answered yet.
    """
    database = databases["ledger"]
    found = []
    for size in (1, 7, 256):
        # The same chance everywhere; ids differ, so accounts and transactions are compared by their places.
        stage = Stage(f"t{new_id().hex[:31]}")
        await stage.furnish(database)
        asker = Asker(stage, Random(20))
        for make in (asker.gift, asker.hold, asker.settle, asker.one):
            wave = [make() for _ in range(256)]
            said: list[str] = []
            for start in range(0, len(wave), size):
                async with database.write(stage.tenant) as session:
                    said += await repository.call_post(session, "test", wave[start : start + size])
            for request, result in zip(wave, said, strict=True):
                asker.learn(request, result)
        await assert_clean(owner, stage.tenant)
        found.append(await _by_places(owner, stage, asker))
    assert found[0] == found[1] == found[2]
    assert len(found[0][1]) > 500


async def _by_places(owner: Any, stage: Stage, asker: Asker) -> tuple[list[Any], list[Any]]:
    """Return results and postings without ids: accounts and transactions by their places."""
    accounts = {account: place for place, account in enumerate(stage.accounts)}
    asked: dict[Any, int] = {}
    for place, request in enumerate(asker.asked):
        asked.setdefault(request.id, place)
    results = await owner.fetch("SELECT id, result FROM ledger.transactions WHERE tenant_id = $1", stage.tenant)
    postings = await owner.fetch(
        "SELECT transaction_id, leg, debit_account, credit_account, unit, amount, debit_sequence, debit_after,"
        " credit_sequence, credit_after FROM ledger.postings WHERE tenant_id = $1",
        stage.tenant,
    )
    return (
        sorted((asked[row[0]], row[1]) for row in results),
        sorted((asked[row[0]], row[1], accounts[row[2]], accounts[row[3]], *tuple(row)[4:]) for row in postings),
    )


@pytest.mark.parametrize("share", ["body", "accounts", "nothing"])
async def test_one_id_at_once_from_everywhere_is_posted_once(
    crowd: Database, owner: Any, tenant: str, share: str
) -> None:
    """Processes that do not know of each other are asked under one id, also with bodies that touch different accounts."""
    stage = Stage(tenant)
    await stage.furnish(crowd)
    pairs = [
        (stage.id_of("bank"), stage.id_of("fund")),
        (stage.id_of("cash"), stage.id_of("any")),
        (stage.id_of("expense"), stage.id_of("road")),
    ]
    asker = Asker(stage, Random(6))
    for _ in range(20):
        first = asker.request(TransactionKind.POST, Leg(*pairs[0], 5))
        others = {
            "body": [first] * 7,
            "accounts": [replace(first, description=str(number)) for number in range(7)],
            "nothing": [replace(first, legs=(Leg(*pairs[number % 3], 5),)) for number in range(7)],
        }[share]
        answers = await asyncio.gather(
            *(post_for_many(crowd, tenant, ["test"], [item]) for item in (first, *others)), return_exceptions=True
        )
        assert [answer for answer in answers if isinstance(answer, BaseException)] == []
        said = Counter(answer[0] for answer in answers if not isinstance(answer, BaseException))
        assert said["ok"] == 1
        assert set(said) <= {"ok", "replayed", "id_conflict"}
    assert await owner.fetchval("SELECT count(*) FROM ledger.postings WHERE tenant_id = $1", tenant) == 20
    await assert_clean(owner, tenant)


async def test_a_hold_that_is_voided_while_it_is_made_is_honest(crowd: Database, owner: Any, tenant: str) -> None:
    """Who voids what was not answered yet hears that it is unknown, or voids it; nothing else."""
    stage = Stage(tenant)
    await stage.furnish(crowd)
    asker = Asker(stage, Random(8))

    async def post(request: TransactionRequest) -> str:
        return (await post_for_many(crowd, tenant, ["test"], [request]))[0]

    heard: Counter[str] = Counter()
    for number in range(150):
        hold = asker.request(TransactionKind.HOLD, Leg(stage.id_of("any"), stage.id_of("bank"), 5))
        voids = [asker.request(TransactionKind.VOID, hold_id=hold.id) for _ in range(2)]

        async def late(request: TransactionRequest, after_ms: float) -> str:
            await asyncio.sleep(after_ms / 1000)
            return await post(request)

        heard.update(await asyncio.gather(post(hold), *(late(void, number % 10 / 4) for void in voids)))
    assert set(heard) <= {"ok", "unknown_hold", "hold_resolved"}, heard
    await assert_clean(owner, tenant)


async def test_closing_and_posting_at_once_have_one_order(crowd: Database, owner: Any, tenant: str) -> None:
    """What was posted into a period was there before it was closed: nothing comes in afterwards."""
    stage = Stage(tenant)
    await stage.furnish(crowd)
    asker = Asker(stage, Random(11))
    in_time: Counter[str] = Counter()
    closed = False

    async def posting() -> None:
        for _ in range(30):
            was_closed = closed
            batch = [replace(asker.gift(), effective_on=asker.day().replace(month=1)) for _ in range(3)]
            async with crowd.write(tenant) as session:
                results = await repository.call_post(session, "test", batch)
            in_time.update(results)
            assert not was_closed or set(results) == {"period_closed"}

    async def closing() -> int:
        nonlocal closed
        while in_time["ok"] < 150:
            await asyncio.sleep(0)
        day = asker.day().replace(month=1, day=31)
        async with crowd.write(tenant) as session:
            await repository.lock_book(session, stage.main)
            connection = await session.connection()
            raw = (await connection.get_raw_connection()).driver_connection
            assert raw is not None
            count: int = await raw.fetchval("SELECT count(*) FROM ledger.postings WHERE tenant_id = $1", tenant)
            await raw.execute(
                "UPDATE ledger.books SET closed_through = $3 WHERE tenant_id = $1 AND id = $2", tenant, stage.main, day
            )
        closed = True
        return count

    async with asyncio.TaskGroup() as group:
        counting = group.create_task(closing())
        for _ in range(_CONNECTIONS - 1):
            group.create_task(posting())
    assert {"ok", "period_closed"} <= in_time.keys()
    assert (
        await owner.fetchval("SELECT count(*) FROM ledger.postings WHERE tenant_id = $1", tenant) == counting.result()
    )
    await assert_clean(owner, tenant)
