"""What the ledger's benchmark stands on: a book with accounts, callers that are timed, and millions of old postings."""

import asyncio
import random
import statistics
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final
from uuid import UUID

from services.ledger.books import repository
from services.ledger.books.batching import MicroBatcher
from services.ledger.books.models import Book
from services.ledger.books.rules import AccountClass, Leg, NewAccount, TransactionKind, TransactionRequest
from services.ledger.books.service import post_for_many
from shared.clock import today, utc_now
from shared.db import Database
from shared.ids import new_id

__all__ = ["ACCOUNTS", "TENANT", "Stage", "timed"]

TENANT: Final = "bench"
ACCOUNTS: Final = 50
_CHUNK: Final = 500_000

# Returns how many postings a call has made.
Call = Callable[[random.Random], Awaitable[int]]


async def timed(callers: int, seconds: float, call: Call) -> dict[str, float]:
    """Let callers call one after the other for some seconds; returns postings a second and how long a call took."""
    until = time.perf_counter() + seconds
    took: list[float] = []

    async def one(number: int) -> int:
        dice, posted = random.Random(number), 0
        while time.perf_counter() < until:
            began = time.perf_counter()
            posted += await call(dice)
            took.append(time.perf_counter() - began)
        return posted

    began = time.perf_counter()
    total = sum(await asyncio.gather(*(one(number) for number in range(callers))))
    rate = total / (time.perf_counter() - began)
    return {"per_s": round(rate), "p50_ms": _ms(took, 50), "p99_ms": _ms(took, 99)}


def _ms(took: list[float], percent: int) -> float:
    if len(took) < 2:
        return round(took[0] * 1000, 2) if took else 0.0
    return round(statistics.quantiles(took, n=100)[percent - 1] * 1000, 2)


class Stage:
    """A book with fifty accounts and a fund."""

    def __init__(self, owner: Any, database: Database) -> None:
        self.owner = owner
        self.database = database
        self.book = new_id()
        self.fund = new_id()
        self.accounts = [new_id() for _ in range(ACCOUNTS)]

    async def furnish(self) -> None:
        shape: dict[str, Any] = {"area_id": new_id(), "area_path": "d", "opened_at": utc_now(), "version": 1}
        async with self.database.write(TENANT) as session:
            session.add(Book(tenant_id=TENANT, id=self.book, name="bench", **shape))
            await session.flush()
            for number, account in enumerate([self.fund, *self.accounts]):
                await repository.open_account(
                    session, NewAccount(account, self.book, f"a{number}", "a", AccountClass.ASSET)
                )

    def pair(self, dice: random.Random, *, hot: bool) -> tuple[UUID, UUID]:
        if hot:
            return self.fund, dice.choice(self.accounts)
        one, two = dice.sample(self.accounts, 2)
        return one, two

    def request(self, dice: random.Random, *, hot: bool) -> TransactionRequest:
        debit, credit = self.pair(dice, hot=hot)
        leg = Leg(debit, credit, dice.randrange(1, 10_000))
        return TransactionRequest(new_id(), self.book, TransactionKind.POST, (leg,), "bench", today())

    async def posted(self, callers: int, size: int, seconds: float, *, hot: bool) -> dict[str, float]:
        """Let callers post, one transaction or many a call, as the endpoints do: through the micro-batcher."""
        batcher = MicroBatcher(partial(post_for_many, self.database), waiting_max=callers * size)

        async def call(dice: random.Random) -> int:
            batch = [self.request(dice, hot=hot) for _ in range(size)]
            assert set(await batcher.submit(TENANT, "system", batch)) == {"ok"}
            return size

        return await timed(callers, seconds, call)

    async def fill(self, postings: int) -> float:
        """Write old postings, consistent in every sequence and balance; returns how many seconds that took.

        They go round in a circle, one fen each, so every account takes in and gives out in turn.
        """
        began = time.perf_counter()
        whole = postings // ACCOUNTS * ACCOUNTS
        await self.owner.execute("SET session_replication_role = replica")
        for start in range(0, whole, _CHUNK):
            for statement in (_OLD_TRANSACTIONS, _OLD_POSTINGS):
                await self.owner.execute(
                    statement, TENANT, self.book, self.accounts, start, min(start + _CHUNK, whole) - 1, timeout=600
                )
        await self.owner.execute("SET session_replication_role = origin")
        await self.owner.execute(
            "UPDATE ledger.balances SET posted_debits = $3::bigint, posted_credits = $3::bigint, last_sequence = $3::bigint * 2"
            " WHERE tenant_id = $1 AND account_id = ANY ($2)",
            TENANT,
            self.accounts,
            whole // ACCOUNTS,
        )
        for table in ("transactions", "postings", "balances"):
            await self.owner.execute(f"ANALYZE ledger.{table}", timeout=600)
        await self.owner.execute("CHECKPOINT", timeout=600)
        return time.perf_counter() - began


# Ids of long ago, which rise as those of today do.
_OLD_ID: Final = "('01900000-0000-7000-8000-' || lpad(to_hex(g), 12, '0'))::uuid"
_OLD_TRANSACTIONS: Final = f"""INSERT INTO ledger.transactions
    (tenant_id, id, book_id, kind, result, body_hash, description, effective_on, actor, created_at)
    SELECT $1, {_OLD_ID}, $2, 'post', 'ok', sha256(int8send(g)), 'bench', '2026-01-01', 'system', now()
    FROM generate_series($4::bigint, $5::bigint) AS g WHERE cardinality($3::uuid[]) = {ACCOUNTS}"""
# Posting g goes from account g + 1 to account g: but for the first, an account gives before it takes, and is at 0 again.
_OLD_POSTINGS: Final = f"""INSERT INTO ledger.postings
    (tenant_id, transaction_id, leg, debit_account, credit_account, unit, amount, debit_sequence, debit_after,
     credit_sequence, credit_after)
    SELECT $1, {_OLD_ID}, 1, ($3::uuid[])[g % {ACCOUNTS} + 1], ($3::uuid[])[(g + 1) % {ACCOUNTS} + 1], 'CNY', 1,
           g / {ACCOUNTS} * 2 + CASE WHEN g % {ACCOUNTS} = 0 THEN 1 ELSE 2 END, (g % {ACCOUNTS} = 0)::int,
           g / {ACCOUNTS} * 2 + CASE WHEN (g + 1) % {ACCOUNTS} = 0 THEN 2 ELSE 1 END,
           CASE WHEN (g + 1) % {ACCOUNTS} = 0 THEN 0 ELSE -1 END
    FROM generate_series($4::bigint, $5::bigint) AS g WHERE $2::uuid IS NOT NULL"""
