"""A campaign always comes to its end: nothing that is asked, and nothing that is wrong elsewhere, keeps the money."""

from typing import Any
from uuid import UUID

from services.ledger.books.repository import call_post
from services.ledger.books.rules import Leg, TransactionKind, TransactionRequest
from services.ledger.campaigns.models import CampaignGift
from services.ledger.campaigns.settling import end_due
from shared.clock import today, utc_now
from shared.db import Database
from shared.ids import new_id
from tests.ledger.conftest import Treasury
from tests.ledger.test_campaigns import act, balances, campaign, gift, give, no, pass_deadline, seen


async def many_gifts(
    treasury: Treasury, database: Database, owner: Any, of: dict[str, Any], count: int, giver_id: UUID
) -> None:
    """Let one giver give one fen many times, as the service writes it but in one batch."""
    fund = await treasury.read(f"/v1/funds/{of['fund_id']}")
    bank = await owner.fetchval("SELECT bank_account FROM ledger.funds WHERE id = $1", UUID(fund["id"]))
    async with database.write(treasury.caller.tenant) as session:
        for first in range(0, count, 500):
            requests = [
                TransactionRequest(
                    id=new_id(),
                    book_id=UUID(fund["book_id"]),
                    kind=TransactionKind.POST,
                    legs=(Leg(bank, UUID(of["account_id"]), 1),),
                    description="gift",
                    effective_on=today(),
                )
                for _ in range(min(500, count - first))
            ]
            assert set(await call_post(session, "system", requests)) == {"ok"}
            for request in requests:
                session.add(
                    CampaignGift(
                        tenant_id=session.tenant,
                        id=new_id(),
                        campaign_id=UUID(of["id"]),
                        giver_kind="household",
                        giver_id=giver_id,
                        amount_fen=1,
                        pledged_at=utc_now(),
                        received_at=utc_now(),
                        transaction_id=request.id,
                        version=1,
                    )
                )


async def test_one_campaign_that_cannot_end_does_not_keep_the_others(
    treasury: Treasury, databases: dict[str, Database], owner: Any
) -> None:
    fund = await treasury.fund()
    broken, good = await campaign(treasury, fund, 1_000), await campaign(treasury, fund, 1_000)
    for one in (broken, good):
        await give(treasury, one, 10)
    await owner.execute(
        "UPDATE ledger.campaign_gifts SET transaction_id = $2 WHERE campaign_id = $1", UUID(broken["id"]), new_id()
    )
    await pass_deadline(owner, broken)
    await pass_deadline(owner, good)
    assert await end_due(databases["ledger"], treasury.caller.tenant) == 1
    assert [(await seen(treasury, one))["state"] for one in (broken, good)] == ["open", "refunded"]
    assert (await balances(treasury, fund))["bank"] == 10


async def test_a_change_that_nobody_answers_does_not_keep_the_money_beyond_the_day(
    treasury: Treasury, databases: dict[str, Database], owner: Any
) -> None:
    fund = await treasury.fund()
    short = await campaign(treasury, fund, 1_000)
    enough = await campaign(treasury, fund, 1_000, min_fen=10)
    for one in (short, enough):
        await give(treasury, one, 10)
        await treasury.made(f"/v1/campaigns/{one['id']}/changes", {"goal_fen": 2_000, "reason": "提高目标"})
        await pass_deadline(owner, one)
    late = {"goal_fen": 3_000, "reason": "过期"}
    await treasury.refused(409, "deadline_passed", f"/v1/campaigns/{short['id']}/changes", late)
    assert await end_due(databases["ledger"], treasury.caller.tenant) == 2
    ended = [await seen(treasury, one) for one in (short, enough)]
    assert [(one["state"], one["goal_fen"], one["open_change_id"]) for one in ended] == [
        ("refunded", 1_000, None),
        ("settled", 1_000, None),
    ]
    outcomes = await owner.fetch(
        "SELECT outcome FROM ledger.campaign_changes WHERE campaign_id = ANY($1)", [UUID(one["id"]) for one in ended]
    )
    assert [row["outcome"] for row in outcomes] == ["withdrawn", "withdrawn"]


async def test_a_campaign_can_be_given_up_while_its_givers_are_asked(treasury: Treasury) -> None:
    fund = await treasury.fund()
    opened = await campaign(treasury, fund, 1_000)
    given = await give(treasury, opened, 10)
    path = f"/v1/campaigns/{opened['id']}/changes"
    change = await treasury.made(path, {"goal_fen": 2_000, "reason": "提高目标"})
    ended = await act(treasury, opened, "cancel", {"reason": "项目取消"})
    assert (ended["state"], ended["open_change_id"]) == ("refunded", None)
    assert (await balances(treasury, fund))["bank"] == 0
    answer = {"giver_id": given["giver_id"], "answer": "leave"}
    await treasury.refused(404, "not_found", f"{path}/{change['id']}/answers", answer)
    await no(treasury, opened, "cancel", 409, "wrong_state", {"reason": "again"})


async def test_a_giver_of_very_many_gifts_leaves_with_all_of_them(
    treasury: Treasury, databases: dict[str, Database], owner: Any
) -> None:
    fund = await treasury.fund()
    opened = await campaign(treasury, fund, 5_000)
    giver_id = new_id()
    await many_gifts(treasury, databases["ledger"], owner, opened, 1_001, giver_id)
    await give(treasury, opened, 7)
    path = f"/v1/campaigns/{opened['id']}/changes"
    change = await treasury.made(path, {"goal_fen": 4_000, "reason": "降低目标"})
    await treasury.made(f"{path}/{change['id']}/answers", {"giver_id": str(giver_id), "answer": "leave"})
    now = await seen(treasury, opened)
    assert (now["raised_fen"], now["givers"]) == (7, 1)
    assert {name: fen for name, fen in (await balances(treasury, fund)).items() if fen} == {"bank": 7, "campaign": 7}


async def test_a_gift_asked_again_after_the_end_is_the_same_and_a_promise_is_no_money(treasury: Treasury) -> None:
    fund = await treasury.fund()
    opened = await campaign(treasury, fund, 30, min_fen=10)
    path = f"/v1/campaigns/{opened['id']}/gifts"
    paid, promised = gift(treasury, 10, id=str(new_id())), gift(treasury, 20, id=str(new_id()), received=False)
    first = await treasury.made(path, paid)
    await treasury.made(path, promised)
    await treasury.refused(409, "id_taken", path, promised | {"received": True})
    await act(treasury, opened, "settle")
    again = await treasury.post(path, paid)
    assert (again.status_code, again.json()) == (200, first)
    await treasury.refused(403, "forbidden", path, paid, by="resident")
    await treasury.refused(409, "wrong_state", path, gift(treasury, 1))
