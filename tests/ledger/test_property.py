"""Property books over HTTP: every line has its fate, nobody spends alone, and the report is the sum of the postings."""

import asyncio
import hashlib
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st

from services.ledger.property.rules import BASIS_POINTS, collection_rate_bp
from shared.auth import Role
from shared.clock import today
from shared.ids import new_id
from shared.testing import Places
from tests.ledger.conftest import Json, Treasury

ODD_AMOUNTS: list[Any] = [0, -1, 1.0, 1.5, "100", True, None, 2**53]
Q1 = "from=2026-01-01&to=2026-03-31"
CATEGORIES = [{"category": "cleaning", "name": "保洁"}, {"category": "lift", "name": "电梯"}]


@dataclass
class Compound:
    """A compound with a company, an accountant, two approvers, a payer, an auditor and a resident."""

    treasury: Treasury
    area_id: UUID
    company_id: UUID
    shop_id: UUID
    book: dict[str, Json] = field(default_factory=dict)

    @property
    def path(self) -> str:
        return f"/v1/property-books/{self.book['id']}"

    def opening(self, **members: Json) -> dict[str, Json]:
        wanted = {"name": "小区一本账", "area_id": str(self.area_id), "company_unit_id": str(self.company_id)}
        return wanted | {"categories": CATEGORIES} | members

    async def open(self, bank_fen: int = 0) -> None:
        opening = {"opening": {"bank_fen": bank_fen, "on": "2025-12-31"}} if bank_fen else {}
        self.book = await self.treasury.made("/v1/property-books", self.opening(**opening))

    def charge(self, amount_fen: Json = 1000, **members: Json) -> dict[str, Json]:
        line = {"id": str(new_id()), "kind": "fees", "payer_kind": "household", "payer_id": str(new_id())}
        return line | {"amount_fen": amount_fen, "due_on": "2026-01-31"} | members

    async def charged(self, *lines: dict[str, Json], on: str = "2026-01-05") -> list[dict[str, Json]]:
        body = {"charged_on": on, "charges": list(lines)}
        results: list[dict[str, Json]] = (await self.treasury.made(f"{self.path}/charges", body))["results"]
        assert [item["id"] for item in results] == [line["id"] for line in lines]
        return results

    def receipt(self, charge: dict[str, Json], amount_fen: Json = None, on: str = "2026-01-20") -> dict[str, Json]:
        amount = charge["amount_fen"] if amount_fen is None else amount_fen
        return {"id": str(new_id()), "charge_id": charge["id"], "amount_fen": amount, "received_on": on}

    async def received(self, *lines: dict[str, Json]) -> list[dict[str, Json]]:
        body = {"receipts": list(lines)}
        results: list[dict[str, Json]] = (await self.treasury.made(f"{self.path}/receipts", body))["results"]
        assert [item["id"] for item in results] == [line["id"] for line in lines]
        return results

    def bill(self, amount_fen: Json = 500, document: str = "", **members: Json) -> dict[str, Json]:
        digest = hashlib.sha256((document or str(new_id())).encode()).hexdigest()
        bill = {"category": "cleaning", "supplier": "保洁公司", "description": "一月保洁", "document_sha256": digest}
        return bill | {"amount_fen": amount_fen, "spent_on": "2026-02-10"} | members

    async def requested(self, amount_fen: int = 500, **members: Json) -> dict[str, Json]:
        return await self.treasury.made(f"{self.path}/spending", self.bill(amount_fen, **members))

    async def approved(self, amount_fen: int = 500, **members: Json) -> dict[str, Json]:
        row = await self.requested(amount_fen, **members)
        return await self.treasury.made(f"/v1/property-spending/{row['id']}/approve", by="approver", version=1)

    async def paid(self, amount_fen: int = 500, **members: Json) -> dict[str, Json]:
        row = await self.approved(amount_fen, **members)
        return await self.treasury.made(f"/v1/property-spending/{row['id']}/pay", by="payer", version=2)

    async def plan(
        self, year: Json, lines: dict[str, Json], *, seen: Json = None, by: str = "treasurer"
    ) -> httpx.Response:
        headers = self.treasury.headers(by) | ({"If-Match": f'"{seen}"'} if seen is not None else {})
        body = {"lines": [{"account_code": code, "planned_fen": fen} for code, fen in lines.items()]}
        return await self.treasury.http.put(f"{self.path}/budgets/{year}", json=body, headers=headers)

    async def report(self, query: str = Q1, by: str = "resident") -> dict[str, Json]:
        return await self.treasury.read(f"{self.path}/report?{query}", by=by)


def results(lines: list[dict[str, Json]]) -> list[str]:
    return [line["code"] or line["result"] for line in lines]


@pytest_asyncio.fixture(loop_scope="session")
async def compound(treasury: Treasury, places: Places) -> Compound:
    area_id = await places.area("d.c.x", kind="compound")
    company_id = await places.unit("d.c", kind="enterprise", name="物业公司")
    treasury.add("auditor", Role.AUDITOR)
    found = Compound(treasury, area_id, company_id, await places.unit("d.c", kind="enterprise", name="商铺"))
    await found.open()
    return found


# Opening.


async def test_a_property_book_is_opened_once_with_its_accounts(compound: Compound) -> None:
    body = compound.opening(id=str(new_id()), opening={"bank_fen": 7_000, "on": "2025-12-31"})
    first = await compound.treasury.post("/v1/property-books", body)
    again = await compound.treasury.post("/v1/property-books", body)
    assert (first.status_code, again.status_code, first.json()) == (201, 200, again.json())
    assert (first.json()["bank_fen"], first.json()["receivable_fen"]) == (7_000, 0)
    await compound.treasury.refused(409, "id_taken", "/v1/property-books", body | {"name": "另一本"})
    await compound.treasury.refused(409, "id_taken", "/v1/property-books", body | {"opening": None})
    accounts = await compound.treasury.read(f"/v1/books/{first.json()['book_id']}/accounts")
    assert [item["code"] for item in accounts["items"]] == [
        "bank", "expense:cleaning", "expense:lift", "income:advertising", "income:fees", "income:other",
        "income:parking", "net_assets", "receivable",
    ]  # fmt: skip
    assert {item["code"]: item["floor_fen"] for item in accounts["items"]}["bank"] == 0
    listed = await compound.treasury.read("/v1/property-books", by="resident")
    assert [item["id"] for item in listed["items"]] == [body["id"], compound.book["id"]]
    assert await compound.treasury.read(f"/v1/property-books/{body['id']}", by="resident") == first.json()


async def test_a_book_needs_a_compound_a_company_and_a_treasurer_there(compound: Compound) -> None:
    refused = compound.treasury.refused
    path = "/v1/property-books"
    await refused(422, "not_a_compound", path, compound.opening(area_id=str(compound.treasury.area_id)))
    await refused(422, "unknown_area", path, compound.opening(area_id=str(new_id())))
    await refused(422, "unknown_unit", path, compound.opening(company_unit_id=str(new_id())))
    await refused(403, "forbidden", path, compound.opening(), at="d.other")
    await refused(403, "forbidden", path, compound.opening(), by="secretary")
    await refused(400, "idempotency_key_required", path, compound.opening(), key=None)
    for wrong in ([], [CATEGORIES[0]] * 2, [{"category": "No Spaces", "name": "x"}], [{"category": "x"}]):
        await refused(422, "invalid_request", path, compound.opening(categories=wrong))


async def test_nobody_posts_to_a_property_book_by_hand(compound: Compound) -> None:
    accounts = await compound.treasury.read(f"/v1/books/{compound.book['book_id']}/accounts")
    ids = {item["code"]: item["id"] for item in accounts["items"]}
    leg = {"debit_account_id": ids["bank"], "credit_account_id": ids["income:fees"], "amount_fen": 1}
    wanted = {"id": str(new_id()), "description": "x", "effective_on": "2026-01-01", "postings": [leg]}
    path = f"/v1/books/{compound.book['book_id']}/transactions"
    await compound.treasury.refused(409, "book_has_rules", path, {"transactions": [wanted]})


# Charges.


async def test_every_line_of_a_batch_has_its_own_fate(compound: Compound) -> None:
    good, shop = compound.charge(), compound.charge(300, payer_kind="unit", payer_id=str(compound.shop_id))
    stranger = compound.charge(payer_kind="unit")
    twice = good | {"amount_fen": 7}
    told = await compound.charged(good, stranger, shop, good, twice)
    assert results(told) == ["ok", "unknown_unit", "ok", "replayed", "id_taken"]
    assert [line["result"] for line in told] == ["ok", "refused", "ok", "replayed", "refused"]
    other_day = await compound.charged(good, on="2026-01-06")
    other_payer = await compound.charged(good | {"payer_id": str(new_id())})
    assert results(await compound.charged(good) + other_day + other_payer) == ["replayed", "id_taken", "id_taken"]
    listed = await compound.treasury.read(f"{compound.path}/charges")
    assert {item["id"]: item["open_fen"] for item in listed["items"]} == {good["id"]: 1000, shop["id"]: 300}
    assert (await compound.treasury.read(compound.path))["receivable_fen"] == 1300


@pytest.mark.parametrize("amount", ODD_AMOUNTS, ids=str)
async def test_odd_amounts_are_refused_at_the_door(compound: Compound, amount: Any) -> None:
    for path, body, pointer in (
        (
            "charges",
            {"charged_on": "2026-01-05", "charges": [compound.charge(), compound.charge(amount)]},
            "/charges/1",
        ),
        ("receipts", {"receipts": [compound.receipt({"id": str(new_id()), "amount_fen": amount})]}, "/receipts/0"),
        ("spending", compound.bill(amount), ""),
    ):
        problem = await compound.treasury.refused(422, "invalid_request", f"{compound.path}/{path}", body)
        assert problem["errors"][0]["pointer"] == f"{pointer}/amount_fen"
    assert (await compound.treasury.read(f"{compound.path}/charges"))["items"] == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "tax"}, {"payer_kind": "person"}, {"payer_id": "1"}, {"due_on": "2026-02-30"}, {"id": None},
        {"period": ""}, {"payer_name": "x"},
    ],
    ids=str,
)  # fmt: skip
async def test_a_malformed_line_refuses_the_whole_batch(compound: Compound, wrong: dict[str, Any]) -> None:
    body = {"charged_on": "2026-01-05", "charges": [compound.charge(), compound.charge() | wrong]}
    await compound.treasury.refused(422, "invalid_request", f"{compound.path}/charges", body)
    assert (await compound.treasury.read(f"{compound.path}/charges"))["items"] == []


async def test_a_batch_has_its_limits_and_is_safe_to_repeat(compound: Compound) -> None:
    path = f"{compound.path}/charges"
    many = [compound.charge(1) for _ in range(501)]
    for lines in ([], many):
        body = {"charged_on": "2026-01-05", "charges": lines}
        await compound.treasury.refused(422, "invalid_request", path, body)
    body, key = {"charged_on": "2026-01-05", "charges": many[:500]}, str(new_id())
    await compound.treasury.refused(400, "idempotency_key_required", path, body, key=None)
    first = await compound.treasury.post(path, body, key=key)
    again = await compound.treasury.post(path, body, key=key)
    assert (first.status_code, first.content) == (200, again.content)
    assert {item["result"] for item in first.json()["results"]} == {"ok"}
    assert (await compound.treasury.read(compound.path))["receivable_fen"] == 500


async def test_the_list_of_charges_can_be_asked_for_what_is_open(compound: Compound) -> None:
    day = today().isoformat()
    late, part, due = compound.charge(100), compound.charge(200), compound.charge(300, due_on=day)
    paid = compound.charge(400)
    await compound.charged(late, part, due, paid)
    await compound.received(compound.receipt(part, 50), compound.receipt(paid))

    async def asked(query: str) -> set[str]:
        return {item["id"] for item in (await compound.treasury.read(f"{compound.path}/charges?{query}"))["items"]}

    assert await asked("state=open") == {late["id"], part["id"], due["id"]}
    assert await asked("state=overdue") == {late["id"], part["id"]}
    assert await asked("state=settled") == {paid["id"]}
    assert await asked(f"payer_id={part['payer_id']}") == {part["id"]}
    first = await compound.treasury.read(f"{compound.path}/charges?page_size=3")
    rest = await compound.treasury.read(f"{compound.path}/charges?page_size=3&cursor={first['next_cursor']}")
    assert len({item["id"] for item in first["items"] + rest["items"]}) == 4
    shown = {item["id"]: item for item in first["items"] + rest["items"]}[part["id"]]
    assert (shown["received_fen"], shown["open_fen"], shown["is_overdue"]) == (50, 150, True)


async def test_who_was_charged_is_not_for_everybody(compound: Compound) -> None:
    line = compound.charge(payer_id=str(new_id()))
    await compound.charged(line)
    await compound.received(compound.receipt(line, 1))
    for kind in ("charges", "receipts"):
        path = f"{compound.path}/{kind}"
        for name in ("resident", "approver", "payer"):
            assert (await compound.treasury.http.get(path, headers=compound.treasury.headers(name))).status_code == 403
        elsewhere = compound.treasury.headers("auditor", at="d.other")
        assert (await compound.treasury.http.get(path, headers=elsewhere)).status_code == 403
        for name in ("treasurer", "auditor", "secretary"):
            assert len((await compound.treasury.read(path, by=name))["items"]) == 1
    body = {"charged_on": "2026-01-05", "charges": [compound.charge()]}
    for name in ("auditor", "resident"):
        await compound.treasury.refused(403, "forbidden", f"{compound.path}/charges", body, by=name)
    await compound.treasury.refused(403, "forbidden", f"{compound.path}/charges", body, at="d.other")
    for path in ("", f"/report?{Q1}", "/spending"):
        told = await compound.treasury.http.get(compound.path + path, headers=compound.treasury.headers("resident"))
        assert (told.status_code, line["payer_id"] in told.text) == (200, False)
    postings = await compound.treasury.http.get(
        f"/v1/books/{compound.book['book_id']}/transactions", headers=compound.treasury.headers("auditor")
    )
    assert line["payer_id"] not in postings.text


async def test_another_tenant_sees_nothing(compound: Compound) -> None:
    elsewhere = compound.treasury.headers("treasurer", tenant="elsewhere")
    row = await compound.requested()
    for path in (
        compound.path,
        f"{compound.path}/report?{Q1}",
        f"{compound.path}/charges",
        f"/v1/property-spending/{row['id']}",
    ):
        assert (await compound.treasury.http.get(path, headers=elsewhere)).status_code == 404


# Receipts.


async def test_a_charge_is_paid_in_parts_and_never_over(compound: Compound) -> None:
    line, other = compound.charge(1000), compound.charge(10)
    await compound.charged(line, other)
    parts = [
        compound.receipt(line, 600),
        compound.receipt(line, 500),
        compound.receipt(line, 400),
        compound.receipt(line, 1),
    ]
    assert results(await compound.received(*parts)) == ["ok", "more_than_charged", "ok", "more_than_charged"]
    again = await compound.received(*parts, parts[0] | {"amount_fen": 1}, compound.receipt(other, 11))
    assert results(again) == [
        "replayed", "more_than_charged", "replayed", "more_than_charged", "id_taken", "more_than_charged",
    ]  # fmt: skip
    book = await compound.treasury.read(compound.path)
    assert (book["bank_fen"], book["receivable_fen"]) == (1000, 10)
    listed = await compound.treasury.read(f"{compound.path}/receipts?charge_id={line['id']}")
    assert sorted(item["amount_fen"] for item in listed["items"]) == [400, 600]


async def test_a_receipt_names_a_charge_of_its_book_and_a_day_that_has_come(compound: Compound) -> None:
    line = compound.charge(1000)
    await compound.charged(line)
    foreign = Compound(compound.treasury, compound.area_id, compound.company_id, compound.shop_id)
    await foreign.open()
    twin = compound.receipt(line, 1)
    told = await compound.received(
        compound.receipt({"id": str(new_id()), "amount_fen": 1}),
        compound.receipt(line, 1, on="2026-01-04"),
        compound.receipt(line, 1, on="9999-01-01"),
        twin,
        twin,
        twin | {"amount_fen": 2},
    )
    assert results(told) == ["unknown_charge", "before_charge", "in_the_future", "ok", "replayed", "id_taken"]
    assert results(await foreign.received(twin, compound.receipt(line))) == ["unknown_charge"] * 2
    assert results(await foreign.charged(line)) == ["id_taken"]


async def test_receipts_at_the_same_moment_stay_within_the_charge(compound: Compound) -> None:
    for _ in range(5):
        line = compound.charge(1000)
        await compound.charged(line)
        told = await asyncio.gather(*(compound.received(compound.receipt(line, 600)) for _ in range(4)))
        assert sorted(results([item for lines in told for item in lines])) == ["more_than_charged"] * 3 + ["ok"]
        listed = await compound.treasury.read(f"{compound.path}/receipts?charge_id={line['id']}")
        assert [item["amount_fen"] for item in listed["items"]] == [600]


async def test_the_same_batch_twice_at_the_same_moment_counts_once(compound: Compound) -> None:
    lines = [compound.charge(10) for _ in range(20)]
    told = await asyncio.gather(*(compound.charged(*lines) for _ in range(3)))
    assert sorted(results([item for one in told for item in one])) == ["ok"] * 20 + ["replayed"] * 40
    receipts = [compound.receipt(line) for line in lines]
    told = await asyncio.gather(*(compound.received(*receipts) for _ in range(3)))
    assert sorted(results([item for one in told for item in one])) == ["ok"] * 20 + ["replayed"] * 40
    book = await compound.treasury.read(compound.path)
    assert (book["bank_fen"], book["receivable_fen"]) == (200, 0)


async def test_the_database_keeps_receipts_within_the_charge_whoever_writes(compound: Compound, owner: Any) -> None:
    tenant, book_id = compound.treasury.caller.tenant, UUID(compound.book["id"])
    line, other = compound.charge(1000), compound.charge(700)
    await compound.charged(line, other)
    await compound.received(compound.receipt(line, 600), paid := compound.receipt(other, 700))
    insert = (
        "INSERT INTO ledger.property_receipts (tenant_id, id, property_book_id, charge_id, amount_fen, received_on,"
        " recorded_at) VALUES ($1, $2, $3, $4, $5, '2026-01-20', now())"
    )
    # A posting with the right accounts but no receipt yet: only the sum says no.
    spare = new_id()
    await owner.execute(
        "INSERT INTO ledger.transactions (tenant_id, id, book_id, kind, result, body_hash, description, effective_on,"
        " actor, created_at) SELECT tenant_id, $3, book_id, kind, result, body_hash, description, effective_on, actor,"
        " created_at FROM ledger.transactions WHERE tenant_id = $1 AND id = $2",
        tenant, UUID(paid["id"]), spare,
    )  # fmt: skip
    await owner.execute(
        "INSERT INTO ledger.postings SELECT tenant_id, $3, leg, debit_account, credit_account, unit, amount,"
        " debit_sequence + 1000, debit_after, credit_sequence + 1000, credit_after FROM ledger.postings"
        " WHERE tenant_id = $1 AND transaction_id = $2",
        tenant, UUID(paid["id"]), spare,
    )  # fmt: skip
    with pytest.raises(asyncpg.CheckViolationError, match="stay within it"):
        await owner.execute(insert, tenant, spare, book_id, UUID(line["id"]), 700)
    with pytest.raises(asyncpg.CheckViolationError, match="posted under its id"):
        await owner.execute(insert, tenant, spare, book_id, UUID(line["id"]), 400)
    for table in ("property_charges", "property_receipts"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await owner.execute(f"UPDATE ledger.{table} SET amount_fen = 1 WHERE tenant_id = $1", tenant)
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await owner.execute(f"DELETE FROM ledger.{table} WHERE tenant_id = $1", tenant)


async def test_nothing_is_charged_or_received_in_a_closed_period(compound: Compound, owner: Any) -> None:
    line = compound.charge(100)
    await compound.charged(line)
    await owner.execute(
        "UPDATE ledger.books SET closed_through = '2026-01-31' WHERE id = $1", UUID(compound.book["book_id"])
    )
    closed, opened = compound.receipt(line, 60, on="2026-01-31"), compound.receipt(line, 60, on="2026-02-01")
    assert results(await compound.received(closed, opened)) == ["period_closed", "ok"]
    late = compound.charge(100)
    assert results(await compound.charged(late)) == ["period_closed"]
    assert results(await compound.charged(late)) == ["period_closed"]
    assert len((await compound.treasury.read(f"{compound.path}/charges"))["items"]) == 1


# Spending.


async def test_a_bill_goes_through_three_hands_and_leaves_the_bank_once(compound: Compound) -> None:
    await compound.open(bank_fen=2_000)
    treasury, bill = compound.treasury, compound.bill(500, id=str(new_id()))
    first = await treasury.post(f"{compound.path}/spending", bill)
    again = await treasury.post(f"{compound.path}/spending", bill)
    assert (first.status_code, again.status_code, first.json()) == (201, 200, again.json())
    path = f"/v1/property-spending/{bill['id']}"
    await treasury.refused(409, "wrong_state", f"{path}/pay", by="payer", version=1)
    await treasury.refused(428, "if_match_required", f"{path}/approve", by="approver")
    await treasury.refused(412, "stale_version", f"{path}/approve", by="approver", version=9)
    approved = await treasury.made(f"{path}/approve", by="approver", version=1)
    assert (approved["state"], approved["approved_by"]) == ("approved", str(treasury.people["approver"]))
    await treasury.refused(400, "idempotency_key_required", f"{path}/pay", by="payer", version=2, key=None)
    key = str(new_id())
    paid = await treasury.post(f"{path}/pay", by="payer", version=2, key=key)
    same = await treasury.post(f"{path}/pay", by="payer", version=2, key=key)
    assert (paid.status_code, paid.content) == (200, same.content)
    await treasury.refused(409, "wrong_state", f"{path}/pay", by="payer", version=3)
    await treasury.refused(409, "wrong_state", f"{path}/refuse", {"reason": "x"}, by="approver", version=3)
    assert (await treasury.read(compound.path))["bank_fen"] == 1_500
    seen = await treasury.read(path, by="resident")
    people = {"requested_by": "treasurer", "approved_by": "approver", "paid_by": "payer"}
    assert {name: seen[name] for name in people} == {name: str(treasury.people[who]) for name, who in people.items()}
    listed = await treasury.read(f"{compound.path}/spending?state=paid", by="resident")
    assert [item["id"] for item in listed["items"]] == [bill["id"]]


async def test_a_document_is_handed_in_once_unless_it_was_refused(compound: Compound) -> None:
    treasury, path = compound.treasury, f"{compound.path}/spending"
    bill = compound.bill(500, "scan", id=str(new_id()))
    await treasury.made(path, bill)
    await treasury.refused(409, "id_taken", path, bill | {"amount_fen": 501})
    await treasury.refused(409, "document_known", path, compound.bill(9, "scan"))
    refuse = f"/v1/property-spending/{bill['id']}/refuse"
    await treasury.refused(403, "forbidden", refuse, {"reason": "x"}, by="treasurer", version=1)
    refused = await treasury.made(refuse, {"reason": "金额有误"}, by="approver", version=1)
    assert (refused["state"], refused["reason"]) == ("refused", "金额有误")
    await treasury.made(path, compound.bill(400, "scan"))
    both = await asyncio.gather(*(treasury.post(path, compound.bill(1, "same")) for _ in range(4)))
    assert min(answer.status_code for answer in both) == 201
    listed = (await treasury.read(path))["items"]
    assert sum(item["amount_fen"] == 1 for item in listed) == 1


async def test_a_bill_is_of_a_known_kind_and_of_a_day_that_has_come(compound: Compound) -> None:
    path = f"{compound.path}/spending"
    await compound.treasury.refused(422, "unknown_category", path, compound.bill(category="bribes"))
    await compound.treasury.refused(422, "in_the_future", path, compound.bill(spent_on="9999-12-31"))
    await compound.treasury.refused(422, "invalid_request", path, compound.bill(document_sha256="abc"))
    for name in ("approver", "payer", "resident", "secretary"):
        await compound.treasury.refused(403, "forbidden", path, compound.bill(), by=name)
    await compound.treasury.refused(404, "not_found", f"/v1/property-books/{new_id()}/spending", compound.bill())


async def test_the_bank_is_never_overdrawn(compound: Compound) -> None:
    line = compound.charge(499)
    await compound.charged(line)
    await compound.received(compound.receipt(line))
    row = await compound.approved(500)
    path = f"/v1/property-spending/{row['id']}"
    await compound.treasury.refused(409, "insufficient_funds", f"{path}/pay", by="payer", version=2)
    assert (await compound.treasury.read(path))["state"] == "approved"
    more = compound.charge(1)
    await compound.charged(more)
    await compound.received(compound.receipt(more))
    assert (await compound.treasury.made(f"{path}/pay", by="payer", version=2))["state"] == "paid"
    assert (await compound.treasury.read(compound.path))["bank_fen"] == 0


@pytest.mark.parametrize(
    ("same", "rule"), [("approver", "requester_is_not_approver"), ("payer", "payer_is_independent")]
)
async def test_who_has_requested_neither_approves_nor_pays(
    compound: Compound, owner: Any, same: str, rule: str
) -> None:
    await compound.open(bank_fen=1_000)
    row = await compound.approved() if same == "payer" else await compound.requested()
    compound.treasury.people[same] = compound.treasury.people["treasurer"]
    step = "pay" if same == "payer" else "approve"
    path = f"/v1/property-spending/{row['id']}/{step}"
    problem = await compound.treasury.refused(403, "forbidden", path, by=same, version=row["version"])
    assert problem["rule"] == rule
    column, state = ("paid_by", "paid") if same == "payer" else ("approved_by", "approved")
    with pytest.raises(asyncpg.CheckViolationError):
        await owner.execute(
            f"UPDATE ledger.property_spending SET {column} = requested_by, state = '{state}' WHERE id = $1",
            UUID(row["id"]),
        )


async def test_who_has_approved_does_not_pay(compound: Compound, owner: Any) -> None:
    await compound.open(bank_fen=1_000)
    row = await compound.approved()
    payer, compound.treasury.people["payer"] = compound.treasury.people["payer"], compound.treasury.people["approver"]
    path = f"/v1/property-spending/{row['id']}/pay"
    problem = await compound.treasury.refused(403, "forbidden", path, by="payer", version=2)
    assert problem["rule"] == "payer_is_independent"
    compound.treasury.people["payer"] = payer
    paid = await compound.treasury.made(path, by="payer", version=2)
    other = await compound.approved()

    async def write(change: str, *, of: str = other["id"]) -> None:
        await owner.execute(f"UPDATE ledger.property_spending SET {change} WHERE id = $1", UUID(of))

    posted = f"state = 'paid', paid_at = now(), transaction_id = '{paid['transaction_id']}'"
    with pytest.raises(asyncpg.CheckViolationError, match="was posted"):
        await write(f"{posted}, paid_by = gen_random_uuid()")
    with pytest.raises(asyncpg.CheckViolationError):
        await write(f"{posted}, paid_by = approved_by")
    for change in ("approved_by = gen_random_uuid()", "amount_fen = 1", "state = 'requested', approved_by = NULL"):
        with pytest.raises(asyncpg.CheckViolationError, match="stays"):
            await write(change)
    with pytest.raises(asyncpg.CheckViolationError, match="stays"):
        await write("paid_by = gen_random_uuid()", of=paid["id"])
    with pytest.raises(asyncpg.CheckViolationError, match="begins as a request"):
        await owner.execute(
            "INSERT INTO ledger.property_spending SELECT (jsonb_populate_record(s, jsonb_build_object('id', $2::text,"
            " 'document_sha256', '\\x' || repeat('ab', 32), 'transaction_id', null))).*"
            " FROM ledger.property_spending s WHERE id = $1",
            UUID(paid["id"]), str(new_id()),
        )  # fmt: skip


# Plans.


async def test_a_plan_is_replaced_only_by_who_has_seen_it_and_the_old_one_stays(compound: Compound) -> None:
    first = {"income:fees": 100_000, "expense:cleaning": 30_000}
    made = await compound.plan(2026, first)
    assert (made.status_code, made.headers["ETag"], made.json()["version"]) == (201, '"1"', 1)
    assert (await compound.plan(2026, first)).status_code == 200
    second = first | {"expense:lift": 0}
    for seen, status, code in ((None, 428, "if_match_required"), (7, 412, "stale_version"), ("x", 400, "bad_if_match")):
        refused = await compound.plan(2026, second, seen=seen)
        assert (refused.status_code, refused.json()["code"]) == (status, code)
    assert (await compound.plan(2026, second, seen=1)).json()["version"] == 2
    assert (await compound.plan(2026, first, seen=1)).status_code == 412
    assert (await compound.plan(2027, first, seen=1)).status_code == 412
    path = f"{compound.path}/budgets/2026"
    now, before = [await compound.treasury.read(path + query, by="resident") for query in ("", "?version=1")]
    assert (now["version"], before["version"]) == (2, 1)
    assert {item["account_code"]: item["planned_fen"] for item in before["lines"]} == first
    assert {item["account_code"]: item["planned_fen"] for item in now["lines"]} == second


async def test_a_plan_names_accounts_of_its_book(compound: Compound) -> None:
    for year, lines, code in (
        (2026, {"expense:bribes": 1}, "unknown_budget_account"),
        (2026, {"bank": 1}, "invalid_request"),
        (2026, {"income:fees": -1}, "invalid_request"),
        (2026, {"income:fees": 1.5}, "invalid_request"),
        (2026, {}, "invalid_request"),
        (1999, {"income:fees": 1}, "invalid_request"),
        ("x", {"income:fees": 1}, "invalid_request"),
    ):
        refused = await compound.plan(year, lines)
        assert (refused.status_code, refused.json()["code"]) == (422, code), lines
    assert (await compound.plan(2026, {"income:fees": 1}, by="resident")).status_code == 403
    plans = await asyncio.gather(*(compound.plan(2026, {"income:fees": n}) for n in range(4)))
    assert sorted(answer.status_code for answer in plans) == [201, 428, 428, 428]
    missing = await compound.treasury.http.get(
        f"{compound.path}/budgets/2030", headers=compound.treasury.headers("resident")
    )
    assert missing.status_code == 404


# The report.


async def sums(owner: Any, compound: Compound, first: str, last: str) -> dict[str, tuple[int, int]]:
    """Debits and credits by account, straight from the postings."""
    rows = await owner.fetch(
        "SELECT a.code, coalesce(sum(p.amount) FILTER (WHERE p.debit_account = a.id), 0)::bigint AS d,"
        " coalesce(sum(p.amount) FILTER (WHERE p.credit_account = a.id), 0)::bigint AS c FROM ledger.accounts a"
        " JOIN ledger.postings p ON a.id IN (p.debit_account, p.credit_account)"
        " JOIN ledger.transactions t ON t.id = p.transaction_id AND t.effective_on BETWEEN $2::text::date AND $3::text::date"
        " WHERE a.book_id = $1 GROUP BY 1",
        UUID(compound.book["book_id"]), first, last,
    )  # fmt: skip
    return {row["code"]: (row["d"], row["c"]) for row in rows}


async def test_the_report_is_the_sum_of_the_postings(compound: Compound, owner: Any) -> None:
    await compound.open(bank_fen=5_000)
    old = compound.charge(900, due_on="2025-12-10")
    await compound.charged(old, on="2025-12-31")
    lines = [compound.charge(1000 + n, due_on=f"2026-0{1 + n % 3}-{10 + n}", kind=kind) for n, kind in enumerate(
        ["fees", "fees", "parking", "advertising", "fees", "other", "parking"]
    )]  # fmt: skip
    await compound.charged(*lines)
    later = compound.charge(5_555)
    await compound.charged(later, on="2026-04-01")
    await compound.received(compound.receipt(old, 300), *(compound.receipt(line, 700) for line in lines[:5]))
    await compound.received(compound.receipt(lines[0], 100, on="2026-04-02"), compound.receipt(later, on="2026-04-02"))
    await compound.paid(1_234)
    await compound.paid(2_000, category="lift", spent_on="2026-03-31")
    await compound.paid(50, spent_on="2026-04-01")
    await compound.approved(777)
    posted = await sums(owner, compound, "2026-01-01", "2026-03-31")
    told = await compound.report()
    assert {item["account_code"]: item["charged_fen"] for item in told["income"]} == {
        f"income:{kind}": posted.get(f"income:{kind}", (0, 0))[1]
        for kind in ("fees", "parking", "advertising", "other")
    }
    assert [item["received_fen"] for item in told["income"]] == [300 + 3 * 700, 700, 700, 0]
    assert {item["account_code"]: item["spent_fen"] for item in told["spending"]} == {
        "expense:cleaning": posted["expense:cleaning"][0], "expense:lift": posted["expense:lift"][0],
    }  # fmt: skip
    bank = told["bank"]
    assert (bank["opening_fen"], bank["brought_in_fen"]) == (5_000, 0)
    assert (bank["received_fen"], bank["spent_fen"]) == posted["bank"]
    assert bank["closing_fen"] == 5_000 + 3_800 - 3_234
    assert sum(item["received_fen"] for item in told["income"]) == bank["received_fen"]
    charged = sum(range(1000, 1007))
    assert told["collection"] == {"charged_fen": charged, "collected_fen": 3_500, "rate_bp": 3_500 * 10_000 // charged}
    arrears = told["arrears"]
    buckets = ("not_due_fen", "days_0_to_30_fen", "days_31_to_90_fen", "days_91_and_more_fen")
    assert sum(arrears[name] for name in buckets) == arrears["receivable_fen"] == 900 + charged - 3_800
    whole = await compound.report("from=2025-01-01&to=2026-12-31")
    assert whole["bank"] == {
        "opening_fen": 0, "brought_in_fen": 5_000, "received_fen": 3_800 + 100 + 5_555, "spent_fen": 3_284,
        "closing_fen": 5_000 + 9_455 - 3_284,
    }  # fmt: skip
    assert whole["bank"]["closing_fen"] == (await compound.treasury.read(compound.path))["bank_fen"]


async def test_arrears_are_sorted_by_whole_days_since_they_fell_due(compound: Compound) -> None:
    days = {
        "2026-04-01": 1,
        "2026-03-31": 10,
        "2026-03-01": 100,
        "2026-02-28": 1_000,
        "2025-12-31": 10_000,
        "2025-12-30": 100_000,
    }
    await compound.charged(*(compound.charge(fen, due_on=day) for day, fen in days.items()))
    arrears = (await compound.report())["arrears"]
    assert arrears == {
        "not_due_fen": 1, "days_0_to_30_fen": 110, "days_31_to_90_fen": 11_000, "days_91_and_more_fen": 100_000,
        "receivable_fen": 111_111,
    }  # fmt: skip


async def test_what_was_taken_back_counts_no_more(compound: Compound) -> None:
    wrong, half = compound.charge(1000), compound.charge(600)
    await compound.charged(wrong, half)
    await compound.received(bounced := compound.receipt(half, 600))
    for original in (wrong, bounced):
        body = {"id": str(new_id()), "reason": "更正", "effective_on": "2026-02-01"}
        await compound.treasury.made(f"/v1/transactions/{original['id']}/reverse", body, by="auditor")
    assert results(await compound.received(compound.receipt(wrong, 1))) == ["more_than_charged"]
    assert results(await compound.received(compound.receipt(half, 600), compound.receipt(half, 1))) == [
        "ok",
        "more_than_charged",
    ]
    told = await compound.report()
    assert told["income"][0] | {"name": ""} == {
        "account_code": "income:fees", "name": "", "charged_fen": 600, "received_fen": 600,
    }  # fmt: skip
    assert told["collection"] == {"charged_fen": 600, "collected_fen": 600, "rate_bp": 10_000}
    assert (told["bank"]["closing_fen"], told["arrears"]["receivable_fen"]) == (600, 0)
    listed = {
        item["id"]: item for item in (await compound.treasury.read(f"{compound.path}/charges?state=settled"))["items"]
    }
    assert (listed[wrong["id"]]["taken_back_fen"], listed[half["id"]]["received_fen"]) == (1000, 600)


async def test_plans_stand_beside_what_there_was(compound: Compound) -> None:
    await compound.plan(2026, {"income:fees": 10_000, "expense:cleaning": 300})
    line = compound.charge(800)
    await compound.charged(line)
    await compound.charged(compound.charge(50), on="2026-04-01")
    await compound.received(compound.receipt(line))
    await compound.paid(400)
    (year,) = (await compound.report("from=2025-06-01&to=2026-03-31"))["budgets"]
    assert (year["year"], year["version"], year["actual_through"]) == (2026, 1, "2026-03-31")
    assert {item["account_code"]: (item["planned_fen"], item["actual_fen"]) for item in year["lines"]} == {
        "income:fees": (10_000, 800), "income:parking": (0, 0), "income:advertising": (0, 0), "income:other": (0, 0),
        "expense:cleaning": (300, 400), "expense:lift": (0, 0),
    }  # fmt: skip


async def test_an_interval_begins_before_it_ends(compound: Compound) -> None:
    headers = compound.treasury.headers("resident")
    for query, code in (
        ("from=2026-02-01&to=2026-01-31", "bad_interval"),
        ("from=1900-01-01&to=2026-01-31", "bad_interval"),
        ("from=9999-01-01", "bad_interval"),
        ("from=x&to=2026-01-01", "invalid_request"),
    ):
        refused = await compound.treasury.http.get(f"{compound.path}/report?{query}", headers=headers)
        assert (refused.status_code, refused.json()["code"]) == (422, code)
    this_year = await compound.report("")
    day = today()
    assert (this_year["first"], this_year["last"]) == (f"{day.year}-01-01", day.isoformat())
    empty = await compound.report("from=0001-01-01&to=0001-01-01")
    assert empty["collection"] == {"charged_fen": 0, "collected_fen": 0, "rate_bp": None}
    assert (await compound.treasury.http.get(f"{compound.path}/report?{Q1}")).status_code == 401


async def test_a_rate_is_rounded_down(compound: Compound) -> None:
    line = compound.charge(30_000)
    await compound.charged(line)
    await compound.received(compound.receipt(line, 29_999))
    assert (await compound.report())["collection"]["rate_bp"] == 9_999
    await compound.received(compound.receipt(line, 1))
    assert (await compound.report())["collection"]["rate_bp"] == 10_000


@given(charged=st.integers(1, 2**60), part=st.integers(0, 2**60))
def test_a_rate_is_never_better_than_it_is(charged: int, part: int) -> None:
    collected = min(charged, part)
    rate = collection_rate_bp(collected_fen=collected, charged_fen=charged)
    assert rate is not None
    assert rate * charged <= collected * BASIS_POINTS < (rate + 1) * charged
    assert (rate == BASIS_POINTS) == (collected == charged)
