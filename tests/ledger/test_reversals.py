"""Taking back what was posted: once, mirrored, by the right person; a refusal is remembered."""

from typing import Any

import pytest

from shared.auth import Role
from shared.clock import today
from shared.ids import new_id
from tests.ledger.conftest import Treasury
from tests.ledger.test_campaigns import act, campaign, give, seen


async def posted(treasury: Treasury, amounts: list[int]) -> tuple[dict[str, Any], str]:
    """Post one transaction with a posting for each amount in a general book."""
    book = await treasury.made("/v1/books", {"name": "b", "area_id": str(treasury.area_id)})
    accounts = []
    for code in ("bank", "shop"):
        wanted = {"code": code, "name": code, "account_class": "asset"}
        accounts.append((await treasury.made(f"/v1/books/{book['id']}/accounts", wanted))["id"])
    legs = [{"debit_account_id": accounts[0], "credit_account_id": accounts[1], "amount_fen": item} for item in amounts]
    number = str(new_id())
    body = {"description": "x", "effective_on": today().isoformat(), "postings": legs}
    answer = await treasury.http.put(
        f"/v1/books/{book['id']}/transactions/{number}", json=body, headers=treasury.headers("treasurer")
    )
    assert answer.status_code == 201
    return book, number


def back(**more: Any) -> dict[str, Any]:
    return {"id": str(new_id()), "reason": "重复入账", "effective_on": today().isoformat(), **more}


async def balances(treasury: Treasury, book: dict[str, Any]) -> list[int]:
    return [row["balance_fen"] for row in (await treasury.read(f"/v1/books/{book['id']}/accounts"))["items"]]


async def test_a_transaction_is_taken_back_once_and_a_refusal_stays(treasury: Treasury) -> None:
    book, number = await posted(treasury, [5, 7])
    wanted, path = back(), f"/v1/transactions/{number}/reverse"
    assert (await treasury.made(path, wanted))["result"] == "ok"
    assert await balances(treasury, book) == [0, 0]
    assert (await treasury.made(path, wanted))["result"] == "replayed"
    other = back()
    for _ in range(2):
        problem = await treasury.refused(409, "posting_refused", path, other)
        assert problem["result"] == "already_reversed"
    kept = (await treasury.read(f"/v1/books/{book['id']}/transactions"))["items"]
    assert [item["result"] for item in kept if item["id"] == other["id"]] == ["already_reversed"]
    assert {item["original_id"] for item in kept if item["kind"] == "reverse"} == {number}


async def test_parts_go_back_until_the_original_is_used_up(treasury: Treasury) -> None:
    book, number = await posted(treasury, [5, 7])
    path = f"/v1/transactions/{number}/refund"
    await treasury.made(path, back(parts=[2, 3]))
    assert await balances(treasury, book) == [7, -7]
    problem = await treasury.refused(409, "posting_refused", path, back(parts=[5, 5]))
    assert problem["result"] == "more_than_original"
    await treasury.refused(422, "parts_differ", path, back(parts=[1]))
    problem = await treasury.refused(409, "posting_refused", f"/v1/transactions/{number}/reverse", back())
    assert problem["result"] == "already_refunded"
    await treasury.made(path, back(parts=[1, 6]))
    assert await balances(treasury, book) == [0, 0]


@pytest.mark.parametrize("day", ["2020-01-01"])
async def test_nothing_is_taken_back_before_it_was(treasury: Treasury, day: str) -> None:
    _, number = await posted(treasury, [5])
    problem = await treasury.refused(
        409, "posting_refused", f"/v1/transactions/{number}/reverse", back(effective_on=day)
    )
    assert problem["result"] == "before_original"


async def test_in_a_funds_book_another_takes_it_back(treasury: Treasury) -> None:
    fund = await treasury.fund(500)
    gift = (await treasury.read(f"/v1/funds/{fund['id']}/contributions"))["items"][0]["transaction_id"]
    path = f"/v1/transactions/{gift}/reverse"
    await treasury.refused(403, "forbidden", path, back())
    treasury.people["both"], treasury.roles["both"] = treasury.people["treasurer"], treasury.roles["auditor"]
    await treasury.refused(403, "own_transaction", path, back(), by="both")
    await treasury.made(path, back(), by="auditor")
    assert (await treasury.read(f"/v1/funds/{fund['id']}"))["balance_fen"] == 0
    await treasury.refused(404, "not_found", f"/v1/transactions/{new_id()}/reverse", back(), by="auditor")


async def test_what_was_given_to_a_campaign_is_not_taken_back_by_hand(treasury: Treasury) -> None:
    fund = await treasury.fund()
    opened, done = await campaign(treasury, fund, 1_000), await campaign(treasury, fund, 20)
    treasury.add("auditor", Role.AUDITOR)
    gifts = [await give(treasury, opened, 10), await give(treasury, done, 20)]
    await act(treasury, done, "settle")
    entries = (await treasury.read(f"/v1/accounts/{done['account_id']}/entries"))["items"]
    known = [item["transaction_id"] for item in gifts] + [item["transaction_id"] for item in entries]
    assert len(set(known)) == 3, "two gifts and the settlement"
    for transaction_id in known:
        path = f"/v1/transactions/{transaction_id}"
        await treasury.refused(409, "campaign_money", f"{path}/reverse", back(), by="auditor")
        await treasury.refused(409, "campaign_money", f"{path}/refund", back(parts=[1]), by="auditor")
    assert (await seen(treasury, opened))["raised_fen"] == 10
    await act(treasury, opened, "cancel", {"reason": "项目取消"})
    bank = (await treasury.read(f"/v1/funds/{fund['id']}/statement"))["bank_fen"]
    assert bank == 20, "the settled gift stays, the other has gone back"
