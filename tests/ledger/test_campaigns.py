"""Campaigns: caps, goals, shares, changes; settled or refunded to the fen, never both."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from services.ledger.campaigns.settling import end_due
from shared.clock import utc_now
from shared.db import Database
from shared.ids import new_id
from tests.ledger.conftest import Treasury

SOON = timedelta(days=30)


async def campaign(treasury: Treasury, fund: dict[str, Any], goal_fen: int, **members: Any) -> dict[str, Any]:
    body = {"title": "修凉亭", "category": "drainage", "goal_fen": goal_fen, "deadline": (utc_now() + SOON).isoformat()}
    return await treasury.made(f"/v1/funds/{fund['id']}/campaigns", body | members, key=None)


def gift(treasury: Treasury, amount_fen: Any, **members: Any) -> dict[str, Any]:
    body = {"giver_kind": "household", "giver_id": str(new_id()), "amount_fen": amount_fen, "received": True}
    return body | members


async def give(treasury: Treasury, of: dict[str, Any], amount_fen: int, **members: Any) -> dict[str, Any]:
    return await treasury.made(f"/v1/campaigns/{of['id']}/gifts", gift(treasury, amount_fen, **members))


async def seen(treasury: Treasury, of: dict[str, Any]) -> dict[str, Any]:
    return await treasury.read(f"/v1/campaigns/{of['id']}")


async def act(
    treasury: Treasury, of: dict[str, Any], what: str, body: Any = None, by: str = "treasurer"
) -> dict[str, Any]:
    version = (await seen(treasury, of))["version"]
    return await treasury.made(f"/v1/campaigns/{of['id']}/{what}", body, by=by, version=version)


async def no(
    treasury: Treasury, of: dict[str, Any], what: str, status: int, code: str, body: Any = None, by: str = "treasurer"
) -> None:
    version = (await seen(treasury, of))["version"]
    await treasury.refused(status, code, f"/v1/campaigns/{of['id']}/{what}", body, by=by, version=version)


async def balances(treasury: Treasury, fund: dict[str, Any]) -> dict[str, int]:
    page = await treasury.read(f"/v1/books/{fund['book_id']}/accounts?page_size=200")
    return {row["code"].partition(":")[0]: row["balance_fen"] for row in page["items"]}


async def pass_deadline(owner: Any, of: dict[str, Any]) -> None:
    await owner.execute(
        "UPDATE ledger.campaigns SET deadline = now() - interval '1 second' WHERE id = $1", UUID(of["id"])
    )


async def test_a_campaign_that_reaches_its_goal_is_settled_for_its_purpose(treasury: Treasury) -> None:
    fund = await treasury.fund()
    opened = await campaign(treasury, fund, 1_000)
    await give(treasury, opened, 600)
    await no(treasury, opened, "settle", 409, "goal_missed")
    promised = await give(treasury, opened, 400, received=False)
    now = await seen(treasury, opened)
    assert (now["raised_fen"], now["pledged_fen"], now["missing_fen"], now["givers"]) == (600, 400, 400, 2)
    await treasury.refused(409, "over_funded", f"/v1/campaigns/{opened['id']}/gifts", gift(treasury, 1))
    await treasury.made(f"/v1/campaigns/{opened['id']}/gifts/{promised['id']}/receive")
    await treasury.refused(409, "already_received", f"/v1/campaigns/{opened['id']}/gifts/{promised['id']}/receive")
    settled = await act(treasury, opened, "settle")
    assert settled["state"] == "settled"
    assert await balances(treasury, fund) | {"expense": 0} == {
        "bank": 1_000,
        "campaign": 0,
        "expense": 0,
        "fund": 0,
        "released": 0,
        "restricted": 1_000,
    }
    await no(treasury, opened, "cancel", 409, "wrong_state", {"reason": "x"})


async def test_what_a_campaign_has_raised_pays_a_grant_of_its_category(treasury: Treasury) -> None:
    fund = await treasury.fund(match_num=None, match_den=None)
    opened = await campaign(treasury, fund, 1_000)
    await give(treasury, opened, 1_000)
    await act(treasury, opened, "settle")
    grant = await treasury.approved(fund, 900)
    await treasury.pay(await treasury.invoice(grant, 900))
    assert (await balances(treasury, fund))["bank"] == 100


async def test_a_missed_goal_gives_everybody_theirs_back_to_the_fen(
    treasury: Treasury, databases: dict[str, Database], owner: Any
) -> None:
    fund = await treasury.fund(50)
    opened = await campaign(treasury, fund, 1_000)
    amounts = [1, 333, 77, 588]
    for amount in amounts:
        await give(treasury, opened, amount)
    await give(treasury, opened, 1, received=False)
    assert await end_due(databases["ledger"], treasury.caller.tenant) == 0, "its day has not come"
    await pass_deadline(owner, opened)
    await treasury.refused(409, "deadline_passed", f"/v1/campaigns/{opened['id']}/gifts", gift(treasury, 1))
    assert await end_due(databases["ledger"], treasury.caller.tenant) == 1
    assert await end_due(databases["ledger"], treasury.caller.tenant) == 0
    now = await seen(treasury, opened)
    assert (now["state"], now["because"], now["raised_fen"]) == ("refunded", "goal_missed", 0)
    gifts = (await treasury.read(f"/v1/campaigns/{opened['id']}/gifts"))["items"]
    assert sorted(item["amount_fen"] for item in gifts if item["refund_id"]) == sorted(amounts)
    assert await balances(treasury, fund) == {
        "bank": 50,
        "campaign": 0,
        "expense": 0,
        "fund": 50,
        "released": 0,
        "restricted": 0,
    }
    rows = await owner.fetch(
        "SELECT kind, original_id FROM ledger.transactions WHERE id = ANY($1)",
        [UUID(item["refund_id"]) for item in gifts if item["refund_id"]],
    )
    assert {row["kind"] for row in rows} == {"refund"}
    assert {str(row["original_id"]) for row in rows} == {item["transaction_id"] for item in gifts if item["refund_id"]}


async def test_the_minimum_is_enough_when_the_day_has_come(
    treasury: Treasury, databases: dict[str, Database], owner: Any
) -> None:
    fund = await treasury.fund()
    opened = await campaign(treasury, fund, 1_000, min_fen=500)
    await give(treasury, opened, 500)
    await pass_deadline(owner, opened)
    await end_due(databases["ledger"], treasury.caller.tenant)
    assert (await seen(treasury, opened))["state"] == "settled"


async def test_what_is_beyond_the_goal_is_for_the_fund_only_if_that_was_said(treasury: Treasury) -> None:
    fund = await treasury.fund()
    opened = await campaign(treasury, fund, 1_000, excess="to_fund")
    await give(treasury, opened, 1_300)
    await act(treasury, opened, "settle")
    found = await balances(treasury, fund)
    assert (found["restricted"], found["fund"], found["campaign"]) == (1_000, 300, 0)


async def test_nobody_gives_more_than_the_cap_promises_included(treasury: Treasury) -> None:
    fund = await treasury.fund()
    opened = await campaign(treasury, fund, 1_000, giver_cap_fen=100)
    who = str(new_id())
    await give(treasury, opened, 60, giver_id=who)
    await give(treasury, opened, 30, giver_id=who, received=False)
    problem = await treasury.refused(
        422, "giver_cap", f"/v1/campaigns/{opened['id']}/gifts", gift(treasury, 11, giver_id=who)
    )
    assert problem["given_fen"] == 90
    await give(treasury, opened, 10, giver_id=who)


async def test_two_gifts_for_the_last_fen_at_once_let_one_in(treasury: Treasury) -> None:
    fund = await treasury.fund()
    opened = await campaign(treasury, fund, 100)
    await give(treasury, opened, 99)
    path = f"/v1/campaigns/{opened['id']}/gifts"
    answers = await asyncio.gather(*(treasury.post(path, gift(treasury, 1)) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    assert (await seen(treasury, opened))["raised_fen"] == 100


async def test_settling_and_cancelling_at_once_do_one_of_the_two(treasury: Treasury, owner: Any) -> None:
    fund = await treasury.fund()
    opened = await campaign(treasury, fund, 100)
    await give(treasury, opened, 100)
    version = (await seen(treasury, opened))["version"]
    answers = await asyncio.gather(
        treasury.post(f"/v1/campaigns/{opened['id']}/settle", version=version),
        treasury.post(f"/v1/campaigns/{opened['id']}/cancel", {"reason": "x"}, version=version),
    )
    assert sorted(answer.status_code for answer in answers) == [200, 412]
    for change in (
        "state = 'refunded', refunded_at = now(), settled_at = NULL",
        "state = 'open', settled_at = NULL, refunded_at = NULL",
    ):
        with pytest.raises(asyncpg.CheckViolationError):
            await owner.execute(f"UPDATE ledger.campaigns SET {change} WHERE id = $1", UUID(opened["id"]))


async def test_the_funds_share_is_approved_by_others_held_and_added_when_it_is_unlocked(
    treasury: Treasury, owner: Any
) -> None:
    fund = await treasury.fund(10_000)
    opened = await campaign(treasury, fund, 1_000, min_fen=500, match={"unlock_fen": 800, "share_fen": 1_200})
    assert opened["state"] == "proposed"
    await treasury.refused(409, "wrong_state", f"/v1/campaigns/{opened['id']}/gifts", gift(treasury, 1))
    with pytest.raises(asyncpg.CheckViolationError):
        await owner.execute(
            "INSERT INTO ledger.campaign_approvals SELECT tenant_id, id, opened_by, now() FROM ledger.campaigns WHERE id = $1",
            UUID(opened["id"]),
        )
    approved = await act(treasury, opened, "approve", by="approver")
    assert approved["state"] == "open"
    held = await treasury.read(f"/v1/funds/{fund['id']}")
    assert (held["held_fen"], held["available_fen"]) == (1_200, 8_800)
    await give(treasury, opened, 799)
    low = await campaign(treasury, fund, 1_000, min_fen=500, match={"unlock_fen": 800, "share_fen": 1_200})
    await act(treasury, low, "approve", by="approver")
    await give(treasury, low, 799)
    await act(treasury, low, "settle")
    await give(treasury, opened, 1)
    await act(treasury, opened, "settle")
    found = await treasury.read(f"/v1/funds/{fund['id']}")
    assert (found["balance_fen"], found["held_fen"]) == (8_800, 0), "one share was unlocked, the other let go"


async def test_a_share_outside_the_charter_is_refused(treasury: Treasury) -> None:
    fund = await treasury.fund(10_000)
    path = f"/v1/funds/{fund['id']}/campaigns"
    body = {"title": "x", "category": "drainage", "goal_fen": 1_000, "deadline": (utc_now() + SOON).isoformat()}
    for match in ({"unlock_fen": 800, "share_fen": 1_201}, {"unlock_fen": 1_001, "share_fen": 1}):
        await treasury.refused(422, "bad_goal", path, body | {"match": match}, key=None)
    for members, code in (
        ({"min_fen": 1_001}, "bad_goal"),
        ({"deadline": (utc_now() - SOON).isoformat()}, "bad_goal"),
        ({"category": "fireworks"}, "category_not_allowed"),
        ({"goal_fen": 0}, "invalid_request"),
        ({"deadline": "2030-01-01T00:00:00"}, "invalid_request"),
    ):
        await treasury.refused(422, code, path, body | members, key=None)


async def test_a_change_takes_effect_when_everybody_has_consented_or_left(treasury: Treasury) -> None:
    fund = await treasury.fund()
    opened = await campaign(treasury, fund, 1_000)
    one, two = await give(treasury, opened, 100), await give(treasury, opened, 200)
    path = f"/v1/campaigns/{opened['id']}/changes"
    await treasury.refused(422, "bad_goal", path, {"goal_fen": 299, "reason": "x"})
    change = await treasury.made(path, {"goal_fen": 600, "reason": "降低目标"})
    assert (change["outcome"], change["asked"], change["answered"]) == (None, 2, 0)
    await treasury.refused(409, "change_open", f"/v1/campaigns/{opened['id']}/gifts", gift(treasury, 1))
    await no(treasury, opened, "settle", 409, "change_open")
    answers = f"{path}/{change['id']}/answers"
    await treasury.refused(403, "forbidden", answers, {"giver_id": one["giver_id"], "answer": "consent"}, by="resident")
    await treasury.refused(422, "not_a_giver", answers, {"giver_id": str(new_id()), "answer": "consent"})
    await treasury.made(answers, {"giver_id": one["giver_id"], "answer": "consent"})
    await treasury.refused(409, "already_answered", answers, {"giver_id": one["giver_id"], "answer": "leave"})
    assert (await seen(treasury, opened))["goal_fen"] == 1_000
    done = await treasury.made(answers, {"giver_id": two["giver_id"], "answer": "leave"})
    assert done["outcome"] == "accepted"
    now = await seen(treasury, opened)
    assert (now["goal_fen"], now["min_fen"], now["raised_fen"], now["open_change_id"]) == (600, 600, 100, None)
    assert (await balances(treasury, fund))["bank"] == 100, "who left has the gift back"


async def test_asking_again_is_the_same_and_strangers_see_no_gifts(treasury: Treasury) -> None:
    fund = await treasury.fund()
    body = {
        "id": str(new_id()),
        "title": "x",
        "category": "drainage",
        "goal_fen": 10,
        "deadline": "2126-01-01T00:00:00+08:00",
    }
    path = f"/v1/funds/{fund['id']}/campaigns"
    first = await treasury.made(path, body, key=None)
    assert await treasury.made(path, body, key=None) == first
    await treasury.refused(409, "id_taken", path, body | {"goal_fen": 11}, key=None)
    wanted = gift(treasury, 5, id=str(new_id()))
    made = await treasury.made(f"/v1/campaigns/{first['id']}/gifts", wanted)
    assert await treasury.made(f"/v1/campaigns/{first['id']}/gifts", wanted) == made
    await treasury.refused(409, "id_taken", f"/v1/campaigns/{first['id']}/gifts", wanted | {"amount_fen": 6})
    answer = await treasury.http.get(f"/v1/campaigns/{first['id']}/gifts", headers=treasury.headers("resident"))
    assert answer.status_code == 403
