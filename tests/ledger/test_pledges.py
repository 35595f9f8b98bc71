"""Pledges that were made on the resource list: noted once, and only where the charter takes them."""

from uuid import UUID

import pytest
from sqlalchemy import text

from shared.contracts.matching_partners import MoneyPledged, PledgeReleased
from shared.db import Database
from shared.ids import new_id
from tests.ledger.conftest import Json, Treasury


async def _pledge(treasury: Treasury, hold_id: UUID, fund_id: UUID | None, **members: Json) -> None:
    wanted = {"offer_id": new_id(), "unit_id": treasury.unit_id, "amount_fen": 50_000, "due_on": None, **members}
    told = MoneyPledged(hold_id=hold_id, fund_id=fund_id, **wanted)
    await treasury.pipe.publish("matching", treasury.caller.tenant, f"hold/{hold_id}", told)
    await treasury.pipe.rest()


async def _release(treasury: Treasury, hold_id: UUID, fund_id: UUID | None) -> None:
    told = PledgeReleased(hold_id=hold_id, offer_id=new_id(), fund_id=fund_id)
    await treasury.pipe.publish("matching", treasury.caller.tenant, f"hold/{hold_id}", told)
    await treasury.pipe.rest()


async def _owed(treasury: Treasury, fund: dict[str, Json]) -> list[tuple[str, int, str | None]]:
    items = (await treasury.read(f"/v1/funds/{fund['id']}/contributions"))["items"]
    return [(item["id"], item["amount_fen"], item["received_at"]) for item in items]


async def _refused(database: Database, treasury: Treasury, hold_id: UUID) -> list[str]:
    """Return for which reasons a pledge was refused."""
    told = text("SELECT DISTINCT body::jsonb->'data'->>'code' FROM ledger.outbox WHERE tenant_id = :t AND subject = :s")
    async with database.read(treasury.caller.tenant) as session:
        found = await session.scalars(told, {"t": treasury.caller.tenant, "s": f"pledge/{hold_id}"})
        return list(found)


async def test_a_pledge_is_owed_once_and_received_like_any_other(treasury: Treasury) -> None:
    fund, hold_id = await treasury.fund(), new_id()
    for _ in range(2):
        await _pledge(treasury, hold_id, UUID(fund["id"]))
    assert await _owed(treasury, fund) == [(str(hold_id), 50_000, None)]
    await treasury.made(f"/v1/funds/{fund['id']}/contributions/{hold_id}/receive", version=1)
    ((_, _, received_at),) = await _owed(treasury, fund)
    assert received_at is not None


@pytest.mark.parametrize("reason", ["no fund", "unknown fund", "charter", "unknown unit"])
async def test_what_no_fund_takes_is_not_owed_and_its_giver_hears_why(
    treasury: Treasury, databases: dict[str, Database], reason: str
) -> None:
    fund = await treasury.fund(giver_kinds=["person"] if reason == "charter" else ["unit"])
    fund_id = {"no fund": None, "unknown fund": new_id()}.get(reason, UUID(fund["id"]))
    members = {"unit_id": new_id()} if reason == "unknown unit" else {}
    hold_id = new_id()
    await _pledge(treasury, hold_id, fund_id, **members)
    assert await _owed(treasury, fund) == []
    codes = {"unknown fund": "not_found", "charter": "giver_not_allowed", "unknown unit": "unknown_unit"}
    assert await _refused(databases["ledger"], treasury, hold_id) == ([codes[reason]] if reason in codes else [])


async def test_a_pledge_that_was_called_off_is_not_owed_and_cannot_be_received(treasury: Treasury) -> None:
    fund, hold_id = await treasury.fund(), new_id()
    fund_id = UUID(fund["id"])
    path = f"/v1/funds/{fund['id']}/contributions"
    await _pledge(treasury, hold_id, fund_id, due_on="2020-01-01")
    assert [item["in_arrears"] for item in (await treasury.read(path))["items"]] == [True]
    for _ in range(2):
        await _release(treasury, hold_id, fund_id)
    (item,) = (await treasury.read(path))["items"]
    assert (item["in_arrears"], item["received_at"], item["version"]) == (False, None, 2)
    assert item["withdrawn_at"] is not None
    await treasury.refused(409, "pledge_withdrawn", f"{path}/{hold_id}/receive", version=2)
    # Whoever takes the offer after that is another pledge.
    await _pledge(treasury, new_id(), fund_id)
    owed = [item for item in (await treasury.read(path))["items"] if item["withdrawn_at"] is None]
    assert [item["amount_fen"] for item in owed] == [50_000]


async def test_what_has_arrived_stays_in_the_book_when_the_pledge_is_called_off(treasury: Treasury) -> None:
    fund, hold_id = await treasury.fund(), new_id()
    await _pledge(treasury, hold_id, UUID(fund["id"]))
    await treasury.made(f"/v1/funds/{fund['id']}/contributions/{hold_id}/receive", version=1)
    await _release(treasury, hold_id, UUID(fund["id"]))
    (item,) = (await treasury.read(f"/v1/funds/{fund['id']}/contributions"))["items"]
    assert (item["withdrawn_at"], item["received_at"] is not None) == (None, True)
    assert (await treasury.read(f"/v1/funds/{fund['id']}"))["balance_fen"] == 50_000


async def test_calling_off_what_was_never_noted_changes_nothing(treasury: Treasury) -> None:
    fund = await treasury.fund()
    for fund_id in (None, UUID(fund["id"])):
        await _release(treasury, new_id(), fund_id)
    assert await _owed(treasury, fund) == []
