"""Grants over HTTP: the charter's limits, who may decide, own money, and what becomes of the rest."""

from typing import Any
from uuid import UUID

import asyncpg
import pytest

from shared.clock import utc_now
from shared.contracts.matching import ProjectBudgetRequested, ProjectCancelled
from shared.ids import new_id
from tests.ledger.conftest import Treasury


async def _version(treasury: Treasury, grant: dict[str, Any]) -> int:
    version: int = (await treasury.read(f"/v1/grants/{grant['id']}"))["version"]
    return version


async def _balance(treasury: Treasury, fund: dict[str, Any]) -> tuple[int, int, int]:
    found = await treasury.read(f"/v1/funds/{fund['id']}")
    return found["balance_fen"], found["held_fen"], found["available_fen"]


async def test_two_approvals_hold_the_money(treasury: Treasury) -> None:
    fund = await treasury.fund(10_000_000, match_num=None, match_den=None)
    grant = await treasury.apply(fund, 1_500_000)
    assert (grant["asked_fen"], grant["approvals_needed"], grant["state"]) == (1_500_000, 2, "submitted")
    path = f"/v1/grants/{grant['id']}/approve"
    once = await treasury.made(path, {"reason": "同意"}, by="approver", version=grant["version"])
    assert (once["state"], await _balance(treasury, fund)) == ("submitted", (10_000_000, 0, 10_000_000))
    await treasury.refused(409, "already_voted", path, {}, by="approver", version=once["version"])
    twice = await treasury.made(path, {}, by="second", version=once["version"])
    assert twice["state"] == "approved"
    assert await _balance(treasury, fund) == (10_000_000, 1_500_000, 8_500_000)
    assert [vote["vote"] for vote in twice["votes"]] == ["approve", "approve"]
    await treasury.refused(409, "wrong_state", path, {}, by="third", version=twice["version"])


@pytest.mark.parametrize(
    ("total_fen", "approvals"), [(1, 1), (500_000, 1), (500_001, 2), (5_000_000, 2)], ids=["1", "first", "next", "cap"]
)
async def test_the_tier_is_exact_to_the_fen(treasury: Treasury, total_fen: int, approvals: int) -> None:
    fund = await treasury.fund(match_num=None, match_den=None)
    assert (await treasury.apply(fund, total_fen))["approvals_needed"] == approvals


async def test_the_charter_limits_what_is_asked(treasury: Treasury) -> None:
    fund = await treasury.fund(match_num=None, match_den=None)
    uncapped = await treasury.fund(match_num=None, match_den=None, cap_fen=None)

    async def refused(code: str, fund: dict[str, Any], total_fen: int, own_fen: int = 0, **members: Any) -> None:
        body = treasury.application(fund, total_fen, own_fen, **members)
        await treasury.refused(422, code, "/v1/grants", body, by="secretary")

    await refused("above_cap", fund, 5_000_001)
    await refused("no_tier_for_amount", uncapped, 5_000_001)
    await refused("category_not_allowed", fund, 100, category="fireworks")
    await refused("nothing_asked", fund, 100, 100)
    await refused("unknown_project", fund, 100, project_id=str(new_id()))
    missing = treasury.application({"id": str(new_id())}, 100)
    await treasury.refused(404, "not_found", "/v1/grants", missing, by="secretary")


async def test_the_match_is_exact_to_the_fen(treasury: Treasury) -> None:
    fund = await treasury.fund(10_000_000)
    # 3 for 2: 300 000 of the fund take 200 000 of their own, and not one fen less.
    body = treasury.application(fund, 500_001, 200_000)
    await treasury.refused(409, "match_locked", "/v1/grants", body, by="secretary")
    grant = await treasury.apply(fund, 500_000, 200_000)
    approve = f"/v1/grants/{grant['id']}/approve"
    await treasury.give(grant, 100_000)
    await treasury.give(grant, 99_999)
    assert not (await treasury.read(f"/v1/grants/{grant['id']}"))["match_unlocked"]
    version = await _version(treasury, grant)
    await treasury.refused(409, "match_locked", approve, {}, by="approver", version=version)
    assert (await treasury.read(f"/v1/grants/{grant['id']}"))["votes"] == []
    await treasury.give(grant, 1)
    done = await treasury.made(approve, {}, by="approver", version=await _version(treasury, grant))
    assert (done["state"], done["match_unlocked"], done["raised_fen"]) == ("approved", True, 200_000)
    assert await _balance(treasury, fund) == (10_000_000, 300_000, 9_700_000)


async def test_a_household_gives_up_to_its_cap_and_all_up_to_the_need(treasury: Treasury) -> None:
    fund = await treasury.fund(10_000_000)
    grant = await treasury.apply(fund, 375_000, 150_000)
    path, household = f"/v1/grants/{grant['id']}/contributions", new_id()
    await treasury.give(grant, 60_000, household)
    body = {"household_id": str(household), "amount_fen": 40_001}
    problem = await treasury.refused(422, "household_cap", path, body)
    assert problem["given_fen"] == 60_000
    await treasury.give(grant, 40_000, household)
    other = {"household_id": str(new_id()), "amount_fen": 50_001}
    await treasury.refused(409, "over_funded", path, other)
    await treasury.refused(403, "forbidden", path, other, by="secretary")
    twice = {"id": str(new_id()), "household_id": str(new_id()), "amount_fen": 50_000}
    assert (await treasury.post(path, twice)).status_code == 201
    assert (await treasury.post(path, twice)).status_code == 200
    await treasury.refused(409, "id_taken", path, twice | {"amount_fen": 1})
    assert (await treasury.read(f"/v1/grants/{grant['id']}"))["raised_fen"] == 150_000


async def test_nobody_approves_an_own_application(treasury: Treasury, owner: Any) -> None:
    fund = await treasury.fund(10_000_000, match_num=None, match_den=None)
    grant = await treasury.apply(fund, 100)
    treasury.people["approver"] = treasury.people["secretary"]
    path = f"/v1/grants/{grant['id']}/approve"
    problem = await treasury.refused(403, "forbidden", path, {}, by="approver", version=grant["version"])
    assert problem["rule"] == "applicant_is_not_approver"
    # The database keeps the same rule, whoever writes.
    vote = "INSERT INTO ledger.grant_votes (tenant_id, grant_id, person_id, vote, voted_at) VALUES ($1, $2, $3, 'approve', now())"
    with pytest.raises(asyncpg.CheckViolationError):
        await _as_tenant(owner, treasury, vote, UUID(grant["id"]), treasury.people["secretary"])


async def _as_tenant(owner: Any, treasury: Treasury, statement: str, *values: Any) -> None:
    async with owner.transaction():
        await owner.execute(f"SET LOCAL linli.tenant = '{treasury.caller.tenant}'")
        await owner.execute(statement, treasury.caller.tenant, *values)


async def test_only_the_funds_approvers_decide(treasury: Treasury) -> None:
    fund = await treasury.fund(10_000_000, match_num=None, match_den=None)
    grant = await treasury.apply(fund, 100)
    path = f"/v1/grants/{grant['id']}/approve"
    for options in ({"by": "treasurer"}, {"by": "resident"}, {"by": "approver", "at": "d.elsewhere"}):
        await treasury.refused(403, "forbidden", path, {}, version=grant["version"], **options)
    await treasury.refused(428, "if_match_required", path, {}, by="approver")
    problem = await treasury.refused(412, "stale_version", path, {}, by="approver", version=9)
    assert problem["current"]["version"] == grant["version"]


async def test_who_declares_a_conflict_does_not_vote(treasury: Treasury) -> None:
    fund = await treasury.fund(10_000_000, match_num=None, match_den=None)
    grant = await treasury.apply(fund, 100)
    body = {"reason": "亲属承包"}
    said = await treasury.made(f"/v1/grants/{grant['id']}/recuse", body, by="approver", version=grant["version"])
    path = f"/v1/grants/{grant['id']}/approve"
    await treasury.refused(403, "conflict_declared", path, {}, by="approver", version=said["version"])
    done = await treasury.made(path, {}, by="second", version=said["version"])
    assert done["state"] == "approved"


@pytest.mark.parametrize(("step", "by"), [("refuse", "approver"), ("withdraw", "secretary")])
async def test_without_a_grant_households_get_theirs_back_to_the_fen(treasury: Treasury, step: str, by: str) -> None:
    fund = await treasury.fund(10_000_000)
    grant = await treasury.apply(fund, 500_000, 200_000)
    for amount in (99_999, 33_334, 1):
        await treasury.give(grant, amount)
    assert (await treasury.read(f"/v1/funds/{fund['id']}/statement"))["bank_fen"] == 10_133_334
    body = {"reason": "材料不全"}
    ended = await treasury.made(
        f"/v1/grants/{grant['id']}/{step}", body, by=by, version=await _version(treasury, grant)
    )
    assert ended["available_fen"] == 0
    assert (await treasury.read(f"/v1/funds/{fund['id']}/statement"))["bank_fen"] == 10_000_000
    await treasury.refused(
        409, "wrong_state", f"/v1/grants/{grant['id']}/{step}", body, by=by, version=ended["version"]
    )


async def test_what_is_left_goes_back_as_it_was_given(treasury: Treasury) -> None:
    fund = await treasury.fund(10_000_000)
    grant = await treasury.approved(fund, 500_000, (100_000, 60_000, 40_000))
    await treasury.pay(await treasury.invoice(grant, 480_000))
    closed = await treasury.made(f"/v1/grants/{grant['id']}/close", version=await _version(treasury, grant))
    assert (closed["state"], closed["available_fen"]) == ("closed", 0)
    # 20 000 are left of 300 000 + 200 000: 12 000 to the fund, 8 000 to the households.
    assert await _balance(treasury, fund) == (9_712_000, 0, 9_712_000)
    statement = await treasury.read(f"/v1/funds/{fund['id']}/statement")
    assert (statement["spent_fen"], statement["bank_fen"]) == (480_000, 9_712_000)
    assert statement["contributions_fen"] + statement["returned_fen"] - statement["granted_fen"] == 9_712_000


async def test_more_than_the_fund_has_is_not_approved(treasury: Treasury) -> None:
    fund = await treasury.fund(99, match_num=None, match_den=None)
    grant = await treasury.apply(fund, 100)
    path = f"/v1/grants/{grant['id']}/approve"
    response = await treasury.post(path, {}, by="approver", version=grant["version"])
    assert (response.status_code, response.json()["code"]) == (409, "insufficient_funds"), response.text
    assert await _balance(treasury, fund) == (99, 0, 99)
    assert (await treasury.read(f"/v1/grants/{grant['id']}"))["state"] == "submitted"


async def test_a_projects_request_becomes_one_grant_however_often_it_is_told(treasury: Treasury) -> None:
    fund = await treasury.fund(10_000_000, match_num=None, match_den=None)
    request_id, project_id = new_id(), new_id()
    told = ProjectBudgetRequested(
        project_id=project_id,
        request_id=request_id,
        fund_id=UUID(fund["id"]),
        category="drainage",
        purpose="修井盖",
        total_fen=100,
        own_fen=0,
        asked_fen=100,
        requested_by=treasury.people["secretary"],
    )
    for _ in range(2):
        await treasury.pipe.publish("matching", treasury.caller.tenant, f"project/{project_id}", told)
        await treasury.pipe.rest()
    found = await treasury.read(f"/v1/grants?project_id={project_id}")
    assert [item["request_id"] for item in found["items"]] == [str(request_id)]


async def test_a_cancelled_project_asks_no_more_and_what_was_granted_stays_with_the_treasurer(
    treasury: Treasury,
) -> None:
    fund = await treasury.fund(10_000_000, match_num=None, match_den=None)
    for approved in (False, True):
        request_id, project_id = new_id(), new_id()
        told = ProjectBudgetRequested(
            project_id=project_id,
            request_id=request_id,
            fund_id=UUID(fund["id"]),
            category="drainage",
            purpose="修井盖",
            total_fen=100,
            own_fen=0,
            asked_fen=100,
            requested_by=treasury.people["secretary"],
        )
        await treasury.pipe.publish("matching", treasury.caller.tenant, f"project/{project_id}", told)
        await treasury.pipe.rest()
        (grant,) = (await treasury.read(f"/v1/grants?project_id={project_id}"))["items"]
        if approved:
            path = f"/v1/grants/{grant['id']}/approve"
            await treasury.made(path, {}, by="approver", version=await _version(treasury, grant))
        cancelled = ProjectCancelled(project_id=project_id, case_id=None, request_id=request_id, cancelled_at=utc_now())
        for _ in range(2):
            await treasury.pipe.publish("matching", treasury.caller.tenant, f"project/{project_id}", cancelled)
            await treasury.pipe.rest()
        found = await treasury.read(f"/v1/grants/{grant['id']}")
        expected = ("approved", None) if approved else ("withdrawn", "project_cancelled")
        assert (found["state"], found["reason"]) == expected


async def test_lists_go_page_by_page(treasury: Treasury) -> None:
    fund = await treasury.fund(match_num=None, match_den=None)
    made = [(await treasury.apply(fund, 100 + turn))["id"] for turn in range(5)]
    seen: list[str] = []
    path = f"/v1/grants?fund_id={fund['id']}&limit=2"
    while path:
        page = await treasury.read(path)
        seen += [item["id"] for item in page["items"]]
        path = f"/v1/grants?fund_id={fund['id']}&limit=2&cursor={page['next_cursor']}" if page["next_cursor"] else ""
    assert seen == made[::-1]


async def test_a_foreign_grant_is_not_found(treasury: Treasury) -> None:
    fund = await treasury.fund(match_num=None, match_den=None)
    grant = await treasury.apply(fund, 100)
    elsewhere = treasury.headers("treasurer", tenant="elsewhere")
    assert (await treasury.http.get(f"/v1/grants/{grant['id']}", headers=elsewhere)).status_code == 404
    assert (await treasury.http.get("/v1/grants", headers=elsewhere)).json()["items"] == []
