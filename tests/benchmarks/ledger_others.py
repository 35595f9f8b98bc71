"""What the ledger is compared with: one transfer a call with row locks in plain SQL, and pgledger, where it is at hand."""

import random
from pathlib import Path
from typing import Any, Final

import asyncpg

from shared.ids import new_id
from tests.benchmarks.ledger_stage import ACCOUNTS, Stage, timed

__all__ = ["Baseline", "PgLedger"]

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


class Baseline:
    """One transfer a call, each caller on a connection of its own."""

    def __init__(self, url: str, stage: Stage) -> None:
        self._url = url
        self._stage = stage

    async def furnish(self) -> None:
        await self._stage.owner.execute(_BASELINE)
        accounts = [(account,) for account in (self._stage.fund, *self._stage.accounts)]
        await self._stage.owner.executemany("INSERT INTO baseline.accounts VALUES ($1, 0)", accounts)

    async def transfers(self, callers: int, seconds: float, *, hot: bool) -> dict[str, float]:
        async with asyncpg.create_pool(self._url, min_size=callers, max_size=callers) as pool:

            async def call(dice: random.Random) -> int:
                pair = self._stage.pair(dice, hot=hot)
                values = (new_id(), *pair, dice.randrange(1, 10_000))
                await pool.execute("SELECT baseline.transfer($1, $2, $3, $4)", *values)
                return 1

            return await timed(callers, seconds, call)


class PgLedger:
    """pgledger from a checkout, in a schema of its own, through its own functions."""

    def __init__(self, owner_url: str, checkout: Path) -> None:
        self._url = owner_url
        self._files = [*sorted(checkout.glob("vendor/**/*.sql")), checkout / "pgledger.sql"]
        self._accounts: list[str] = []

    async def furnish(self) -> None:
        owner = await asyncpg.connect(self._url, server_settings={"search_path": "pgledger, public"})
        await owner.execute("CREATE SCHEMA pgledger")
        for path in self._files:
            await owner.execute(path.read_text(encoding="utf-8"))
        for number in range(ACCOUNTS + 1):
            made = await owner.fetchval("SELECT id FROM pgledger_create_account($1, 'CNY')", f"a{number}")
            self._accounts.append(made)
        await owner.close()

    async def transfers(self, callers: int, size: int, seconds: float, *, hot: bool) -> dict[str, float]:
        """Transfer one a call, or many in its batch form."""
        settings = {"search_path": "pgledger, public"}
        async with asyncpg.create_pool(self._url, min_size=callers, max_size=callers, server_settings=settings) as pool:

            async def call(dice: random.Random) -> int:
                wanted = [(*self._pair(dice, hot=hot), dice.randrange(1, 10_000)) for _ in range(size)]
                if size == 1:
                    await pool.fetch("SELECT id FROM pgledger_create_transfer($1, $2, $3)", *wanted[0])
                else:
                    query = "SELECT count(*) FROM pgledger_create_transfers($1::transfer_request[])"
                    await pool.fetchval(query, wanted)
                return size

            return await timed(callers, seconds, call)

    def _pair(self, dice: random.Random, *, hot: bool) -> Any:
        return (self._accounts[0], dice.choice(self._accounts[1:])) if hot else dice.sample(self._accounts[1:], 2)
