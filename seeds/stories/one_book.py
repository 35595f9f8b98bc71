"""A quarter in the book of a compound 物业一本账: charged, collected, spent by three people, and told to the fen.

Each telling opens a book of its own for the quarter before this one, so that every sum can be stated exactly.
"""

import hashlib
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

from seeds.client import Answer, Caller
from seeds.house import House
from seeds.ids import fresh_id
from seeds.stories.money import yuan
from seeds.story import Story

__all__ = ["CASH", "OneBook", "tell_one_book"]

_HOUSEHOLDS: Final = 40
_FEES_FEN: Final = 2_400_000
_PARKING_FEN: Final = 750_000
_ADVERTISING_FEN: Final = 450_000
_CHARGED_FEN: Final = 3_600_000
_COLLECTED_FEN: Final = 3_330_000
_RATE_BP: Final = 9_250
_OPENING_FEN: Final = 1_000_000
_SPENT_FEN: Final = 3_030_000
_CLOSING_FEN: Final = 1_300_000
# What there was in the bank, what came in and what went out.
CASH: Final = (_OPENING_FEN, _COLLECTED_FEN, _SPENT_FEN)
# Three households have not paid their fees, one has not paid for parking, one has paid a part of its fees.
_UNPAID_FEES: Final = ("household_38", "household_39", "household_40")
_UNPAID_PARKING: Final = "household_25"
_PART_PAID: Final = "household_20"
_PART_FEN: Final = 12_000
_DUE_DAY: Final = 14
_RECEIVED_DAY: Final = 20
_FORBIDDEN, _CONFLICT = 403, 409


@dataclass(frozen=True, slots=True)
class OneBook:
    """The property book of this telling, and the quarter that it tells of."""

    id: str
    book_id: str
    first: date
    last: date

    @property
    def path(self) -> str:
        """Where it is."""
        return f"/v1/property-books/{self.id}"


async def tell_one_book(story: Story, house: House) -> OneBook:
    """Tell the quarter; returns the book, with which the story can go on."""
    book = await _open(story, house)
    await _plan(story, house, book)
    charges = await _charge(story, house, book)
    await _receive(story, house, book, charges)
    await _spend(story, house, book)
    await _report(story, house, book)
    return book


def _quarter_before(today: date) -> tuple[date, date]:
    """Return the first and the last day of the quarter before the one of a day."""
    this = today.replace(month=(today.month - 1) // 3 * 3 + 1, day=1)
    last = this - timedelta(days=1)
    return last.replace(month=last.month - 2, day=1), last


def _results(answer: dict[str, Any]) -> dict[str, int]:
    told = [line["code"] or line["result"] for line in answer["results"]]
    return {result: told.count(result) for result in dict.fromkeys(told)}


async def _open(story: Story, house: House) -> OneBook:
    accountant = await house.staff("accountant")
    row = house.pack.row("property_books", "one_book")
    first, last = _quarter_before(house.today())
    with story.step("物业公司为小区建一本账", "the property company opens one book for the compound"):
        body = {
            "id": fresh_id(),
            "name": row["name"],
            "area_id": house.id("areas", row["area"]),
            "company_unit_id": house.id("units", row["unit"]),
            "categories": row["categories"],
            "opening": {"bank_fen": row["opening_fen"], "on": (first - timedelta(days=1)).isoformat()},
        }

        async def send() -> Answer:
            return await accountant.post("/v1/property-books", body)

        answer = await story.until("the ledger knows the compound 账房已知小区", send, lambda seen: seen.code is None)
        opened = story.took(answer)
        story.expect(f"in the bank 期初存款 {yuan(_OPENING_FEN)}", opened["bank_fen"], _OPENING_FEN)
        story.note(f"{opened['name']} · {first} – {last}")
    return OneBook(opened["id"], opened["book_id"], first, last)


async def _plan(story: Story, house: House, book: OneBook) -> None:
    accountant, path = await house.staff("accountant"), f"{book.path}/budgets/{book.first.year}"
    lines = [dict(line) for line in house.pack.row("property_books", "one_book")["budget"]]
    with story.step(
        "编制年度预算，改一次留一版", "the year is planned; a change is a new version and the old one stays"
    ):
        draft = [line for line in lines if line["account_code"] != "expense:other"]
        story.expect("version 版本", story.took(await accountant.put(path, {"lines": draft}), 201)["version"], 1)
        blind = await accountant.put(path, {"lines": lines})
        story.refused("changing it unseen 未看先改", blind, 428, naming="if_match_required")
        story.expect(
            "version 版本", story.took(await accountant.put(path, {"lines": lines}, version=1), 201)["version"], 2
        )
        old = story.took(await (await house.staff("auditor")).get(path, version=1))
        story.expect("the first version stays 旧版仍在", len(old["lines"]), len(draft))


async def _charge(story: Story, house: House, book: OneBook) -> list[dict[str, Any]]:
    """Charge a quarter; returns the lines with the household that each is for."""
    accountant = await house.staff("accountant")
    households = [row for row in house.pack.all("residents") if "fees_fen" in row]
    shops = house.pack.row("property_books", "one_book")["advertising"]
    due_on = (book.first + timedelta(days=_DUE_DAY)).isoformat()

    def line(kind: str, payer_kind: str, rows: str, key: str, amount_fen: int) -> dict[str, Any]:
        wanted = {"id": fresh_id(), "kind": kind, "payer_kind": payer_kind, "payer_id": house.id(rows, key)}
        return wanted | {"amount_fen": amount_fen, "due_on": due_on, "period": f"{book.first:%Y-%m}"}

    lines = [line("fees", "household", "residents", row["key"], row["fees_fen"]) for row in households]
    lines += [
        line("parking", "household", "residents", row["key"], row["parking_fen"])
        for row in households
        if "parking_fen" in row
    ]
    lines += [line("advertising", "unit", "units", shop["unit"], shop["amount_fen"]) for shop in shops]
    with story.step("四十户、三家商铺，一季应收 36 000 元", "40 households and 3 shops are charged for a quarter"):
        story.expect("households 户数", len(households), _HOUSEHOLDS)
        body = {"charged_on": book.first.isoformat(), "charges": lines}
        told = story.took(await accountant.post(f"{book.path}/charges", body))
        story.expect("every line taken 逐笔入账", _results(told), {"ok": len(lines)})
        stranger = {**lines[0], "id": fresh_id(), "payer_kind": "unit"}
        again = story.took(await accountant.post(f"{book.path}/charges", {**body, "charges": [*lines, stranger]}))
        story.expect("sent again 重复提交", _results(again), {"replayed": len(lines), "unknown_unit": 1})
        seen = story.took(await accountant.get(book.path))
        story.expect(f"receivable 应收 {yuan(_CHARGED_FEN)}", seen["receivable_fen"], _CHARGED_FEN)
    with story.step("谁欠多少，居民互相看不到", "who was charged what is not for everybody to read"):
        resident = await house.resident("household_01")
        story.refused("a resident asks 居民查明细", await resident.get(f"{book.path}/charges"), _FORBIDDEN)
        page = story.took(await (await house.staff("auditor")).get(f"{book.path}/charges", page_size=200))
        story.expect("the auditor may 监督员可查", len(page["items"]), len(lines))
    return lines


async def _receive(story: Story, house: House, book: OneBook, charges: list[dict[str, Any]]) -> None:
    accountant = await house.staff("accountant")
    unpaid_fees = {house.id("residents", key) for key in _UNPAID_FEES}
    unpaid_parking, part_paid = house.id("residents", _UNPAID_PARKING), house.id("residents", _PART_PAID)
    received_on = (book.first + timedelta(days=_RECEIVED_DAY)).isoformat()
    receipts = []
    for line in charges:
        if line["kind"] == "fees" and line["payer_id"] in unpaid_fees:
            continue
        if line["kind"] == "parking" and line["payer_id"] == unpaid_parking:
            continue
        is_part = line["kind"] == "fees" and line["payer_id"] == part_paid
        amount_fen = _PART_FEN if is_part else line["amount_fen"]
        receipts.append(
            {"id": fresh_id(), "charge_id": line["id"], "amount_fen": amount_fen, "received_on": received_on}
        )
    with story.step("收款入账，多一分也不收", "what comes in is noted, a part or all, never a fen too much"):
        too_much = {**receipts[0], "id": fresh_id(), "amount_fen": 1}
        body = {"receipts": [*receipts, too_much]}
        told = story.took(await accountant.post(f"{book.path}/receipts", body))
        story.expect("line by line 逐笔结果", _results(told), {"ok": len(receipts), "more_than_charged": 1})
        again = story.took(await accountant.post(f"{book.path}/receipts", body))
        story.expect("sent again 重复提交", _results(again), {"replayed": len(receipts), "more_than_charged": 1})
        seen = story.took(await accountant.get(book.path))
        left = (_OPENING_FEN + _COLLECTED_FEN, _CHARGED_FEN - _COLLECTED_FEN)
        story.expect(
            f"bank 存款 {yuan(left[0])} · open 欠缴 {yuan(left[1])}", (seen["bank_fen"], seen["receivable_fen"]), left
        )


def _bill(bill: dict[str, Any], spent_on: date) -> dict[str, Any]:
    bill_id = fresh_id()
    digest = hashlib.sha256(bill_id.bytes).hexdigest()
    return {"id": bill_id, **bill, "document_sha256": digest, "spent_on": spent_on.isoformat()}


async def _spend(story: Story, house: House, book: OneBook) -> None:
    bills = [_bill(dict(row), book.last) for row in house.pack.row("property_books", "one_book")["spending"]]
    accountant, head, cashier = [await house.staff(key) for key in ("accountant", "owners_head", "cashier")]
    with story.step(
        "经办人不能审批自己的支出，审批人不能付款", "nobody approves an own request, and who approves does not pay"
    ):
        first = await _request(story, accountant, book, bills[0])
        own = await accountant.act(first, "approve")
        story.refused("own request 自批", own, _FORBIDDEN, naming="requester_is_not_approver")
        story.expect("approved 已审批", story.took(await head.act(first, "approve"))["state"], "approved")
        both = await head.act(first, "pay")
        story.refused("approver pays 审批人付款", both, _FORBIDDEN, naming="payer_is_independent")
        same = {**bills[0], "id": fresh_id()}
        twice = await accountant.post(f"{book.path}/spending", same)
        story.refused("the same invoice again 同一发票", twice, _CONFLICT, naming="document_known")
        story.expect("paid 已付", story.took(await cashier.act(first, "pay"))["state"], "paid")
    with story.step("六笔支出，三人经手", "six bills, each through three hands"):
        for bill in bills[1:]:
            path = await _request(story, accountant, book, bill)
            story.took(await head.act(path, "approve"))
            story.took(await cashier.act(path, "pay"))
        listed = story.took(await accountant.get(f"{book.path}/spending", state="paid"))["items"]
        hands = [{item[f"{step}_by"] for step in ("requested", "approved", "paid")} for item in listed]
        story.expect("three people each 每笔三人", [len(people) for people in hands], [3] * len(bills))
        story.expect(f"spent 支出 {yuan(_SPENT_FEN)}", sum(item["amount_fen"] for item in listed), _SPENT_FEN)
    with story.step("余额不足，付不出去", "more than there is in the bank is not paid"):
        extra = {"category": "other", "supplier": "设备供应商", "description": "门禁系统更换"}
        path = await _request(story, accountant, book, _bill({**extra, "amount_fen": _CLOSING_FEN + 1}, book.last))
        story.took(await head.act(path, "approve"))
        story.refused("paying it 付款", await cashier.act(path, "pay"), _CONFLICT, naming="insufficient_funds")
        refused = story.took(await head.act(path, "refuse", {"reason": "余额不足，列入下季度"}))
        story.expect("sent back 退回", refused["state"], "refused")


async def _request(story: Story, accountant: Caller, book: OneBook, bill: dict[str, Any]) -> str:
    requested = story.took(await accountant.post(f"{book.path}/spending", bill), 201)
    return f"/v1/property-spending/{requested['id']}"


async def _report(story: Story, house: House, book: OneBook) -> None:
    resident = await house.resident("household_01")
    with story.step(
        "居民查一本账：收缴率 92.5%，收支分文不差", "a resident reads the book: 92.5 % collected, and it adds up"
    ):
        days = {"from": book.first.isoformat(), "to": book.last.isoformat()}
        told = story.took(await resident.get(f"{book.path}/report", **days))
        charged = {line["account_code"]: line["charged_fen"] for line in told["income"]}
        expected = {"fees": _FEES_FEN, "parking": _PARKING_FEN, "advertising": _ADVERTISING_FEN, "other": 0}
        story.expect("charged 应收", charged, {f"income:{kind}": fen for kind, fen in expected.items()})
        collection = {"charged_fen": _CHARGED_FEN, "collected_fen": _COLLECTED_FEN, "rate_bp": _RATE_BP}
        story.expect("collection rate 收缴率 92.50%", told["collection"], collection)
        arrears = told["arrears"]
        buckets = ("not_due_fen", "days_0_to_30_fen", "days_31_to_90_fen", "days_91_and_more_fen")
        left_fen = _CHARGED_FEN - _COLLECTED_FEN
        story.expect("arrears add up 欠缴分档", sum(arrears[name] for name in buckets), left_fen)
        story.expect("due for one to three months 逾期 31–90 天", arrears["days_31_to_90_fen"], left_fen)
        bank = told["bank"]
        story.expect("spent 支出", bank["spent_fen"], sum(line["spent_fen"] for line in told["spending"]))
        story.expect(
            "opening + received − spent = closing 收支相符",
            bank["opening_fen"] + bank["received_fen"] - bank["spent_fen"],
            bank["closing_fen"],
        )
        story.expect(f"in the bank 期末存款 {yuan(_CLOSING_FEN)}", bank["closing_fen"], _CLOSING_FEN)
        await _beside_the_plan(story, house, told)
        for line in (*told["income"], *told["spending"]):
            fen = line.get("charged_fen", line.get("spent_fen"))
            story.note(f"{line['account_code']:<20}{yuan(fen):>14}")


async def _beside_the_plan(story: Story, house: House, told: dict[str, Any]) -> None:
    """Check that the year's plan stands beside what there was."""
    planned = {
        line["account_code"]: line["planned_fen"] for line in house.pack.row("property_books", "one_book")["budget"]
    }
    lines = told["budgets"][0]["lines"]
    seen = {line["account_code"]: line["planned_fen"] for line in lines if line["planned_fen"]}
    story.expect("plan of the year 年度预算", seen, planned)
    actual = {line["account_code"]: line["actual_fen"] for line in lines}
    sums = (
        sum(fen for code, fen in actual.items() if code.startswith("income:")),
        sum(fen for code, fen in actual.items() if code.startswith("expense:")),
    )
    story.expect("actual against it 执行数", sums, (_CHARGED_FEN, _SPENT_FEN))
