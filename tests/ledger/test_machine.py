"""The ledger against the model, step by step, over all kinds of transactions; the auditor looks after every step.

`LINLI_HYPOTHESIS=long` tries many more and other ones every time.
"""

import asyncio
from collections import Counter
from collections.abc import Coroutine, Iterator
from dataclasses import astuple
from datetime import date, timedelta
from random import Random
from typing import Any, ClassVar, Final, TypeVar
from uuid import UUID

import asyncpg
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from services.ledger.books import repository
from services.ledger.books.rules import TransactionRequest
from shared.db import Database
from shared.ids import new_id
from shared.testing import TestServers
from tests.ledger.asking import FIRST_DAY, Asker, Stage
from tests.ledger.auditor import assert_clean, closing_balances
from tests.ledger.model import REFUSALS
from tests.sizes import IS_LONG

T = TypeVar("T")
_SIZES: Final = st.sampled_from((1, 2, 7, 20, 40))
# One seed per step: what hypothesis would choose by itself, call by call, is mostly the same again.
_Dice: Final = st.randoms(use_true_random=True)


class _Bench:
    """The database, seen from code that cannot wait, and what was tried on it."""

    def __init__(self, servers: TestServers) -> None:
        self.loop = asyncio.new_event_loop()
        self.database = Database(servers.role_url("ledger"), schema="ledger", pool_size=1)
        self.owner: Any = self.run(asyncpg.connect(servers.owner_url))
        self.steps = 0
        self.results: Counter[str] = Counter()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)

    def close(self) -> None:
        self.run(self.database.close())
        self.run(self.owner.close())
        self.loop.close()

    def told(self) -> str:
        counts = ", ".join(f"{name} {count}" for name, count in self.results.most_common())
        return f"\nledger machine: {self.steps} steps, {self.results.total()} transactions: {counts}"


class LedgerMachine(RuleBasedStateMachine):
    """Asks the ledger and the model the same, and compares everything that both have written."""

    bench: ClassVar[_Bench]

    @initialize()
    def open_books(self) -> None:
        self.stage = Stage(f"t{new_id().hex[:31]}")
        self.model = self.stage.model()
        self.asker = Asker(self.stage, Random(0))
        self.closings: dict[tuple[UUID, date], dict[UUID, int]] = {}
        self.bench.run(self.stage.furnish(self.bench.database))

    def ask(self, batch: list[TransactionRequest]) -> None:
        expected = self.model.post(batch)
        assert self.bench.run(_post(self.bench.database, self.stage.tenant, batch)) == expected
        self.bench.results.update(expected)
        for request, result in zip(batch, expected, strict=True):
            self.asker.learn(request, result)

    @rule(dice=_Dice, size=_SIZES)
    def post_batch(self, dice: Random, size: int) -> None:
        self.asker.dice = dice
        self.ask(self.asker.batch(size))

    @rule(dice=_Dice, size=_SIZES)
    def give(self, dice: Random, size: int) -> None:
        self.asker.dice = dice
        self.ask([self.asker.gift() for _ in range(size)])

    @rule(dice=_Dice, size=_SIZES)
    def hold_and_resolve(self, dice: Random, size: int) -> None:
        self.asker.dice = dice
        self.ask([self.asker.hold() for _ in range(size)])
        self.ask([dice.choice((self.asker.settle, self.asker.settle, self.asker.expire))() for _ in range(size)])

    @rule(dice=_Dice)
    def take_back(self, dice: Random) -> None:
        self.asker.dice = dice
        self.ask([dice.choice((self.asker.reverse, self.asker.refund))() for _ in range(5)])

    @rule(dice=_Dice)
    def spoil(self, dice: Random) -> None:
        self.asker.dice = dice
        self.ask([self.asker.spoilt() for _ in range(15)])

    @rule(dice=_Dice)
    def ask_all_again(self, dice: Random) -> None:
        """Whatever was asked is answered the same, in another order and however often."""
        before = len(self.model.written)
        again = dice.sample(self.asker.asked, min(60, len(self.asker.asked)))
        if again:
            self.ask(again)
            assert len(self.model.written) == before

    @rule(dice=_Dice, days=st.integers(0, 6))
    def close_a_period(self, dice: Random, days: int) -> None:
        book = dice.choice((self.stage.main, self.stage.other))
        through = max(self.model.books[book] or FIRST_DAY, FIRST_DAY) + timedelta(days)
        self.bench.run(self.stage.close(self.bench.database, book, through))
        self.model.books[book] = through
        closing = self.bench.run(closing_balances(self.bench.owner, self.stage.tenant, book, through))
        self.closings[book, through] = closing

    @invariant()
    def everything_agrees(self) -> None:
        if not hasattr(self, "stage"):
            return
        self.bench.steps += 1
        self.bench.run(self._compare())

    async def _compare(self) -> None:
        owner, tenant, model = self.bench.owner, self.stage.tenant, self.model
        await assert_clean(owner, tenant)
        postings = await owner.fetch(
            "SELECT transaction_id, leg, debit_account, credit_account, unit, amount, debit_sequence, debit_after,"
            " credit_sequence, credit_after FROM ledger.postings WHERE tenant_id = $1",
            tenant,
        )
        assert sorted(map(tuple, postings)) == sorted(map(astuple, model.written))
        balances = await owner.fetch(
            "SELECT account_id, posted_debits, posted_credits, pending_debits, pending_credits, last_sequence"
            " FROM ledger.balances WHERE tenant_id = $1",
            tenant,
        )
        assert {row[0]: tuple(row)[1:] for row in balances} == {
            account: (side.debits, side.credits, side.debits_held, side.credits_held, side.moves)
            for account, side in model.sides.items()
        }
        holds = await owner.fetch("SELECT id, settled, released, state FROM ledger.holds WHERE tenant_id = $1", tenant)
        assert {row[0]: tuple(row)[1:] for row in holds} == {
            hold_id: (hold.settled, hold.released, hold.state) for hold_id, hold in model.holds.items()
        }
        answers = await owner.fetch("SELECT id, result FROM ledger.transactions WHERE tenant_id = $1", tenant)
        assert {row[0]: row[1] for row in answers} == {key: result for key, (_, result) in model.answers.items()}
        for (book, through), closing in self.closings.items():
            assert await closing_balances(owner, tenant, book, through) == closing


async def _post(database: Database, tenant: str, batch: list[TransactionRequest]) -> list[str]:
    async with database.write(tenant) as session:
        return await repository.call_post(session, "test", batch)


@pytest.fixture(scope="module")
def bench(servers: TestServers) -> Iterator[_Bench]:
    """The database for the machine; what was tried is told at the end (`pytest -s`)."""
    made = _Bench(servers)
    yield made
    print(made.told())
    made.close()


def test_the_ledger_does_what_the_model_does(bench: _Bench) -> None:
    LedgerMachine.bench = bench
    profile = settings(
        max_examples=2_000 if IS_LONG else 32,
        stateful_step_count=80 if IS_LONG else 30,
        derandomize=not IS_LONG,
        deadline=None,
        database=None,
        phases=(Phase.generate, Phase.shrink) if IS_LONG else (Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(LedgerMachine, settings=profile)
    assert REFUSALS - bench.results.keys() == set(), "every refusal was reached"
    assert {"ok", "replayed"} <= bench.results.keys()
