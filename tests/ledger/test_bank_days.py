"""The bank beside the book over HTTP: as both stood on any day, whoever works at the same time, and what is kept of it."""

import asyncio
import random
from datetime import date, timedelta
from typing import Any

import pytest

from shared.ids import new_id
from tests.ledger.conftest import Treasury
from tests.ledger.test_bank import HEADER, TODAY, act, bank_of, lines, row, treasury_list, upload

FREE: dict[str, Any] = {"match_num": None, "match_den": None}


async def beside(treasury: Treasury, fund: dict[str, Any], on: date = TODAY) -> dict[str, Any]:
    path = f"/v1/books/{fund['book_id']}/reconciliation?account_id={await bank_of(treasury, fund)}&on={on}"
    return await treasury.read(path)


async def general_book(treasury: Treasury) -> tuple[dict[str, Any], dict[str, str]]:
    """Open a book by hand with a bank account and what it came from."""
    book = await treasury.made("/v1/books", {"name": "b", "area_id": str(treasury.area_id)})
    made = {}
    for code, kind in (("bank", "asset"), ("income", "income")):
        wanted = {"code": code, "name": code, "account_class": kind}
        made[code] = (await treasury.made(f"/v1/books/{book['id']}/accounts", wanted))["id"]
    return {"book_id": book["id"]}, made


async def posted(treasury: Treasury, book: dict[str, Any], made: dict[str, str], fen: int, on: date) -> str:
    debit, credit = ("bank", "income") if fen > 0 else ("income", "bank")
    leg = {"debit_account_id": made[debit], "credit_account_id": made[credit], "amount_fen": abs(fen)}
    body = {"description": "x", "effective_on": on.isoformat(), "postings": [leg]}
    path = f"/v1/books/{book['book_id']}/transactions/{new_id()}"
    answer = await treasury.http.put(path, json=body, headers=treasury.headers("treasurer"))
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def match_all(treasury: Treasury, fund: dict[str, Any]) -> dict[str, Any]:
    account = await bank_of(treasury, fund)
    return await treasury.made(f"/v1/books/{fund['book_id']}/bank-matches", {"account_id": account}, key=None)


async def gifts_of(treasury: Treasury, fund: dict[str, Any]) -> dict[int, str]:
    page = await treasury.read(f"/v1/funds/{fund['id']}/contributions")
    return {item["amount_fen"]: item["transaction_id"] for item in page["items"]}


async def test_a_line_that_was_refused_leaves_its_amount_unexplained(treasury: Treasury) -> None:
    fund = await treasury.fund()
    a, b, c = row("5.00", 3, "a", "15.00"), row("2.00", 2, "b", "17.00"), row("1.00", 1, "c", "18.00")
    await upload(treasury, fund, HEADER + a + b.replace("2.00,", "abc,", 1) + c)
    seen = await beside(treasury, fund)
    assert (seen["bank_opening_fen"], seen["bank_balance_fen"], seen["unexplained_fen"]) == (1_000, 1_800, 200)
    again = await upload(treasury, fund, HEADER + a + b + c)
    assert (again["added"], again["duplicates"]) == (1, 2)
    seen = await beside(treasury, fund)
    assert (seen["bank_balance_fen"], seen["unexplained_fen"], seen["unmatched_lines"]) == (1_800, 0, 3)


@pytest.mark.parametrize("balances", [("18.00", "17.00", "15.00"), ("", "17.00", ""), ("18.00", "", "15.00")])
async def test_the_banks_balance_is_its_last_also_of_a_file_that_begins_with_it(
    treasury: Treasury, balances: tuple[str, ...]
) -> None:
    fund = await treasury.fund()
    days = (1, 2, 2)
    rows = zip(("1.00", "2.00", "5.00"), days, "cba", balances, strict=True)
    await upload(treasury, fund, HEADER + "".join(row(*item) for item in rows))
    seen = await beside(treasury, fund)
    assert (seen["bank_opening_fen"], seen["bank_balance_fen"], seen["unexplained_fen"]) == (1_000, 1_800, 0)


async def test_without_any_balance_the_bank_says_nothing(treasury: Treasury) -> None:
    fund = await treasury.fund(500)
    await upload(treasury, fund, HEADER + row("5.00"))
    seen = await beside(treasury, fund)
    assert (seen["bank_balance_fen"], seen["bank_opening_fen"], seen["unexplained_fen"]) == (None, None, None)


async def test_money_on_its_way_is_open_on_both_sides_until_it_has_arrived(treasury: Treasury) -> None:
    fund = await treasury.fund(500)
    first, later = TODAY - timedelta(days=5), TODAY + timedelta(days=1)
    await upload(treasury, fund, f"date,amount,balance\n{first},1.00,1.00\n{later},5.00,6.00\n")
    assert (await match_all(treasury, fund))["matched"] == 1
    now, then = await beside(treasury, fund), await beside(treasury, fund, later)
    assert (now["bank_balance_fen"], now["unmatched_postings_fen"], now["unmatched_lines_fen"]) == (100, 500, 100)
    assert (then["bank_balance_fen"], then["unmatched_postings_fen"], then["unmatched_lines_fen"]) == (600, 0, 100)
    assert (now["unexplained_fen"], then["unexplained_fen"]) == (0, 0)


@pytest.mark.parametrize("seed", range(3))
async def test_on_every_day_the_difference_is_explained_to_the_fen(treasury: Treasury, seed: int) -> None:
    chance = random.Random(seed)
    book, made = await general_book(treasury)
    start, balance, text = TODAY - timedelta(days=40), chance.randint(-999, 99_999), "date,amount,balance\n"
    for day in range(20):
        fen = chance.choice([-1, 1]) * chance.randint(1, 5) * 100
        balance += fen
        text += f"{start + timedelta(days=day)},{fen // 100},{balance // 100}.{balance % 100:02d}\n" if balance >= 0 else f"{start + timedelta(days=day)},{fen // 100},-{-balance // 100}.{-balance % 100:02d}\n"  # fmt: skip
        if chance.random() < 0.8:
            await posted(treasury, book, made, fen, start + timedelta(days=day + chance.randint(-3, 3)))
    assert (await upload(treasury, book, text, account=made["bank"]))["refused"] == 0
    await match_all(treasury, book)
    left = await lines(treasury, book)
    for line in left[:2]:
        await act(treasury, line, "ignore", {"reason": "x"})
    for line in left[2:5]:
        proposals = await treasury_list(treasury, f"/v1/bank-lines/{line['id']}/proposals")
        if proposals:
            refs = [{"transaction_id": item["transaction_id"], "leg": item["leg"]} for item in proposals[0]["postings"]]
            await act(treasury, line, "match", {"postings": refs})
    for day in range(22):
        seen = await beside(treasury, book, start + timedelta(days=day))
        assert seen["unexplained_fen"] == 0, (day, seen)
        explained = seen["ledger_balance_fen"] - seen["unmatched_postings_fen"] + seen["unmatched_lines_fen"]
        assert seen["bank_opening_fen"] + explained + seen["ignored_lines_fen"] == seen["bank_balance_fen"]
    assert seen["bank_balance_fen"] == balance


async def test_a_line_is_matched_once_whoever_does_it_at_the_same_time(treasury: Treasury) -> None:
    for _ in range(8):
        fund = await treasury.fund(500)
        for part in (300, 200):
            await treasury.made(f"/v1/funds/{fund['id']}/contributions", treasury.gift(part, received=True))
        await upload(treasury, fund, HEADER + row("5.00"))
        (line,) = await lines(treasury, fund)
        gifts, account = await gifts_of(treasury, fund), await bank_of(treasury, fund)
        parts = {"postings": [{"transaction_id": gifts[300]}, {"transaction_id": gifts[200]}]}
        by_hand, *at_once = await asyncio.gather(
            treasury.post(f"/v1/bank-lines/{line['id']}/match", parts, version=1),
            *(
                treasury.post(f"/v1/books/{fund['book_id']}/bank-matches", {"account_id": account}, key=None)
                for _ in range(2)
            ),
        )
        assert [answer.status_code for answer in at_once] == [200, 200]
        won = sum(answer.json()["matched"] for answer in at_once)
        assert (by_hand.status_code, won) in {(200, 0), (412, 1)}
        seen = await treasury.read(f"/v1/bank-lines/{line['id']}")
        expected = {gifts[500]} if won else {gifts[300], gifts[200]}
        assert {item["transaction_id"] for item in seen["postings"]} == expected
        assert (seen["version"], len(seen["decisions"])) == (2, 1)


async def test_files_that_overlap_and_come_at_the_same_time_make_no_doubles(treasury: Treasury) -> None:
    fund = await treasury.fund()
    rows = [row("1.00", day, f"r{day}") for day in range(30)]
    files = [rows[:20], rows[10:], rows]
    reports = await asyncio.gather(*(upload(treasury, fund, HEADER + "".join(part)) for part in files))
    assert sum(report["added"] for report in reports) == 30
    assert len(await lines(treasury, fund)) == 30


async def test_a_posting_on_the_other_side_is_no_part_of_a_line(treasury: Treasury) -> None:
    book, made = await general_book(treasury)
    came, went = [await posted(treasury, book, made, fen, TODAY) for fen in (500, -50)]
    await upload(treasury, book, HEADER + row("4.50"), account=made["bank"])
    (line,) = await lines(treasury, book)
    body = {"postings": [{"transaction_id": came}, {"transaction_id": went}]}
    await treasury.refused(422, "wrong_side", f"/v1/bank-lines/{line['id']}/match", body, version=1)
    twice = {"postings": [{"transaction_id": came}, {"transaction_id": came}]}
    await treasury.refused(422, "unknown_posting", f"/v1/bank-lines/{line['id']}/match", twice, version=1)


async def test_a_match_that_was_taken_back_still_stands_in_the_history(treasury: Treasury) -> None:
    fund = await treasury.fund(500)
    await upload(treasury, fund, HEADER + row("5.00"))
    await match_all(treasury, fund)
    (line,) = await lines(treasury, fund, "matched")
    seen = await act(treasury, line, "unmatch", {"reason": "看错"})
    told = [(item["action"], item["reason"], item["postings"]) for item in seen["decisions"]]
    assert told == [("match", None, line["postings"]), ("unmatch", "看错", line["postings"])]
    assert {item["actor"] for item in seen["decisions"]} == {f"person/{treasury.people['treasurer']}"}
    path = f"/v1/bank-lines/{line['id']}/ignore"
    problem = await treasury.refused(412, "stale_version", path, {"reason": "x"}, version=2)
    assert problem["current"]["version"] == 3


async def test_interest_is_booked_once_until_the_booking_is_reversed(treasury: Treasury) -> None:
    fund = await treasury.fund()
    await upload(treasury, fund, HEADER + row("0.07", 0, "利息"))
    (line,) = await lines(treasury, fund)
    booked = await act(treasury, line, "book", {"kind": "interest"})
    (posting,) = booked["postings"]
    await act(treasury, line, "unmatch", {"reason": "看错"})
    path, again = f"/v1/bank-lines/{line['id']}/book", {"kind": "interest"}
    problem = await treasury.refused(409, "already_booked", path, again, version=3)
    assert problem["transaction_ids"] == [posting["transaction_id"]]
    back = {"id": str(new_id()), "reason": "重复", "effective_on": TODAY.isoformat()}
    await treasury.made(f"/v1/transactions/{posting['transaction_id']}/reverse", back, by="auditor")
    assert (await match_all(treasury, fund))["matched"] == 0, "what was taken back is not matched by itself"
    await act(treasury, line, "book", {"kind": "interest"})
    assert (await treasury.read(f"/v1/funds/{fund['id']}"))["balance_fen"] == 7


async def test_what_the_bank_knows_is_booked_only_by_the_keeper_with_a_key_and_from_money_that_is_there(
    treasury: Treasury,
) -> None:
    fund = await treasury.fund()
    await upload(treasury, fund, HEADER + row("-0.02", 0, "手续费"))
    (line,) = await lines(treasury, fund)
    path, fee = f"/v1/bank-lines/{line['id']}/book", {"kind": "fee"}
    await treasury.refused(400, "idempotency_key_required", path, fee, version=1, key=None)
    await treasury.refused(428, "if_match_required", path, fee)
    await treasury.refused(403, "forbidden", path, fee, version=1, by="auditor")
    await treasury.refused(409, "insufficient_funds", path, fee, version=1)
    assert [item["state"] for item in await lines(treasury, fund)] == ["unmatched"]
    book, made = await general_book(treasury)
    await upload(treasury, book, HEADER + row("-0.02"), account=made["bank"])
    (other,) = await lines(treasury, book)
    await treasury.refused(409, "not_for_this_book", f"/v1/bank-lines/{other['id']}/book", fee, version=1)


async def test_a_line_that_names_the_number_of_an_invoice_finds_its_payment(treasury: Treasury) -> None:
    fund = await treasury.fund(10_000_000, **FREE)
    grant = await treasury.approved(fund, 2_000)
    for _ in range(2):
        await treasury.pay(await treasury.invoice(grant, 1_000))
    await upload(treasury, fund, HEADER + row("-10.00", 0, "付20260001号发票"))
    (line,) = await lines(treasury, fund)
    found = await treasury_list(treasury, f"/v1/bank-lines/{line['id']}/proposals")
    assert [item["reasons"] for item in found] == [["amount", "same_day", "named"]] * 2


async def test_gbk_is_read_and_too_much_is_refused(treasury: Treasury) -> None:
    fund = await treasury.fund()
    path = f"/v1/books/{fund['book_id']}/bank-statements?account_id={await bank_of(treasury, fund)}"
    headers = treasury.headers("treasurer") | {"Content-Type": "text/csv"}
    text = '交易日期,摘要,收入,支出,对方户名\n2026/1/5,某小明捐款,"1,000.00",,某小明\n'
    answer = await treasury.http.post(path, content=text.encode("gb18030"), headers=headers)
    assert (answer.status_code, answer.json()["added"]) == (200, 1)
    (line,) = await lines(treasury, fund)
    assert (line["amount_fen"], line["description"], line["counterparty"]) == (100_000, "某**捐款", "某**")
    answer = await treasury.http.post(path, content=b"x" * (2 * 1024 * 1024 + 1), headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (413, "bank_file_too_large")
    nul = "date,amount,counterparty\n2026-01-05,1,\x00abc\n"
    assert (await upload(treasury, fund, nul))["lines"][0]["code"] == "bad_text"
