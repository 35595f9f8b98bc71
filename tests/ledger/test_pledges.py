"""Pledges that were made on the resource list: noted once, and only where the charter takes them."""

from uuid import UUID

import pytest

from shared.contracts.matching import MoneyPledged
from shared.ids import new_id
from tests.ledger.conftest import Json, Treasury


async def _pledge(treasury: Treasury, hold_id: UUID, fund_id: UUID | None, **members: Json) -> None:
    wanted = {"offer_id": new_id(), "unit_id": treasury.unit_id, "amount_fen": 50_000, "due_on": None, **members}
    told = MoneyPledged(hold_id=hold_id, fund_id=fund_id, **wanted)
    await treasury.pipe.publish("matching", treasury.caller.tenant, f"hold/{hold_id}", told)
    await treasury.pipe.rest()


async def _owed(treasury: Treasury, fund: dict[str, Json]) -> list[tuple[str, int, str | None]]:
    items = (await treasury.read(f"/v1/funds/{fund['id']}/contributions"))["items"]
    return [(item["id"], item["amount_fen"], item["received_at"]) for item in items]


async def test_a_pledge_is_owed_once_and_received_like_any_other(treasury: Treasury) -> None:
    fund, hold_id = await treasury.fund(), new_id()
    for _ in range(2):
        await _pledge(treasury, hold_id, UUID(fund["id"]))
    assert await _owed(treasury, fund) == [(str(hold_id), 50_000, None)]
    await treasury.made(f"/v1/funds/{fund['id']}/contributions/{hold_id}/receive", version=1)
    ((_, _, received_at),) = await _owed(treasury, fund)
    assert received_at is not None


@pytest.mark.parametrize("reason", ["no fund", "unknown fund", "charter", "unknown unit"])
async def test_what_no_fund_takes_is_not_owed(treasury: Treasury, reason: str) -> None:
    fund = await treasury.fund(giver_kinds=["person"] if reason == "charter" else ["unit"])
    fund_id = {"no fund": None, "unknown fund": new_id()}.get(reason, UUID(fund["id"]))
    members = {"unit_id": new_id()} if reason == "unknown unit" else {}
    await _pledge(treasury, new_id(), fund_id, **members)
    assert await _owed(treasury, fund) == []
