"""Review, k of n, and quorum: by the API and by direct SQL."""

from typing import Any
from uuid import UUID

import asyncpg
import pytest

from services.ledger.grants.rules import Tally
from shared.ids import new_id
from tests.ledger.conftest import Treasury

FREE = {"match_num": None, "match_den": None}


async def act(treasury: Treasury, grant: dict[str, Any], what: str, by: str, body: Any = None) -> dict[str, Any]:
    version = (await treasury.read(f"/v1/grants/{grant['id']}"))["version"]
    return await treasury.made(f"/v1/grants/{grant['id']}/{what}", body or {"reason": "有理由"}, by=by, version=version)


async def no(
    treasury: Treasury, grant: dict[str, Any], what: str, by: str, status: int, code: str, body: Any = None
) -> dict[str, Any]:
    version = (await treasury.read(f"/v1/grants/{grant['id']}"))["version"]
    path = f"/v1/grants/{grant['id']}/{what}"
    return await treasury.refused(status, code, path, body or {"reason": "有理由"}, by=by, version=version)


async def test_two_of_three_decide_and_one_refusal_does_not(treasury: Treasury) -> None:
    tiers = [{"up_to_fen": 1_000, "approvals": 2, "voters": 3}]
    fund = await treasury.fund(1_000, tiers=tiers, **FREE)
    grant = await treasury.apply(fund, 500)
    assert (await act(treasury, grant, "refuse", "approver"))["state"] == "submitted"
    assert (await act(treasury, grant, "approve", "second"))["state"] == "submitted"
    assert (await act(treasury, grant, "approve", "third"))["state"] == "approved"
    lost = await treasury.apply(fund, 400)
    await act(treasury, lost, "refuse", "approver")
    assert (await act(treasury, lost, "refuse", "second"))["state"] == "refused", "two of three cannot be reached"


async def test_the_quorum_must_be_there_before_money_is_held(treasury: Treasury, owner: Any) -> None:
    tiers = [{"up_to_fen": 1_000, "approvals": 1, "voters": 5}]
    fund = await treasury.fund(1_000, tiers=tiers, quorum=3, **FREE)
    grant = await treasury.apply(fund, 500)
    await act(treasury, grant, "approve", "approver")
    undecided = await act(treasury, grant, "refuse", "second")
    assert (undecided["state"], undecided["hold_id"], undecided["quorum"]) == ("submitted", None, 3)
    with pytest.raises(asyncpg.CheckViolationError, match="enough votes"):
        await owner.execute("UPDATE ledger.grants SET state = 'approved' WHERE id = $1", UUID(grant["id"]))
    assert (await act(treasury, grant, "approve", "third"))["state"] == "approved"


async def test_a_review_comes_first_by_somebody_who_neither_applies_nor_votes(treasury: Treasury, owner: Any) -> None:
    fund = await treasury.fund(1_000, needs_review=True, **FREE)
    grant = await treasury.apply(fund, 500)
    await no(treasury, grant, "approve", "approver", 409, "review_missing")
    body = {"opinion": "recommend", "note": "价格合理"}
    await no(treasury, grant, "review", "resident", 403, "forbidden", body)
    await no(treasury, grant, "review", "approver", 403, "forbidden", body)
    await act(treasury, grant, "review", "reviewer", {"opinion": "conflict", "note": "亲属是供应商"})
    await no(treasury, grant, "review", "reviewer", 409, "already_reviewed", body)
    await no(treasury, grant, "approve", "approver", 409, "review_missing")
    treasury.people["other"], treasury.roles["other"] = new_id(), treasury.roles["reviewer"]
    seen = await act(treasury, grant, "review", "other", body)
    assert [item["opinion"] for item in seen["reviews"]] == ["conflict", "recommend"]
    # The same person as an approver: what the reviewer has said does not vote.
    treasury.people["twice"], treasury.roles["twice"] = treasury.people["other"], treasury.roles["approver"]
    await no(treasury, grant, "approve", "twice", 403, "conflict_declared")
    assert (await act(treasury, grant, "approve", "approver"))["state"] == "approved"
    with pytest.raises(asyncpg.CheckViolationError, match="neither applies nor votes"):
        await owner.execute(
            "INSERT INTO ledger.grant_reviews (tenant_id, grant_id, reviewer_id, opinion, note, reviewed_at)"
            " SELECT tenant_id, id, applicant_id, 'recommend', 'x', now() FROM ledger.grants WHERE id = $1",
            UUID(grant["id"]),
        )


async def test_a_tier_with_fewer_voters_than_approvals_is_refused(treasury: Treasury) -> None:
    tiers = [{"up_to_fen": 1_000, "approvals": 3, "voters": 2}]
    body = {
        "name": "x",
        "area_id": str(treasury.area_id),
        "charter": {"giver_kinds": ["unit"], "categories": ["a"], "tiers": tiers},
    }
    await treasury.refused(422, "invalid_request", "/v1/funds", body, key=None)


@pytest.mark.parametrize("needed", range(1, 5))
@pytest.mark.parametrize("voters", [None, 1, 2, 3, 4, 5])
def test_a_vote_is_never_both_and_always_decides_when_all_have_voted(needed: int, voters: int | None) -> None:
    for approvals in range(6):
        for refusals in range(6):
            tally = Tally(approvals, refusals, needed, voters, 1)
            if voters is not None and approvals + refusals <= voters and needed <= voters:
                assert not (tally.is_approved and tally.is_refused)
                if approvals + refusals == voters:
                    assert tally.is_approved or tally.is_refused
