"""What the posting function must do in cases worth a name of their own; see test_machine.py for all the others."""

import asyncio
import random
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from services.ledger.books import repository
from services.ledger.books.models import Book
from services.ledger.books.rules import AccountClass, Leg, NewAccount, TransactionKind, TransactionRequest
from services.ledger.verifying.service import verify_tenant
from shared.clock import today, utc_now
from shared.db import Database
from shared.ids import new_id
from shared.testing import TestServers
from tests.ledger.auditor import assert_clean


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


async def test_another_body_under_a_known_id_is_a_conflict(databases: dict[str, Database], tenant: str) -> None:
    database = databases["ledger"]
    book, (one, two) = await open_book(database, tenant, [None, None])
    first = request(book, TransactionKind.POST, Leg(one, two, 5))
    other = request(book, TransactionKind.POST, Leg(one, two, 6), id=first.id)
    assert await post(database, tenant, first, first, other) == ["ok", "replayed", "id_conflict"]
    assert await post(database, tenant, other, first) == ["id_conflict", "replayed"]


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
    await assert_clean(owner, tenant)


async def test_fifty_spend_at_once_and_the_floor_holds(databases: dict[str, Database], owner: Any, tenant: str) -> None:
    database = databases["ledger"]
    book, (fund, bank) = await open_book(database, tenant, [0, None])
    await post(database, tenant, request(book, TransactionKind.POST, Leg(bank, fund, 1000)))
    spends = [request(book, TransactionKind.POST, Leg(fund, bank, 90)) for _ in range(50)]
    results = await asyncio.gather(*(post(database, tenant, spend) for spend in spends))
    assert [item for answer in results for item in answer].count("ok") == 11
    await assert_clean(owner, tenant)


async def test_what_dips_inside_of_a_transaction_is_no_offence_and_a_real_one_is(
    databases: dict[str, Database], owner: Any, tenant: str
) -> None:
    database = databases["ledger"]
    book, (one, two) = await open_book(database, tenant, [0, None])
    there_and_back = request(book, TransactionKind.POST, Leg(one, two, 5), Leg(two, one, 5))
    assert await post(database, tenant, there_and_back) == ["ok"]

    async def wrong() -> list[str]:
        return [item.check async for item in verify_tenant(database, tenant, []) if item.wrong]

    assert await wrong() == []
    assert await post(database, tenant, request(book, TransactionKind.POST, Leg(two, one, 3))) == ["ok"]
    assert await post(database, tenant, request(book, TransactionKind.POST, Leg(one, two, 2))) == ["ok"]
    # The balance is 1 now; a floor of 1 was once below: before the first gift, and nobody may say so afterwards.
    await owner.execute("UPDATE ledger.balances SET floor_fen = 1 WHERE account_id = $1", one)
    assert await wrong() == ["after no transaction was a balance below its floor"]
    await owner.execute("UPDATE ledger.balances SET floor_fen = 0 WHERE account_id = $1", one)
