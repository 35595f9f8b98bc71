"""Invoices over HTTP: paid once, within the grant, by somebody who neither asked nor approved."""

from typing import Any
from uuid import UUID

import asyncpg
import pytest

from shared.ids import new_id
from tests.ledger.conftest import Treasury

FREE: dict[str, Any] = {"match_num": None, "match_den": None}


async def test_a_paid_bill_leaves_the_bank_once(treasury: Treasury) -> None:
    fund = await treasury.fund(10_000_000, **FREE)
    grant = await treasury.approved(fund, 1_500_000)
    invoice = await treasury.invoice(grant, 1_500_000)
    path, key = f"/v1/invoices/{invoice['id']}/pay", str(new_id())
    paid = await treasury.post(path, by="payer", version=invoice["version"], key=key)
    again = await treasury.post(path, by="payer", version=invoice["version"], key=key)
    assert (paid.status_code, paid.content) == (200, again.content)
    assert paid.json()["state"] == "paid"
    await treasury.refused(409, "wrong_state", path, by="payer", version=paid.json()["version"])
    found = await treasury.read(f"/v1/funds/{fund['id']}")
    assert (found["balance_fen"], found["held_fen"], found["available_fen"]) == (8_500_000, 0, 8_500_000)
    statement = await treasury.read(f"/v1/funds/{fund['id']}/statement")
    assert (statement["bank_fen"], statement["spent_fen"]) == (8_500_000, 1_500_000)


async def test_a_bill_is_handed_in_once_and_within_the_grant(treasury: Treasury) -> None:
    fund = await treasury.fund(10_000_000, **FREE)
    grant = await treasury.approved(fund, 1000)
    path = f"/v1/grants/{grant['id']}/invoices"
    bill = treasury.bill(600, "scan 1") | {"id": str(new_id())}
    assert (await treasury.post(path, bill, by="secretary")).status_code == 201
    assert (await treasury.post(path, bill, by="secretary")).status_code == 200
    await treasury.refused(409, "id_taken", path, bill | {"amount_fen": 1}, by="secretary")
    await treasury.refused(409, "document_known", path, treasury.bill(1, "scan 1"), by="secretary")
    problem = await treasury.refused(409, "more_than_granted", path, treasury.bill(401), by="secretary")
    assert problem["billed_fen"] == 600
    await treasury.made(path, treasury.bill(400), by="secretary")
    assert len((await treasury.read(path))["items"]) == 2
    await treasury.refused(403, "forbidden", path, treasury.bill(1), by="resident")


async def test_bills_wait_for_the_grant(treasury: Treasury) -> None:
    fund = await treasury.fund(10_000_000, **FREE)
    grant = await treasury.apply(fund, 1000)
    await treasury.refused(409, "wrong_state", f"/v1/grants/{grant['id']}/invoices", treasury.bill(1), by="secretary")
    await treasury.refused(404, "not_found", f"/v1/grants/{new_id()}/invoices", treasury.bill(1), by="secretary")


async def test_an_unapproved_bill_is_not_paid(treasury: Treasury) -> None:
    grant = await treasury.approved(await treasury.fund(10_000_000, **FREE), 1000)
    invoice = await treasury.made(f"/v1/grants/{grant['id']}/invoices", treasury.bill(1000), by="secretary")
    path = f"/v1/invoices/{invoice['id']}/pay"
    await treasury.refused(409, "wrong_state", path, by="payer", version=invoice["version"])
    await treasury.refused(400, "idempotency_key_required", path, by="payer", version=invoice["version"], key=None)
    await treasury.refused(412, "stale_version", path, by="payer", version=9)
    await treasury.refused(403, "forbidden", path, by="treasurer", version=invoice["version"])


@pytest.mark.parametrize("same", ["secretary", "approver", "second"])
async def test_the_payer_has_neither_asked_nor_approved(treasury: Treasury, owner: Any, same: str) -> None:
    grant = await treasury.approved(await treasury.fund(10_000_000, **FREE), 1_500_000)
    invoice = await treasury.invoice(grant, 1000)
    treasury.people["payer"] = treasury.people[same]
    path = f"/v1/invoices/{invoice['id']}/pay"
    problem = await treasury.refused(403, "not_independent", path, by="payer", version=invoice["version"])
    assert problem["rule"] == "payer_is_independent"
    # The database keeps the same rule, whoever writes.
    transaction = await owner.fetchval(
        "SELECT id FROM ledger.transactions WHERE tenant_id = $1 LIMIT 1", treasury.caller.tenant
    )
    with pytest.raises(asyncpg.CheckViolationError):
        await owner.execute(
            "INSERT INTO ledger.payments (tenant_id, id, invoice_id, payer_id, amount_fen, transaction_id, paid_at)"
            " VALUES ($1, $2, $3, $4, 1000, $5, now())",
            treasury.caller.tenant,
            new_id(),
            UUID(invoice["id"]),
            treasury.people["payer"],
            transaction,
        )


@pytest.mark.parametrize("same", ["secretary", "treasurer"])
async def test_who_hands_a_bill_in_does_not_approve_it(treasury: Treasury, same: str) -> None:
    grant = await treasury.approved(await treasury.fund(10_000_000, **FREE), 1000)
    invoice = await treasury.made(f"/v1/grants/{grant['id']}/invoices", treasury.bill(1000), by=same)
    treasury.people["second"] = treasury.people[same]
    path = f"/v1/invoices/{invoice['id']}/approve"
    await treasury.refused(403, "not_independent", path, by="second", version=invoice["version"])
