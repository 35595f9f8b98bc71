"""The bank beside the book: files read exactly, nothing imported twice, pairs with reasons, differences explained."""

import asyncio
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ledger.bank.parsing import BadFile, first_broken_balance, mask, parse_amount, parse_file
from services.ledger.bank.rules import Candidate, propose, unambiguous
from services.ledger.bank.service import _left
from shared.clock import today
from shared.ids import new_id
from tests.ledger.conftest import Treasury

TODAY = today()


@given(fen=st.integers(-(10**15), 10**15), commas=st.booleans())
def test_yuan_go_through_text_without_losing_a_fen(fen: int, *, commas: bool) -> None:
    whole, rest = divmod(abs(fen), 100)
    text = f"{'-' if fen < 0 else ''}{whole:,}.{rest:02d}" if commas else f"{'-' if fen < 0 else ''}{whole}.{rest:02d}"
    assert parse_amount(text) == fen


@pytest.mark.parametrize(
    "text",
    [
        "",
        "NaN",
        "inf",
        "1e3",
        "1.234",
        "１２",
        "+5",
        "5-",
        "¥5",
        "1,00",
        "0x10",
        "1 000",
        "--1",
        ".5",
        "5.",
        "99999999999999999999",
    ],
)
def test_what_is_no_plain_amount_is_refused(text: str) -> None:
    assert parse_amount(text) is None


def test_both_encodings_and_headers_in_any_order_are_read() -> None:
    text = "余额,摘要,支出,收入,交易日期,对方户名,流水号\n110.00,捐款,,10.00,2026/1/5,某某公司,A1\n105.50,手续费,4.50,,20260106,,A2\n"
    for encoding in ("utf-8", "utf-8-sig", "gb18030"):
        lines, complaints = parse_file(text.encode(encoding))
        assert complaints == []
        assert [(line.booked_on, line.amount_fen, line.counterparty) for line in lines] == [
            (date(2026, 1, 5), 1_000, "某**"),
            (date(2026, 1, 6), -450, None),
        ]
        assert first_broken_balance(lines) is None
    newest_first = "date,amount,balance\n2026-01-06,-4.50,105.50\n2026-01-05,10.00,110.00\n"
    assert first_broken_balance(parse_file(newest_first.encode())[0]) is None
    broken = "date,amount,balance\n2026-01-05,10.00,110.00\n2026-01-06,-4.50,105.51\n"
    assert first_broken_balance(parse_file(broken.encode())[0]) == 3
    assert mask("  ") is None


@pytest.mark.parametrize(
    "content",
    [b"", b"a,b\n1,2\n", b"date\n2026-01-01\n", b"\xff\xff\xff", b"date,amount\n" + b"2026-01-01,1\n" * 5_001],
)
def test_a_file_that_cannot_be_read_is_refused_as_a_whole(content: bytes) -> None:
    with pytest.raises(BadFile):
        parse_file(content)


def test_a_bad_line_is_told_and_the_good_ones_are_kept() -> None:
    text = "date,credit,debit,description\n2026-01-01,5,,ok\n2026-02-30,5,,x\n2026-01-01,5,5,x\n2026-01-01,,,x\n2026-01-01,1e3,,x\n2026-01-01,0,,x\n"
    lines, complaints = parse_file(text.encode())
    assert [line.place for line in lines] == [2]
    assert [(item.place, item.code) for item in complaints] == [
        (3, "bad_date"),
        (4, "both_sides"),
        (5, "no_amount"),
        (6, "bad_amount"),
        (7, "no_amount"),
    ]


def candidate(amount_fen: int, days: int = 0, description: str = "x") -> Candidate:
    return Candidate(new_id(), 1, amount_fen, date(2026, 1, 10) + timedelta(days=days), description)


def test_proposals_say_why_and_prefer_what_is_named_and_near() -> None:
    day = date(2026, 1, 10)
    gift = "0193c5f2-aaaa-7bbb-8ccc-1234567890ab"
    near, far, named = candidate(500, 1), candidate(500, 6), candidate(500, 6, f"contribution {gift}")
    found = propose(500, day, f"捐款 {gift}", [far, near, named, candidate(500, 11), candidate(-500), candidate(501)])
    assert [item.postings[0] for item in found] == [named, near, far]
    assert found[0].reasons == ("amount", "days_apart:6", "named")
    parts = [candidate(200), candidate(250), candidate(50), candidate(300)]
    sums = propose(500, day, "", parts)
    assert [{item.amount_fen for item in proposal.postings} for proposal in sums] == [{200, 300}, {200, 250, 50}]


def test_only_what_can_be_one_is_paired_by_itself() -> None:
    day = date(2026, 1, 10)
    one, twin, other = candidate(100), candidate(200), candidate(200)
    lines = [(new_id(), 100, day), (new_id(), 200, day), (new_id(), 300, day)]
    assert unambiguous(lines, [one, twin, other]) == [(lines[0][0], one)]
    assert unambiguous([lines[0], (new_id(), 100, day)], [one]) == [], "two lines would claim it"


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(-50, 50).filter(bool)), max_size=20))
def test_what_is_left_of_a_clearing_account_is_its_balance_on_one_side(moves: list[tuple[int, int]]) -> None:
    days = [(date(2026, 1, 1) + timedelta(days=day), amount) for day, amount in sorted(moves)]
    left = _left(days)
    assert sum(amount for _, amount in left) == sum(amount for _, amount in days)
    assert len({amount > 0 for _, amount in left}) <= 1


async def bank_of(treasury: Treasury, fund: dict[str, Any]) -> str:
    page = await treasury.read(f"/v1/books/{fund['book_id']}/accounts")
    return next(str(row["id"]) for row in page["items"] if row["code"] == "bank")


async def upload(
    treasury: Treasury, fund: dict[str, Any], text: str, *, status: int = 200, account: str | None = None
) -> dict[str, Any]:
    account_id = account or await bank_of(treasury, fund)
    path = f"/v1/books/{fund['book_id']}/bank-statements?account_id={account_id}"
    headers = treasury.headers("treasurer") | {"Content-Type": "text/csv"}
    answer = await treasury.http.post(path, content=text.encode(), headers=headers)
    assert answer.status_code == status, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def lines(treasury: Treasury, fund: dict[str, Any], state: str = "unmatched") -> list[dict[str, Any]]:
    page = await treasury.read(f"/v1/books/{fund['book_id']}/bank-lines?state={state}")
    return list(page["items"])


async def act(treasury: Treasury, line: dict[str, Any], what: str, body: Any) -> dict[str, Any]:
    version = (await treasury.read(f"/v1/bank-lines/{line['id']}"))["version"]
    return await treasury.made(f"/v1/bank-lines/{line['id']}/{what}", body, version=version)


def row(amount: str, days: int = 0, description: str = "捐款", balance: str = "") -> str:
    return f"{TODAY - timedelta(days=days)},{amount},{description},{balance}\n"


HEADER = "date,amount,description,balance\n"


async def test_the_same_or_an_overlapping_file_makes_no_doubles(treasury: Treasury) -> None:
    fund = await treasury.fund()
    first = await upload(treasury, fund, HEADER + row("10.00") + row("10.00") + row("abc"))
    assert (first["added"], first["duplicates"], first["refused"]) == (2, 0, 1)
    assert first["lines"][2] == {"line": 4, "result": "refused", "code": "bad_amount", "detail": "abc"}
    again = await upload(treasury, fund, HEADER + row("10.00") + row("10.00") + row("10.00"))
    assert (again["added"], again["duplicates"]) == (1, 2)
    assert len(await lines(treasury, fund)) == 3


async def test_one_to_one_is_matched_by_itself_and_the_rest_by_hand(treasury: Treasury) -> None:
    fund = await treasury.fund(70_000)
    for amount in (500, 500, 300):
        await treasury.made(f"/v1/funds/{fund['id']}/contributions", treasury.gift(amount, received=True))
    account = await bank_of(treasury, fund)
    await upload(treasury, fund, HEADER + row("700.00") + row("5.00", 1) + row("8.00", 2) + row("-3.00"))
    done = await treasury.made(f"/v1/books/{fund['book_id']}/bank-matches", {"account_id": account}, key=None)
    assert done == {"matched": 1, "unmatched": 3}
    five, eight, out = await lines(treasury, fund)
    assert [
        len(item["postings"]) for item in await treasury_list(treasury, f"/v1/bank-lines/{five['id']}/proposals")
    ] == [1, 1]
    proposal = (await treasury_list(treasury, f"/v1/bank-lines/{eight['id']}/proposals"))[0]
    assert (sum(item["amount_fen"] for item in proposal["postings"]), proposal["reasons"][0]) == (800, "sum")
    body = {
        "postings": [{"transaction_id": item["transaction_id"], "leg": item["leg"]} for item in proposal["postings"]]
    }
    matched = await act(treasury, eight, "match", body)
    assert (matched["state"], [item["action"] for item in matched["decisions"]]) == ("matched", ["match"])
    version = (await treasury.read(f"/v1/bank-lines/{five['id']}"))["version"]
    await treasury.refused(422, "sums_differ", f"/v1/bank-lines/{five['id']}/match", body, version=version)
    nowhere = {"postings": [{"transaction_id": str(new_id())}]}
    await treasury.refused(422, "unknown_posting", f"/v1/bank-lines/{five['id']}/match", nowhere, version=version)
    assert await treasury_list(treasury, f"/v1/bank-lines/{out['id']}/proposals") == []
    back = await act(treasury, eight, "unmatch", {"reason": "看错"})
    assert (back["state"], back["postings"]) == ("unmatched", [])
    ignored = await act(treasury, out, "ignore", {"reason": "银行误扣，次日退回"})
    assert ignored["state"] == "ignored"


async def treasury_list(treasury: Treasury, path: str) -> list[dict[str, Any]]:
    found: Any = await treasury.read(path)
    return list(found)


async def test_two_lines_for_one_posting_at_once_let_one_have_it(treasury: Treasury) -> None:
    fund = await treasury.fund(500)
    await upload(treasury, fund, HEADER + row("5.00") + row("5.00"))
    found = await lines(treasury, fund)
    gift = (await treasury.read(f"/v1/funds/{fund['id']}/contributions"))["items"][0]["transaction_id"]
    body = {"postings": [{"transaction_id": gift}]}
    answers = await asyncio.gather(
        *(treasury.post(f"/v1/bank-lines/{line['id']}/match", body, version=1) for line in found)
    )
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"already_matched"}


async def test_interest_and_fees_are_booked_and_the_difference_is_explained(treasury: Treasury) -> None:
    fund = await treasury.fund(500)
    account = await bank_of(treasury, fund)
    text = HEADER + row("5.00", 3, "捐款", "5.00") + row("0.07", 2, "利息", "5.07") + row("-0.02", 1, "手续费", "5.05")
    assert (await upload(treasury, fund, text))["balance_breaks_at"] is None
    gift, interest, fee = await lines(treasury, fund)
    version = {"version": 1}
    await treasury.refused(409, "wrong_sign", f"/v1/bank-lines/{fee['id']}/book", {"kind": "interest"}, **version)
    await act(treasury, interest, "book", {"kind": "interest"})
    await act(treasury, fee, "book", {"kind": "fee"})
    path = f"/v1/books/{fund['book_id']}/reconciliation?account_id={account}"
    seen = await treasury.read(path)
    assert (
        seen["ledger_balance_fen"],
        seen["bank_balance_fen"],
        seen["unmatched_lines_fen"],
        seen["unmatched_postings_fen"],
    ) == (505, 505, 500, 500)
    await act(
        treasury,
        gift,
        "match",
        {
            "postings": [
                {
                    "transaction_id": (await treasury.read(f"/v1/funds/{fund['id']}/contributions"))["items"][0][
                        "transaction_id"
                    ]
                }
            ]
        },
    )
    done = await treasury.read(path)
    assert (done["unmatched_lines"], done["unmatched_postings"], done["unexplained_fen"]) == (0, 0, 0)
    shown = await treasury.read(f"/v1/funds/{fund['id']}")
    assert shown["balance_fen"] == 505


async def test_the_bank_is_the_keepers_business_and_only_on_bank_accounts(treasury: Treasury) -> None:
    fund = await treasury.fund(500)
    page = await treasury.read(f"/v1/books/{fund['book_id']}/accounts")
    other = next(item["id"] for item in page["items"] if item["code"] == "fund")
    assert (await upload(treasury, fund, HEADER + row("5.00"), status=422, account=other))[
        "code"
    ] == "not_a_bank_account"
    assert (await upload(treasury, fund, "nonsense", status=422))["code"] == "bad_bank_file"
    answer = await treasury.http.get(f"/v1/books/{fund['book_id']}/bank-lines", headers=treasury.headers("resident"))
    assert answer.status_code == 403


async def test_clearing_accounts_show_the_age_of_what_is_left(treasury: Treasury) -> None:
    book = await treasury.made("/v1/books", {"name": "b", "area_id": str(treasury.area_id)})
    made = {}
    for code, kind in (("transit", "clearing"), ("bank", "asset")):
        wanted = {"code": code, "name": code, "account_class": kind}
        made[code] = (await treasury.made(f"/v1/books/{book['id']}/accounts", wanted))["id"]
    moves = [(40, "transit", "bank", 100), (10, "transit", "bank", 50), (5, "bank", "transit", 30)]
    for days, debit, credit, amount in moves:
        body = {
            "description": "x",
            "effective_on": (TODAY - timedelta(days=days)).isoformat(),
            "postings": [{"debit_account_id": made[debit], "credit_account_id": made[credit], "amount_fen": amount}],
        }
        answer = await treasury.http.put(
            f"/v1/books/{book['id']}/transactions/{new_id()}", json=body, headers=treasury.headers("treasurer")
        )
        assert answer.status_code == 201
    (found,) = await treasury_list(treasury, f"/v1/books/{book['id']}/clearing")
    assert (found["balance_fen"], found["age_days"], found["days_31_and_more_fen"], found["days_8_to_30_fen"]) == (
        120,
        40,
        70,
        50,
    )
    assert UUID(found["account_id"]) == UUID(made["transit"])
