"""Gifts for a purpose, until a day, in kind and as hours: each stays what it was given for."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from services.ledger.books import repository as books
from services.ledger.books.rules import Leg, TransactionKind, TransactionRequest
from shared.clock import today
from shared.db import Database
from shared.ids import new_id
from tests.ledger.conftest import Treasury

TODAY = today()
FREE = {"match_num": None, "match_den": None}


async def balances(treasury: Treasury, fund: dict[str, Any]) -> dict[str, int]:
    page = await treasury.read(f"/v1/books/{fund['book_id']}/accounts?page_size=200")
    return {row["code"]: row["balance_fen"] for row in page["items"]}


async def give(treasury: Treasury, fund: dict[str, Any], amount_fen: int, **members: Any) -> dict[str, Any]:
    path = f"/v1/funds/{fund['id']}/contributions"
    return await treasury.made(path, treasury.gift(amount_fen, received=True, **members))


async def test_a_grant_takes_fitting_restricted_money_first_the_soonest_to_expire_before_the_rest(
    treasury: Treasury,
) -> None:
    fund = await treasury.fund(1_000, **FREE)
    soon, later = TODAY + timedelta(days=5), TODAY + timedelta(days=50)
    await give(treasury, fund, 300, restricted_to="drainage", spend_by=later.isoformat())
    await give(treasury, fund, 200, restricted_to="drainage", spend_by=soon.isoformat())
    await give(treasury, fund, 900, restricted_to="barrier")
    grant = await treasury.approved(fund, 700)
    accounts = {
        row["id"]: row["code"]
        for row in (await treasury.read(f"/v1/books/{fund['book_id']}/accounts?page_size=200"))["items"]
    }
    sources = [(accounts[item["from_account"]], item["amount_fen"]) for item in grant["sources"]]
    assert sources == [(f"restricted:drainage:{soon}", 200), (f"restricted:drainage:{later}", 300), ("fund", 200)]
    found = await treasury.read(f"/v1/funds/{fund['id']}")
    assert (found["balance_fen"], found["held_fen"]) == (1_000, 200)


async def test_what_is_left_over_goes_back_to_where_it_came_from(treasury: Treasury) -> None:
    fund = await treasury.fund(1_000, **FREE)
    await give(treasury, fund, 600, restricted_to="drainage")
    grant = await treasury.approved(fund, 1_000)
    await treasury.pay(await treasury.invoice(grant, 500))
    version = (await treasury.read(f"/v1/grants/{grant['id']}"))["version"]
    closed = await treasury.made(f"/v1/grants/{grant['id']}/close", version=version)
    assert (closed["back_to_fund_fen"], closed["back_to_households_fen"]) == (500, 0)
    found = await balances(treasury, fund)
    assert (found["restricted:drainage"], found["fund"], found["bank"], found["expense:drainage"]) == (
        300,
        800,
        1_100,
        500,
    )
    assert found["payable"] == 0


async def test_restricted_money_cannot_leave_its_purpose_even_by_a_direct_posting(
    treasury: Treasury, databases: dict[str, Database], owner: Any
) -> None:
    fund = await treasury.fund(1_000, **FREE)
    await give(treasury, fund, 600, restricted_to="drainage", spend_by=TODAY.isoformat())
    row = await owner.fetchrow("SELECT * FROM ledger.funds WHERE id = $1", UUID(fund["id"]))
    kept = await owner.fetchval(
        "SELECT id FROM ledger.accounts WHERE book_id = $1 AND purpose = 'drainage'", row["book_id"]
    )

    async def move(debit: UUID, credit: UUID, kind: TransactionKind = TransactionKind.POST, days: int = 0) -> str:
        day = TODAY + timedelta(days=days)
        request = TransactionRequest(new_id(), row["book_id"], kind, (Leg(debit, credit, 10),), "x", day)
        async with databases["ledger"].write(treasury.caller.tenant) as session:
            return (await books.call_post(session, "test", [request]))[0]

    assert await move(kept, row["fund_account"]) == "purpose_mismatch"
    assert await move(kept, row["fund_account"], TransactionKind.HOLD) == "purpose_mismatch"
    assert await move(kept, row["released_account"], days=1) == "restriction_expired"
    assert await move(kept, row["released_account"]) == "ok"
    assert await move(kept, row["bank_account"], days=1) == "ok", "back to the giver it may always go"


async def test_money_for_a_time_that_has_passed_is_not_taken(treasury: Treasury, owner: Any) -> None:
    fund = await treasury.fund(100, **FREE)
    gift = await give(treasury, fund, 600, spend_by=TODAY.isoformat())
    assert gift["spend_by"] == TODAY.isoformat()
    await owner.execute("SET session_replication_role = replica")
    for table in ("accounts", "balances"):
        await owner.execute(
            f"UPDATE ledger.{table} SET spend_by = spend_by - 1 WHERE tenant_id = $1 AND spend_by IS NOT NULL",
            treasury.caller.tenant,
        )
    await owner.execute("SET session_replication_role = DEFAULT")
    grant = await treasury.apply(fund, 500)
    await treasury.refused(409, "insufficient_funds", f"/v1/grants/{grant['id']}/approve", {}, by="approver", version=1)


async def test_things_and_hours_are_counted_in_their_own_unit_with_or_without_a_value(treasury: Treasury) -> None:
    fund = await treasury.fund(100)
    path = f"/v1/funds/{fund['id']}/contributions"
    who = {"giver_kind": "unit", "giver_id": str(treasury.unit_id), "received": True}
    await treasury.made(path, {**who, "kind": "hours", "quantity": 12, "description": "义工巡逻"})
    await treasury.made(path, {**who, "kind": "hours", "quantity": 3, "description": "义诊", "amount_fen": 30_000})
    await treasury.made(path, {**who, "kind": "in_kind", "quantity": 5, "description": "灭火器", "amount_fen": 50_000})
    promised = await treasury.made(
        path, {**who, "kind": "in_kind", "quantity": 9, "description": "桌椅", "received": False}
    )
    statement = await treasury.read(f"/v1/funds/{fund['id']}/statement")
    assert (statement["in_kind_fen"], statement["volunteer_hours"], statement["bank_fen"]) == (80_000, 15, 100)
    done = await treasury.made(f"{path}/{promised['id']}/receive", version=1)
    assert done["transaction_id"] is not None
    assert (await balances(treasury, fund))["pieces:received"] == 14


BAD = [
    {"kind": "money"},
    {"kind": "money", "amount_fen": 5, "quantity": 1},
    {"kind": "hours", "quantity": 5},
    {"kind": "hours", "description": "x"},
    {"kind": "in_kind", "quantity": 0, "description": "x"},
    {"kind": "in_kind", "quantity": 1.5, "description": "x"},
    {"kind": "in_kind", "quantity": 1, "description": "x", "restricted_to": "drainage"},
    {"kind": "stones", "quantity": 1, "description": "x"},
]


@pytest.mark.parametrize("members", BAD, ids=str)
async def test_gifts_that_make_no_sense_are_refused(treasury: Treasury, members: dict[str, Any]) -> None:
    fund = await treasury.fund()
    body = {"giver_kind": "unit", "giver_id": str(treasury.unit_id), **members}
    await treasury.refused(422, "invalid_request", f"/v1/funds/{fund['id']}/contributions", body)


async def test_a_restriction_outside_the_charter_or_in_the_past_is_refused(treasury: Treasury) -> None:
    fund = await treasury.fund()
    path = f"/v1/funds/{fund['id']}/contributions"
    await treasury.refused(422, "restriction_not_allowed", path, treasury.gift(5, restricted_to="fireworks"))
    past = (TODAY - timedelta(days=1)).isoformat()
    await treasury.refused(422, "restriction_not_allowed", path, treasury.gift(5, spend_by=past))


async def test_a_giver_sees_the_own_gifts_and_nobody_elses(treasury: Treasury) -> None:
    fund = await treasury.fund(500, giver_kinds=["unit", "person"])
    person = treasury.people["resident"]
    body = {"giver_kind": "person", "giver_id": str(person), "amount_fen": 7, "received": True}
    await treasury.made(f"/v1/funds/{fund['id']}/contributions", body)
    path = f"/v1/funds/{fund['id']}/contributions"
    assert [item["amount_fen"] for item in (await treasury.read(path, by="resident"))["items"]] == [7]
    assert len((await treasury.read(path, by="auditor"))["items"]) == 2
