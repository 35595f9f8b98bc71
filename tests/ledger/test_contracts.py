"""Contracts under a grant: money held, results accepted by another, bills within, related parties in the open."""

import hashlib
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from services.ledger.suppliers.rules import is_credit_code
from shared.ids import new_id
from tests.ledger.conftest import Treasury

FREE = {"match_num": None, "match_den": None}
PROOF = {"proof_sha256": hashlib.sha256(b"photo").hexdigest(), "note": "按合同完成"}


def digest() -> str:
    return hashlib.sha256(new_id().bytes).hexdigest()


async def supplier(treasury: Treasury, **members: Any) -> dict[str, Any]:
    body = {"name": "市政工程队", "area_id": str(treasury.area_id), **members}
    return await treasury.made("/v1/suppliers", body, key=None)


async def contract(treasury: Treasury, grant: dict[str, Any], of: dict[str, Any], amount_fen: int) -> dict[str, Any]:
    body = {"supplier_id": of["id"], "title": "更换井盖", "amount_fen": amount_fen, "document_sha256": digest()}
    return await treasury.made(f"/v1/grants/{grant['id']}/contracts", body, by="secretary")


async def billed(treasury: Treasury, grant: dict[str, Any], under: dict[str, Any], amount_fen: int) -> dict[str, Any]:
    body = treasury.bill(amount_fen) | {"contract_id": under["id"]}
    invoice = await treasury.made(f"/v1/grants/{grant['id']}/invoices", body, by="secretary")
    return await treasury.made(f"/v1/invoices/{invoice['id']}/approve", by="approver", version=invoice["version"])


async def test_a_contract_holds_its_money_is_accepted_and_paid_and_gives_the_rest_back(treasury: Treasury) -> None:
    fund = await treasury.fund(10_000, **FREE)
    grant = await treasury.approved(fund, 5_000)
    signed = await contract(treasury, grant, await supplier(treasury), 4_800)
    assert (signed["state"], signed["held_fen"]) == ("binding", 4_800)
    body = {"supplier_id": signed["supplier_id"], "title": "x", "amount_fen": 201, "document_sha256": digest()}
    await treasury.refused(409, "more_than_granted", f"/v1/grants/{grant['id']}/contracts", body, by="secretary")
    invoice = await billed(treasury, grant, signed, 4_000)
    await treasury.refused(409, "not_accepted", f"/v1/invoices/{invoice['id']}/pay", by="payer", version=2)
    path = f"/v1/contracts/{signed['id']}"
    await treasury.refused(403, "forbidden", f"{path}/accept", PROOF, by="secretary", version=1)
    accepted = await treasury.made(f"{path}/accept", PROOF, by="approver", version=1)
    assert (accepted["state"], accepted["acceptance_sha256"]) == ("accepted", PROOF["proof_sha256"])
    await treasury.pay(invoice)
    over = treasury.bill(801) | {"contract_id": signed["id"]}
    await treasury.refused(409, "more_than_contract", f"/v1/grants/{grant['id']}/invoices", over, by="secretary")
    seen = await treasury.read(path)
    assert (seen["held_fen"], seen["invoiced_fen"]) == (800, 4_000)
    version = (await treasury.read(f"/v1/grants/{grant['id']}"))["version"]
    await treasury.refused(409, "contracts_open", f"/v1/grants/{grant['id']}/close", version=version)
    closed = await treasury.made(f"{path}/close", version=2)
    assert (closed["state"], closed["held_fen"]) == ("closed", 0)
    done = await treasury.made(f"/v1/grants/{grant['id']}/close", version=version)
    assert done["back_to_fund_fen"] == 1_000
    found = {
        row["code"]: row["balance_fen"]
        for row in (await treasury.read(f"/v1/books/{fund['book_id']}/accounts"))["items"]
    }
    assert (found["bank"], found["fund"], found["expense:drainage"], found["payable"], found["released"]) == (
        6_000,
        6_000,
        4_000,
        0,
        4_000,
    )


async def test_a_bill_is_owed_from_its_approval_on(treasury: Treasury) -> None:
    fund = await treasury.fund(10_000, **FREE)
    grant = await treasury.approved(fund, 5_000)
    invoice = await treasury.invoice(grant, 700)
    found = {
        row["code"]: row["balance_fen"]
        for row in (await treasury.read(f"/v1/books/{fund['book_id']}/accounts"))["items"]
    }
    assert (found["payable"], found["expense:drainage"], found["bank"]) == (700, 700, 10_000)
    await treasury.pay(invoice)
    found = {
        row["code"]: row["balance_fen"]
        for row in (await treasury.read(f"/v1/books/{fund['book_id']}/accounts"))["items"]
    }
    assert (found["payable"], found["expense:drainage"], found["bank"]) == (0, 700, 9_300)


async def test_a_related_supplier_takes_an_approval_by_another(treasury: Treasury, owner: Any) -> None:
    fund = await treasury.fund(10_000, **FREE)
    grant = await treasury.approved(fund, 5_000)
    related = await supplier(treasury, is_related=True, relation="居委会成员亲属")
    proposed = await contract(treasury, grant, related, 4_000)
    assert (proposed["state"], proposed["held_fen"]) == ("proposed", 0)
    bill = treasury.bill(100) | {"contract_id": proposed["id"]}
    await treasury.refused(409, "contract_not_binding", f"/v1/grants/{grant['id']}/invoices", bill, by="secretary")
    path = f"/v1/contracts/{proposed['id']}"
    await treasury.refused(403, "forbidden", f"{path}/approve", by="treasurer", version=1)
    with pytest.raises(asyncpg.CheckViolationError):
        await owner.execute("UPDATE ledger.contracts SET approved_by = signed_by WHERE id = $1", UUID(proposed["id"]))
    approved = await treasury.made(f"{path}/approve", by="approver", version=1)
    assert (approved["state"], approved["held_fen"], approved["version"]) == ("binding", 4_000, 2)


async def test_the_same_contract_again_is_the_same_and_another_with_its_paper_is_refused(treasury: Treasury) -> None:
    fund = await treasury.fund(10_000, **FREE)
    grant = await treasury.approved(fund, 5_000)
    seller = await supplier(treasury)
    body = {
        "id": str(new_id()),
        "supplier_id": seller["id"],
        "title": "x",
        "amount_fen": 100,
        "document_sha256": digest(),
    }
    path = f"/v1/grants/{grant['id']}/contracts"
    first = await treasury.made(path, body, by="secretary")
    assert await treasury.made(path, body, by="secretary") == first
    await treasury.refused(409, "id_taken", path, body | {"amount_fen": 101}, by="secretary")
    await treasury.refused(409, "document_known", path, body | {"id": str(new_id())}, by="secretary")
    await treasury.refused(
        422,
        "unknown_supplier",
        path,
        body | {"id": None, "document_sha256": digest(), "supplier_id": str(new_id())},
        by="secretary",
    )
    assert len((await treasury.read(path))["items"]) == 1


async def test_credit_codes_are_checked_and_unique(treasury: Treasury) -> None:
    # Made up: a well-formed body with the check character that the standard computes.
    body = "91110000TEST0CDE0".replace("S", "X")
    good = next(body + sign for sign in "0123456789ABCDEFGHJKLMNPQRTUWXY" if is_credit_code(body + sign))
    assert sum(is_credit_code(body + sign) for sign in "0123456789ABCDEFGHJKLMNPQRTUWXY") == 1
    assert is_credit_code("91350100M000100Y43"), "the example of the standard"
    assert not is_credit_code("91350100M000100Y44")
    await supplier(treasury, credit_code=good)
    wanted = {"name": "x", "area_id": str(treasury.area_id)}
    await treasury.refused(409, "credit_code_taken", "/v1/suppliers", wanted | {"credit_code": good}, key=None)
    bad = good[:-1] + ("0" if good[-1] != "0" else "1")
    await treasury.refused(422, "bad_credit_code", "/v1/suppliers", wanted | {"credit_code": bad}, key=None)
    await treasury.refused(422, "invalid_request", "/v1/suppliers", wanted | {"is_related": True}, key=None)


async def test_a_relation_is_declared_later_and_seen(treasury: Treasury) -> None:
    seller = await supplier(treasury)
    path = f"/v1/suppliers/{seller['id']}/relation"
    told = await treasury.made(path, {"relation": "评审成员亲属"}, by="auditor", version=1, key=None)
    assert (told["is_related"], told["version"]) == (True, 2)
    await treasury.refused(412, "stale_version", path, {"relation": None}, version=1, key=None)
    assert (await treasury.read(f"/v1/suppliers/{seller['id']}", by="resident"))["relation"] == "评审成员亲属"
