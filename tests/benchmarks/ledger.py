"""Postings a second: batches through the posting function, against one transfer per call with row locks in plain SQL.

Both run in turns on the same PostgreSQL, fsync on, with the same number of connections. Accounts are spread over fifty, or
all postings touch one hot fund. Every round is checked: balances are the sums of the postings.
"""

import asyncio
import os
import random
import statistics
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import asyncpg

from services.ledger.books import repository
from services.ledger.books.batching import MicroBatcher
from services.ledger.books.models import Book
from services.ledger.books.rules import AccountClass, Leg, NewAccount, TransactionKind, TransactionRequest
from services.ledger.books.service import post_for_many
from shared.clock import today, utc_now
from shared.db import Database
from shared.ids import new_id
from shared.testing import start_servers

TENANT: Final = "bench"
ACCOUNTS: Final = 50
CALLERS: Final = (1, 20)
SINGLE_CALLERS: Final = (1, 20, 200)
SIZES: Final = (100, 500)
TARGETS: Final = {"postings_per_s_at_100": 8_000, "times_the_baseline": 10, "single_per_s_on_hot_fund": 3_000}
_BASELINE: Final = """
CREATE SCHEMA baseline;
CREATE TABLE baseline.accounts (id uuid PRIMARY KEY, balance bigint NOT NULL);
CREATE TABLE baseline.transfers (id uuid PRIMARY KEY, debit uuid NOT NULL, credit uuid NOT NULL, amount bigint NOT NULL,
    debit_after bigint NOT NULL, credit_after bigint NOT NULL, created_at timestamptz NOT NULL DEFAULT clock_timestamp());
CREATE FUNCTION baseline.transfer(p_id uuid, p_debit uuid, p_credit uuid, p_amount bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE d bigint; c bigint;
BEGIN
    PERFORM 1 FROM baseline.accounts WHERE id IN (p_debit, p_credit) ORDER BY id FOR UPDATE;
    UPDATE baseline.accounts SET balance = balance + p_amount WHERE id = p_debit RETURNING balance INTO d;
    UPDATE baseline.accounts SET balance = balance - p_amount WHERE id = p_credit RETURNING balance INTO c;
    INSERT INTO baseline.transfers (id, debit, credit, amount, debit_after, credit_after)
    VALUES (p_id, p_debit, p_credit, p_amount, d, c);
END $$;
GRANT USAGE ON SCHEMA baseline TO linli_ledger;
GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA baseline TO linli_ledger"""


class _Stage:
    """A book with accounts, twice: ours and the baseline's."""

    def __init__(self, url: str, owner: Any, database: Database) -> None:
        self.url = url
        self.owner = owner
        self.database = database
        self.book = new_id()
        self.fund = new_id()
        self.accounts = [new_id() for _ in range(ACCOUNTS)]

    async def furnish(self) -> None:
        await self.owner.execute(_BASELINE)
        async with self.database.write(TENANT) as session:
            now = utc_now()
            session.add(
                Book(
                    tenant_id=TENANT,
                    id=self.book,
                    name="bench",
                    area_id=new_id(),
                    area_path="d",
                    opened_at=now,
                    version=1,
                )
            )
            await session.flush()
            for number, account in enumerate([self.fund, *self.accounts]):
                await repository.open_account(
                    session, NewAccount(account, self.book, f"a{number}", "a", AccountClass.ASSET)
                )
        await self.owner.executemany(
            "INSERT INTO baseline.accounts VALUES ($1, 0)", [(account,) for account in [self.fund, *self.accounts]]
        )

    def pair(self, dice: random.Random, *, hot: bool) -> tuple[UUID, UUID]:
        if hot:
            return self.fund, dice.choice(self.accounts)
        one, two = dice.sample(self.accounts, 2)
        return one, two

    async def batches(self, callers: int, size: int, seconds: float, *, hot: bool) -> dict[str, float]:
        """Let callers post batches, each with a connection of its own."""
        until = time.perf_counter() + seconds
        took: list[float] = []

        async def call(number: int) -> int:
            dice, posted = random.Random(number), 0
            while time.perf_counter() < until:
                batch = [self._request(dice, hot=hot) for _ in range(size)]
                began = time.perf_counter()
                async with self.database.write(TENANT) as session:
                    results = await repository.call_post(session, "system", batch)
                took.append(time.perf_counter() - began)
                assert set(results) == {"ok"}
                posted += size
            return posted

        began = time.perf_counter()
        total = sum(await asyncio.gather(*(call(number) for number in range(callers))))
        rate = total / (time.perf_counter() - began)
        return {"per_s": round(rate), "p50_ms": _ms(took, 50), "p99_ms": _ms(took, 99)}

    def _request(self, dice: random.Random, *, hot: bool) -> TransactionRequest:
        debit, credit = self.pair(dice, hot=hot)
        leg = Leg(debit, credit, dice.randrange(1, 10_000))
        return TransactionRequest(new_id(), self.book, TransactionKind.POST, (leg,), "bench", today())

    async def singles(self, callers: int, seconds: float, *, hot: bool) -> dict[str, float]:
        """Let callers post one transaction at a time, through the micro-batcher."""
        batcher = MicroBatcher(partial(post_for_many, self.database), waiting_max=callers)
        until = time.perf_counter() + seconds
        took: list[float] = []

        async def call(number: int) -> int:
            dice, posted = random.Random(number), 0
            while time.perf_counter() < until:
                request = self._request(dice, hot=hot)
                began = time.perf_counter()
                assert await batcher.submit(TENANT, "system", [request]) == ["ok"]
                took.append(time.perf_counter() - began)
                posted += 1
            return posted

        began = time.perf_counter()
        total = sum(await asyncio.gather(*(call(number) for number in range(callers))))
        rate = total / (time.perf_counter() - began)
        return {"per_s": round(rate), "p50_ms": _ms(took, 50), "p99_ms": _ms(took, 99)}

    async def baseline(self, callers: int, seconds: float, *, hot: bool) -> dict[str, float]:
        """Let callers transfer one by one, each on a connection of its own."""
        until = time.perf_counter() + seconds
        took: list[float] = []

        async def call(number: int) -> int:
            dice, posted = random.Random(number), 0
            connection = await asyncpg.connect(self.url)
            while time.perf_counter() < until:
                debit, credit = self.pair(dice, hot=hot)
                began = time.perf_counter()
                await connection.execute(
                    "SELECT baseline.transfer($1, $2, $3, $4)", new_id(), debit, credit, dice.randrange(1, 10_000)
                )
                took.append(time.perf_counter() - began)
                posted += 1
            await connection.close()
            return posted

        began = time.perf_counter()
        total = sum(await asyncio.gather(*(call(number) for number in range(callers))))
        rate = total / (time.perf_counter() - began)
        return {"per_s": round(rate), "p50_ms": _ms(took, 50), "p99_ms": _ms(took, 99)}

    async def wrong_balances(self) -> int:
        """Count the accounts whose balance is not the sum of their postings."""
        count: int = await self.owner.fetchval(
            "SELECT count(*) FROM ledger.balances b WHERE b.tenant_id = $1 AND (b.posted_debits, b.posted_credits) <>"
            " (coalesce((SELECT sum(amount) FROM ledger.postings p WHERE p.tenant_id = b.tenant_id"
            " AND p.debit_account = b.account_id), 0),"
            " coalesce((SELECT sum(amount) FROM ledger.postings p WHERE p.tenant_id = b.tenant_id"
            " AND p.credit_account = b.account_id), 0))",
            TENANT,
        )
        return count

    async def bytes_per_posting(self) -> int:
        """Return what a posting weighs on disk, its transaction and all indexes included."""
        size: int = await self.owner.fetchval(
            "SELECT (pg_total_relation_size('ledger.postings') + pg_total_relation_size('ledger.transactions'))"
            " / greatest(1, (SELECT count(*) FROM ledger.postings))"
        )
        return size


def _ms(took: list[float], percent: int) -> float:
    if len(took) < 2:
        return round(took[0] * 1000, 2) if took else 0.0
    return round(statistics.quantiles(took, n=100)[percent - 1] * 1000, 2)


async def _measure(url: str, owner_url: str, *, seconds: float) -> dict[str, Any]:
    owner = await asyncpg.connect(owner_url)
    database = Database(url, schema="ledger", pool_size=max(CALLERS), pool_timeout_s=60)
    try:
        stage = _Stage(url, owner, database)
        await stage.furnish()
        figures: dict[str, Any] = {}
        for hot in (False, True):
            name = "hot_fund" if hot else "spread"
            for callers in CALLERS:
                found: dict[str, Any] = {"baseline": await stage.baseline(callers, seconds, hot=hot)}
                for size in SIZES:
                    found[f"batches_of_{size}"] = await stage.batches(callers, size, seconds, hot=hot)
                    ratio = found[f"batches_of_{size}"]["per_s"] / found["baseline"]["per_s"]
                    found[f"times_the_baseline_at_{size}"] = round(ratio, 1)
                figures[f"{name}_{callers}_callers"] = found
            for callers in SINGLE_CALLERS:
                figures[f"{name}_{callers}_single_callers"] = await stage.singles(callers, seconds, hot=hot)
        figures["wrong_balances"] = await stage.wrong_balances()
        figures["bytes_per_posting"] = await stage.bytes_per_posting()
        return figures
    finally:
        await database.close()
        await owner.close()


def run() -> dict[str, Any]:
    """Measure, and compare with the targets."""
    short = bool(os.environ.get("BENCH_SHORT"))
    with (
        tempfile.TemporaryDirectory(prefix="linli-bench-") as folder,
        start_servers(Path(folder), ["ledger"], fsync=True) as servers,
    ):
        seconds = 1.5 if short else 5.0
        figures = asyncio.run(_measure(servers.role_url("ledger"), servers.owner_url, seconds=seconds))
    best = figures["spread_20_callers"]
    good = (
        best["batches_of_100"]["per_s"] >= TARGETS["postings_per_s_at_100"]
        and best["times_the_baseline_at_100"] >= TARGETS["times_the_baseline"]
        and figures["hot_fund_200_single_callers"]["per_s"] >= TARGETS["single_per_s_on_hot_fund"]
        and figures["wrong_balances"] == 0
    )
    return {"bench": "ledger", "figures": figures, "targets": TARGETS, "ok": good}
