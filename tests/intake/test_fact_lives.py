"""Facts of random lives over HTTP: counted as they come, they are what a rebuild from the histories gives, to the row."""

import asyncio
import random
from collections import Counter
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from services.intake.cases.locking import lock_case
from services.intake.cases.service import accept_case
from services.intake.escalation.jobs import climb_ladders, follow_calendar
from services.intake.facts import jobs, service
from services.intake.facts import repository as facts
from services.intake.facts.models import FactProgress
from services.intake.facts.rules import end_of
from shared.auth import Principal
from shared.clock import utc_now
from shared.db import Database, WriteSession
from shared.ids import new_id
from tests.intake.conftest import HARD, MEDIUM, SIMPLE, MovedClock, Street
from tests.intake.counting import Counting
from tests.intake.importing import Desk, row, xlsx
from tests.intake.test_clock_lives import Life
from tests.intake.test_clocks import free, workdays
from tests.sizes import IS_LONG

EFFECTS = ("opened", "accepted", "resolved", "closed", "reopened", "backlog")


@pytest.fixture
def counting(street: Street, databases: dict[str, Database], owner: Any) -> Counting:
    return Counting(street, databases["intake"], owner)


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a batch take three cases and two days, so that every turn has many."""
    monkeypatch.setattr(service, "CASES_AT_ONCE", 3)
    monkeypatch.setattr(service, "_KEYS_AT_ONCE", 5)
    monkeypatch.setattr(service, "_DAYS_AT_ONCE", 2)


async def check_days(counting: Counting) -> int:
    """Compare the days with the same counted plainly from the steps; returns how many rows there were."""
    rows = (await counting.rows())["day_facts"]
    told = {
        (one["day"], one["path"], one["category"], one["level"]): {name: one[name] for name in EFFECTS if one[name]}
        for one in rows
    }
    assert told == await counting.counted_plainly()
    return len(rows)


async def check_overdue(counting: Counting) -> int:
    """Compare how many cases were overdue at the end of each day with the stored clocks, of which no calendar changed.

    Returns:
        The most that were overdue at once.
    """
    told: Counter[date] = Counter()
    for one in (await counting.rows())["day_facts"]:
        told[one["day"]] += one["overdue"]
    for day, count in told.items():
        late = await counting.owner.fetchval(
            "SELECT count(DISTINCT case_id) FROM intake.clock_intervals WHERE tenant_id = $1 AND clock <> 'verdict'"
            " AND running AND started_at < $2 AND (ended_at IS NULL OR ended_at >= $2) AND due_at < $2",
            counting.tenant,
            end_of(day),
        )
        assert count == late, day
    return max(told.values())


async def check_clocks(counting: Counting) -> None:
    """Compare what clocks have counted with how they are stored."""
    for clock in ("accept", "first_reply", "resolve", "verdict"):
        wrong = await counting.owner.fetch(
            f"SELECT f.case_id FROM intake.case_facts f LEFT JOIN (SELECT tenant_id, case_id, sum(budget_s - left_end_s)"
            "  AS spent, bool_and(left_end_s >= 0) AS kept FROM intake.clock_intervals i WHERE clock = $2 AND ended_at"
            "  IS NOT NULL AND position = (SELECT max(position) FROM intake.clock_intervals j WHERE (j.tenant_id,"
            "  j.case_id, j.clock, j.run) = (i.tenant_id, i.case_id, i.clock, i.run)) GROUP BY 1, 2) c"
            " ON (c.tenant_id, c.case_id) = (f.tenant_id, f.case_id) WHERE f.tenant_id = $1"
            f" AND ({clock}_s IS DISTINCT FROM c.spent OR {clock}_kept IS DISTINCT FROM c.kept)",
            counting.tenant,
            clock,
        )
        assert wrong == [], clock


async def import_some(counting: Counting, chance: random.Random) -> None:
    """Import old cases, dated back by up to a month: closed ones and open ones."""
    rows = []
    for number in range(5):
        filed = utc_now() - timedelta(days=30 * chance.random())
        cells = {"提出时间": filed.replace(tzinfo=None), "类型": "parking", "编号": f"{chance.random()}-{number}"}
        if chance.random() < 0.6:
            closed = filed + (utc_now() - filed) * chance.random()
            cells |= {"状态": "已办结", "办结时间": closed.replace(tzinfo=None), "结果": "满意"}
        rows.append(row(**cells))
    done = await Desk(counting.street, counting.database).done(xlsx(rows))
    assert done["counts"]["filed"] == 5, done


async def set_hours(street: Street, weekdays: range) -> None:
    parts = [{"weekday": day, "opens": "09:00", "closes": "16:00"} for day in weekdays]
    answer = await street.call("PUT", "/v1/calendar/hours", {"parts": parts}, by=street.administrator)
    assert answer.status_code == 200, answer.text


async def merge_two(street: Street, one: dict[str, Any], two: dict[str, Any]) -> None:
    seen = await street.read(one)
    body = {"into_case_id": two["id"], "reason": "同一处"}
    merged = await street.act(seen, "merge", body, by=street.officer)
    if merged.status_code == 200:
        await street.post(f"/v1/cases/{one['id']}/unmerge", {"reason": "不是一处"}, by=street.officer)


@pytest.mark.parametrize("seed", range(10 if IS_LONG else 1))
async def test_counted_as_they_come_facts_are_what_a_rebuild_gives(
    counting: Counting, moved: MovedClock, small_batches: None, seed: int
) -> None:
    chance, street = random.Random(seed), counting.street
    life = Life(street, chance)
    await street.handle(pauses_max=20)
    lives = [await street.filed(category=chance.choice(["parking", "drainage"])) for _ in range(6)]
    for number in range(90):
        moved.forward(timedelta(minutes=chance.choice([1, 100, 1_000]) * chance.random()))
        await life.take_a_step(chance.choice(lives))
        if number % 25 == 5:
            lives.append(await street.filed(category="parking"))
            await merge_two(street, *chance.sample(lives, 2))
        if number % 40 == 20:
            await import_some(counting, chance)
        if number % 30 == 10:
            await free(street, chance.choice(workdays(5)))
            await follow_calendar(counting.database, counting.tenant, utc_now())
        if number == 70:
            await set_hours(street, range(4))
            await follow_calendar(counting.database, counting.tenant, utc_now())
        if chance.random() < 0.1:
            await climb_ladders(counting.database, counting.tenant, utc_now())
        if chance.random() < 0.3:
            await counting.turn()
    moved.forward(timedelta(days=3))
    await counting.turn()
    assert await check_days(counting) > 20
    await check_clocks(counting)
    kept = await counting.rows()
    assert sum(one["overdue"] for one in kept["day_facts"]) > 0
    assert await counting.revised() > 0, "old cases were imported when their days were frozen"
    assert await counting.rebuilt() == kept
    assert await counting.revised() == 0, "counted from the beginning, nothing comes late"


async def test_what_commits_late_is_read_and_its_day_waits_for_it(counting: Counting, moved: MovedClock) -> None:
    street = counting.street
    first, second = await street.filed(), await street.filed()
    await counting.turn()
    async with counting.database.write(counting.tenant) as session:
        case = await lock_case(session, None, UUID(first["id"]))
        assert case is not None
        await accept_case(session, Principal(counting.tenant, new_id(), "person"), case, None)
        await session.flush()
        await street.step(second, "accept", {}, by=street.grid_worker)
        moved.forward(timedelta(days=2))
        for _ in range(2):
            await counting.turn()
            states = {one["case_id"]: one["state"] for one in (await counting.rows())["case_facts"]}
            assert states == {UUID(first["id"]): "filed", UUID(second["id"]): "accepted"}
        # The day is over for two days, and somebody who began in it has not finished.
        assert (await counting.progress())["frozen_through"] is None
    await counting.turn()
    assert {one["state"] for one in (await counting.rows())["case_facts"]} == {"accepted"}
    assert await check_days(counting) > 0


async def test_any_number_of_workers_count_at_once_while_others_write(
    counting: Counting, moved: MovedClock, small_batches: None
) -> None:
    street = counting.street
    filed = [await street.filed(category="parking") for _ in range(10)]

    async def work() -> None:
        for _ in range(6):
            await counting.turn()

    async def live(case: dict[str, Any]) -> None:
        case = await street.step(case, "accept", {}, by=street.grid_worker)
        case = await street.step(case, "triage", SIMPLE, by=street.grid_worker)
        await street.step(case, "resolve", {"note": "x"}, by=street.grid_worker)

    await asyncio.gather(*(work() for _ in range(3)), *(live(case) for case in filed))
    moved.forward(timedelta(days=2))
    # Whoever found the lock taken went home; what is left the next turn takes.
    await counting.turn()
    kept = await counting.rows()
    assert {one["state"] for one in kept["case_facts"]} == {"resolved"}
    assert len(kept["transition_facts"]) == 40
    assert await check_days(counting) > 0
    assert await counting.rebuilt() == kept


async def test_a_worker_that_is_stopped_after_any_batch_has_lost_nothing(
    counting: Counting, moved: MovedClock, small_batches: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    street = counting.street
    for hard in (SIMPLE, MEDIUM, HARD, SIMPLE, MEDIUM, HARD, SIMPLE):
        await street.triaged(hard, category="parking")
        moved.forward(timedelta(hours=7))
    moved.forward(timedelta(days=60))
    # A turn that is over after every batch.
    monkeypatch.setattr(jobs, "_TURN_S", -1.0)
    turns = 0
    while (await counting.progress() or {"frozen_through": None})["frozen_through"] is None or turns < 20:
        turns += 1
        assert turns < 90
        await counting.turn()
    monkeypatch.setattr(jobs, "_TURN_S", 60.0)
    await counting.turn()
    kept = await counting.rows()
    assert len(kept["case_facts"]) == 7
    assert await check_overdue(counting) == 7
    assert await counting.rebuilt() == kept


async def test_a_batch_that_was_overtaken_is_given_up_and_comes_again(
    counting: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    street = counting.street
    case = await street.filed()
    await counting.turn()
    await street.step(case, "accept", {}, by=street.grid_worker)
    lock = facts.lock_progress

    async def late(session: WriteSession) -> FactProgress | None:
        """Let another worker take a whole turn between our snapshot and our lock."""
        monkeypatch.setattr(jobs, "lock_progress", lock)
        await session.execute(text("SELECT 1"))
        await counting.turn()
        return await lock(session)

    monkeypatch.setattr(jobs, "lock_progress", late)
    before = await counting.progress()
    assert await jobs._one(counting.database, counting.tenant, service.read_steps, None) == jobs._BUSY
    assert (await counting.progress())["batches"] == before["batches"] + 1, "the other worker's"
    assert [one["state"] for one in (await counting.rows())["case_facts"]] == ["accepted"]
    await counting.turn()
    kept = await counting.rows()
    assert await counting.rebuilt() == kept


async def test_another_counting_of_transactions_is_noticed_and_nothing_is_missed(counting: Counting) -> None:
    street = counting.street
    case = await street.filed()
    await counting.turn()
    # As in a database that was restored: what was read up to means nothing here.
    await counting.owner.execute(
        "UPDATE intake.fact_progress SET lower_xid = '9000000000'::xid8 WHERE tenant_id = $1", counting.tenant
    )
    await street.step(case, "accept", {}, by=street.grid_worker)
    await counting.turn()
    assert [one["state"] for one in (await counting.rows())["case_facts"]] == ["filed"]
    await counting.owner.fetchval("SELECT nextval('intake.sync_epoch')")
    await counting.turn()
    assert [one["state"] for one in (await counting.rows())["case_facts"]] == ["accepted"]
    assert (await counting.progress())["lower_xid"] < 9_000_000_000
