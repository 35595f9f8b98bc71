"""Single transactions of many callers: written together, answered each for itself, after the COMMIT."""

import asyncio
from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

import httpx
import pytest

from services.ledger.books.batching import MicroBatcher
from services.ledger.books.rules import Leg, TransactionKind, TransactionRequest
from shared.ids import new_id
from shared.problems import Overloaded
from tests.ledger.conftest import Treasury


class Slow:
    """Writes batches when it is allowed to, and remembers them."""

    def __init__(self) -> None:
        self.batches: list[tuple[str, list[str]]] = []
        self.may = asyncio.Event()
        self.fails = 0

    async def post(self, tenant: str, actors: Sequence[str], batch: Sequence[TransactionRequest]) -> list[str]:
        self.batches.append((tenant, list(actors)))
        await self.may.wait()
        if self.fails:
            self.fails -= 1
            message = "away"
            raise OSError(message)
        return [f"{actor}:{request.description}" for actor, request in zip(actors, batch, strict=True)]


def request(name: str) -> TransactionRequest:
    leg = Leg(new_id(), new_id(), 1)
    return TransactionRequest(new_id(), new_id(), TransactionKind.POST, (leg,), name, date(2026, 1, 1))


async def begin(batcher: MicroBatcher, tenant: str, actor: str) -> "asyncio.Task[list[str]]":
    task = asyncio.create_task(batcher.submit(tenant, actor, [request(actor)]))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    return task


async def test_what_comes_during_a_batch_is_the_next_and_everybody_gets_the_own_answer() -> None:
    slow = Slow()
    batcher = MicroBatcher(slow.post, waiting_max=100)
    tasks = [await begin(batcher, "t", f"a{number}") for number in range(6)]
    other = await begin(batcher, "u", "b")
    assert [len(actors) for _, actors in slow.batches] == [1, 1], "tenants do not wait for each other"
    slow.may.set()
    assert await asyncio.gather(*tasks) == [[f"a{number}:a{number}"] for number in range(6)]
    assert await other == ["b:b"]
    assert slow.batches == [("t", ["a0"]), ("u", ["b"]), ("t", ["a1", "a2", "a3", "a4", "a5"])]


async def test_who_comes_when_too_many_wait_hears_so_at_once() -> None:
    slow = Slow()
    batcher = MicroBatcher(slow.post, waiting_max=2)
    tasks = [await begin(batcher, "t", f"a{number}") for number in range(3)]
    with pytest.raises(Overloaded):
        await batcher.submit("t", "late", [request("late")])
    slow.may.set()
    assert len(await asyncio.gather(*tasks)) == 3
    assert await batcher.submit("t", "now", [request("now")]) == ["now:now"]


async def test_a_batch_that_fails_is_told_to_its_own_and_the_next_goes_on() -> None:
    slow = Slow()
    slow.fails = 1
    batcher = MicroBatcher(slow.post, waiting_max=10)
    first = await begin(batcher, "t", "first")
    second, third = await begin(batcher, "t", "second"), await begin(batcher, "t", "third")
    slow.may.set()
    with pytest.raises(OSError, match="away"):
        await first
    assert list(await asyncio.gather(second, third)) == [["second:second"], ["third:third"]]


async def test_who_leaves_takes_nothing_along_and_closing_writes_what_waits() -> None:
    slow = Slow()
    batcher = MicroBatcher(slow.post, waiting_max=10)
    await begin(batcher, "t", "first")
    leaver, stayer = await begin(batcher, "t", "leaver"), await begin(batcher, "t", "stayer")
    leaver.cancel()
    slow.may.set()
    await batcher.close()
    assert await stayer == ["stayer:stayer"]
    assert slow.batches[-1] == ("t", ["leaver", "stayer"])


@pytest.fixture
async def book(treasury: Treasury) -> dict[str, Any]:
    """A book with two accounts, of which the second never falls below zero."""
    book = await treasury.made("/v1/books", {"name": "账本", "area_id": str(treasury.area_id)})
    accounts = []
    for code, floor in (("bank", None), ("fund", 0)):
        wanted = {"code": code, "name": code, "account_class": "asset", "unit": "CNY", "floor_fen": floor}
        accounts.append((await treasury.made(f"/v1/books/{book['id']}/accounts", wanted))["id"])
    return book | {"accounts": accounts}


def transaction(book: dict[str, Any], amount: Any, *, back: bool = False) -> dict[str, Any]:
    bank, fund = book["accounts"]
    debit, credit = (bank, fund) if back else (fund, bank)
    leg = {"debit_account_id": debit, "credit_account_id": credit, "amount_fen": amount, "unit": "CNY"}
    return {"description": "转账", "effective_on": "2026-11-23", "postings": [leg]}


async def put(
    treasury: Treasury, book: dict[str, Any], body: Any, *, transaction_id: UUID | None = None, by: str = "treasurer"
) -> httpx.Response:
    path = f"/v1/books/{book['id']}/transactions/{transaction_id or new_id()}"
    return await treasury.http.put(path, json=body, headers=treasury.headers(by))


async def test_one_transaction_sent_twice_is_posted_once(treasury: Treasury, book: dict[str, Any]) -> None:
    one = new_id()
    first = await put(treasury, book, transaction(book, 500), transaction_id=one)
    again = await put(treasury, book, transaction(book, 500), transaction_id=one)
    assert (first.status_code, first.json()) == (201, {"id": str(one), "result": "ok"})
    assert (again.status_code, again.json()) == (200, {"id": str(one), "result": "replayed"})
    other = await put(treasury, book, transaction(book, 501), transaction_id=one)
    assert (other.status_code, other.json()["code"]) == (409, "id_taken")
    fund = await treasury.read(f"/v1/accounts/{book['accounts'][1]}")
    assert fund["balance_fen"] == 500


async def test_a_refused_id_stays_refused(treasury: Treasury, book: dict[str, Any]) -> None:
    one = new_id()
    for _ in range(2):
        answer = await put(treasury, book, transaction(book, 1, back=True), transaction_id=one)
        assert (answer.status_code, answer.json()["code"]) == (409, "insufficient_funds")
        await put(treasury, book, transaction(book, 100))
    assert (await treasury.read(f"/v1/accounts/{book['accounts'][1]}"))["balance_fen"] == 200


async def test_two_hundred_at_once_all_count(treasury: Treasury, book: dict[str, Any], owner: Any) -> None:
    answers: list[httpx.Response] = []
    for _ in range(2):
        answers += await asyncio.gather(*(put(treasury, book, transaction(book, 7)) for _ in range(100)))
    assert {answer.status_code for answer in answers} == {201}
    assert (await treasury.read(f"/v1/accounts/{book['accounts'][1]}"))["balance_fen"] == 1400
    written = await owner.fetchval(
        "SELECT count(DISTINCT xmin::text) FROM ledger.transactions WHERE book_id = $1", UUID(book["id"])
    )
    assert written < 100, "they were written together"
    actors = await owner.fetchval(
        "SELECT count(DISTINCT actor) FROM ledger.transactions WHERE book_id = $1", UUID(book["id"])
    )
    assert actors == 1


@pytest.mark.parametrize("amount", [0, -1, 1.5, "7", True, None, 2**53], ids=str)
async def test_odd_amounts_are_refused(treasury: Treasury, book: dict[str, Any], amount: Any) -> None:
    answer = await put(treasury, book, transaction(book, amount))
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


async def test_only_the_books_treasurer_posts(treasury: Treasury, book: dict[str, Any]) -> None:
    for by in ("resident", "payer", "approver"):
        assert (await put(treasury, book, transaction(book, 1), by=by)).status_code == 403
    missing = await put(treasury, {"id": new_id()}, transaction(book, 1))
    assert missing.status_code == 404
    elsewhere = treasury.headers("treasurer", at="d.elsewhere")
    path = f"/v1/books/{book['id']}/transactions/{new_id()}"
    assert (await treasury.http.put(path, json=transaction(book, 1), headers=elsewhere)).status_code == 403
    foreign = treasury.headers("treasurer", tenant="elsewhere")
    assert (await treasury.http.put(path, json=transaction(book, 1), headers=foreign)).status_code == 404


async def test_many_who_wait_with_a_connection_in_their_hands_do_not_keep_their_batch_from_being_written(
    treasury: Treasury, book: dict[str, Any]
) -> None:
    """Keyed batches and settles hold a connection while they wait: with more of them than the pool has, all still go on."""
    holds = [new_id() for _ in range(20)]
    await asyncio.gather(*(put(treasury, book, transaction(book, 1)) for _ in range(20)))
    fund, bank = book["accounts"][1], book["accounts"][0]
    wanted = {"debit_account_id": bank, "credit_account_id": fund, "amount_fen": 1, "description": "冻结"}
    for hold in holds:
        path = f"/v1/books/{book['id']}/holds/{hold}"
        made = await treasury.http.put(
            path, json=wanted | {"effective_on": "2026-11-23"}, headers=treasury.headers("treasurer")
        )
        assert made.status_code == 201, made.text
    settle = {"amount_fen": 1, "description": "结算", "effective_on": "2026-11-23"}
    batch = [transaction(book, 1) for _ in range(3)]
    asking = [treasury.post(f"/v1/holds/{hold}/settle", settle | {"id": str(new_id())}) for hold in holds]
    for _ in range(20):
        ids = {"transactions": [item | {"id": str(new_id())} for item in batch]}
        asking.append(treasury.post(f"/v1/books/{book['id']}/transactions", ids))
    answers = await asyncio.gather(*asking)
    assert {answer.status_code for answer in answers} == {200}, {answer.text for answer in answers}
