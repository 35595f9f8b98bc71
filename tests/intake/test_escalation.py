"""The ladder: every rung once, whoever looks, however many look at once, and whatever fails beside it."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from services.intake.calendar.rules import DEFAULT_HOURS, WorkCalendar
from services.intake.cases.locking import lock_case
from services.intake.clocks import repository as clocks
from services.intake.escalation import jobs, service
from services.intake.escalation.jobs import climb_ladders
from services.intake.escalation.rules import above
from shared.auth import Role
from shared.clock import utc_now
from shared.db import Database
from shared.testing import TestServers
from tests.intake.conftest import GRID, MEDIUM, SIMPLE, MovedClock, Street
from tests.sizes import IS_LONG

PLAIN = WorkCalendar(DEFAULT_HOURS, {})
MINUTE = timedelta(minutes=1)


def ladder(clock: str, *rungs: tuple[int, int, bool]) -> dict[str, Any]:
    """Return a ladder of rungs: after how many minutes, how far up, and whether an order is written."""
    return {
        "clock": clock,
        "rungs": [
            {"after_minutes": after, "roles": ["secretary"], "up": up, "supervise": orders}
            for after, up, orders in rungs
        ],
    }


async def sweep(database: Database, street: Street) -> None:
    await climb_ladders(database, street.caller.tenant, utc_now())


async def sweep_all(database: Database, street: Street) -> None:
    """Sweep as often as there may be rungs."""
    for _ in range(6):
        await sweep(database, street)


async def rungs(street: Street, case: dict[str, Any]) -> list[tuple[str, int, int]]:
    """Return the clock, the run and the rung of what a case has climbed."""
    return [(one["clock"], one["run"], one["rung"]) for one in (await street.clocks(case))["rungs"]]


async def orders(street: Street, case: dict[str, Any]) -> list[dict[str, Any]]:
    answer = await street.get("/v1/supervision-orders", by=street.officer, case_id=case["id"])
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


def to(moved: MovedClock, moment: datetime) -> None:
    moved.forward(max(timedelta(0), moment - utc_now()) + timedelta(seconds=1))


@pytest.fixture
def intake(databases: dict[str, Database]) -> Database:
    return databases["intake"]


async def test_warned_at_eighty_percent_and_told_further_up_each_time(
    street: Street, intake: Database, moved: MovedClock
) -> None:
    case = await street.step(await street.filed(), "accept", {}, by=street.grid_worker)
    case = await street.step(case, "reply", {"note": "收到"}, by=street.grid_worker)
    resolve = next(one for one in case["clocks"] if one["clock"] == "resolve")
    start, due = (datetime.fromisoformat(text) for text in (case["updated_at"], resolve["due_at"]))
    # Counted from when it started, which was a moment before.
    start = datetime.fromisoformat((await street.clocks(case))["intervals"][-1]["started_at"])
    to(moved, PLAIN.add(start, 1_679 * MINUTE))
    await sweep_all(intake, street)
    assert await rungs(street, case) == []
    expected: list[tuple[str, int, int]] = []
    places = [GRID, "county.north.c1", "county.north", "county"]
    moments = [PLAIN.add(start, 1_680 * MINUTE), due, PLAIN.add(due, 420 * MINUTE), PLAIN.add(due, 1_260 * MINUTE)]
    for rung, moment in enumerate(moments):
        to(moved, moment)
        await sweep_all(intake, street)
        expected.append(("resolve", 1, rung))
        assert await rungs(street, case) == expected
        told = (await street.clocks(case))["rungs"][-1]
        assert (datetime.fromisoformat(told["due_at"]), told["told_path"]) == (moment, places[rung])
        escalated = [step for step in await street.history(case) if step["step"] == "escalate"]
        assert [(step["data"]["rung"], step["data"]["told_path"]) for step in escalated] == [
            (number, places[number]) for number in range(1, rung + 1)
        ]
        assert len(await orders(street, case)) == (rung == 3)
    moved.forward(timedelta(days=60))
    await sweep_all(intake, street)
    assert await rungs(street, case) == expected
    (order,) = await orders(street, case)
    assert (order["cause"], order["unit_id"], order["issued_by"], order["state"]) == (
        "overdue",
        None,
        "system",
        "issued",
    )
    assert order["demand_zh"]
    assert order["demand_en"]
    assert (await street.clocks(case))["recounted"] == "equal"


async def test_the_order_of_an_overdue_case_goes_to_the_unit_that_has_it(
    street: Street, intake: Database, moved: MovedClock
) -> None:
    await street.handle(ladders=[ladder("resolve", (0, 1, True))])
    case = await street.claimed()
    moved.forward(timedelta(days=120))
    await sweep_all(intake, street)
    (order,) = await orders(street, case)
    assert order["unit_id"] == str(street.works)
    seen = await street.get("/v1/supervision-orders", by=street.works_clerk)
    assert [item["id"] for item in seen.json()["items"]] == [order["id"]]


def test_above_the_top_of_the_tree_is_the_top() -> None:
    assert [above(GRID, levels) for levels in range(6)] == [
        GRID,
        "county.north.c1",
        "county.north",
        "county",
        "county",
        "county",
    ]


@asynccontextmanager
async def poisoned(owner: Any, tenant: str, case_ids: list[str]) -> AsyncIterator[None]:
    """Let no rung of some cases be written."""
    name = f"poison_{tenant}"
    listed = ", ".join(f"'{UUID(case_id)}'" for case_id in case_ids)
    await owner.execute(
        f"CREATE FUNCTION public.{name}() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'poisoned'; END $$;"
        f"CREATE TRIGGER {name} BEFORE INSERT ON intake.escalations FOR EACH ROW"
        f" WHEN (NEW.tenant_id = '{tenant}' AND NEW.case_id IN ({listed})) EXECUTE FUNCTION public.{name}()"
    )
    try:
        yield
    finally:
        await owner.execute(f"DROP FUNCTION public.{name}() CASCADE")


# Beside twenty that are assigned.
FILED = 280 if IS_LONG else 80


async def climbed(owner: Any, tenant: str) -> Counter[str]:
    rows = await owner.fetch("SELECT case_id FROM intake.escalations WHERE tenant_id = $1", tenant)
    return Counter(str(row["case_id"]) for row in rows)


async def test_four_workers_climb_each_rung_of_many_cases_once_beside_a_poisoned_head(
    street: Street, servers: TestServers, owner: Any, moved: MovedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = street.caller.tenant
    # More cases than are taken at once, as it is with two hundred and LINLI_HYPOTHESIS=long.
    monkeypatch.setattr(jobs, "_AT_ONCE", (FILED + 20) * 2 // 3)
    await street.handle(ladders=[ladder("accept", (0, 1, False), (60, 2, True)), ladder("resolve", (0, 1, True))])
    ids = [(await street.filed())["id"] for _ in range(FILED)]
    for _ in range(20):
        case = await street.triaged(MEDIUM)
        case = await street.step(case, "assign", {"unit_id": str(street.works)}, by=street.officer)
        ids.append(case["id"])
    head = ids[:20]
    moved.forward(timedelta(days=90))
    workers = [Database(servers.role_url("intake"), schema="intake", pool_size=2) for _ in range(4)]

    async def round_() -> None:
        await asyncio.gather(*(climb_ladders(worker, tenant, utc_now()) for worker in workers))

    try:
        async with poisoned(owner, tenant, head):
            await round_()
            first = await climbed(owner, tenant)
            assert set(first) == set(ids[20:]), "whoever stands behind those that fail is served in the same round"
            for _ in range(5):
                await round_()
        assert not set(head) & set(await climbed(owner, tenant))
        moved.forward(timedelta(hours=2))
        for _ in range(5):
            await round_()
    finally:
        for worker in workers:
            await worker.close()
    rows = await owner.fetch(
        "SELECT case_id, clock, run, rung, fired_at >= due_at AS due FROM intake.escalations WHERE tenant_id = $1",
        tenant,
    )
    # Of a filed one: the acceptance (warning, two rungs) and the first reply (a warning). Of an assigned one: the first
    # reply and the solution (warning and rung).
    filed = {("accept", 1, 0), ("accept", 1, 1), ("accept", 1, 2), ("first_reply", 1, 0)}
    assigned = {("first_reply", 1, 0), ("resolve", 1, 0), ("resolve", 1, 1)}
    expected = {(case_id, *rung) for case_id in ids[:FILED] for rung in filed}
    expected |= {(case_id, *rung) for case_id in ids[FILED:] for rung in assigned}
    assert {(str(row["case_id"]), row["clock"], row["run"], row["rung"]) for row in rows} == expected
    assert all(row["due"] for row in rows)
    told = await owner.fetch(
        "SELECT case_id, data->>'clock' AS clock, (data->>'rung')::int AS rung, count(*) AS n FROM intake.case_steps"
        " WHERE tenant_id = $1 AND step = 'escalate' GROUP BY 1, 2, 3",
        tenant,
    )
    assert {(str(row["case_id"]), row["clock"], 1, row["rung"]) for row in told} == {one for one in expected if one[3]}
    assert {row["n"] for row in told} == {1}
    written = await owner.fetch("SELECT case_id FROM intake.supervision_orders WHERE tenant_id = $1", tenant)
    assert Counter(str(row["case_id"]) for row in written) == dict.fromkeys(ids, 1)
    waiting = await owner.fetchval(
        "SELECT count(*) FROM intake.clock_intervals WHERE tenant_id = $1 AND next_at <= $2", tenant, utc_now()
    )
    assert waiting == 0
    print(f"{len(ids)} cases, {len(head)} of them poisoned at first, 4 workers: {len(rows)} rungs, each once")


async def test_a_rung_waits_for_whoever_is_at_the_case(street: Street, intake: Database, moved: MovedClock) -> None:
    case, other = await street.filed(), await street.filed()
    moved.forward(timedelta(days=90))
    async with intake.write(street.caller.tenant) as session:
        assert await lock_case(session, None, UUID(case["id"])) is not None
        await asyncio.wait_for(sweep_all(intake, street), timeout=10)
        assert await rungs(street, case) == []
    assert len(await rungs(street, other)) == 8
    await sweep_all(intake, street)
    assert len(await rungs(street, case)) == 8


async def test_what_failed_is_put_off_longer_each_time_and_the_next_rung_keeps_its_own_time(
    street: Street, intake: Database, owner: Any, moved: MovedClock
) -> None:
    tenant = street.caller.tenant
    case = await street.step(await street.filed(), "accept", {}, by=street.grid_worker)
    case = await street.step(case, "reply", {"note": "x"}, by=street.grid_worker)
    due = datetime.fromisoformat(next(one["due_at"] for one in case["clocks"] if one["clock"] == "resolve"))
    to(moved, due - MINUTE)
    async with intake.read(tenant) as reading:
        (seen,) = await clocks.due_intervals(reading, utc_now(), after=None, limit=5)
    waits = []
    async with poisoned(owner, tenant, [case["id"]]):
        for _ in range(4):
            await sweep(intake, street)
            next_at = await owner.fetchval(
                "SELECT next_at FROM intake.clock_intervals WHERE case_id = $1 AND next_at IS NOT NULL", case["id"]
            )
            waits.append((next_at - utc_now()).total_seconds())
            to(moved, next_at)
    assert waits == sorted(waits)
    assert waits[-1] > 4 * waits[0]
    await sweep(intake, street)
    assert [rung for *_, rung in await rungs(street, case)][:1] == [0]
    # A worker that failed earlier puts off only what it has seen fail.
    before = await owner.fetchrow(
        "SELECT rung, next_at FROM intake.clock_intervals WHERE case_id = $1 AND rung > 0", case["id"]
    )
    async with intake.write(tenant) as session:
        await service.put_off(session, seen)
    after = await owner.fetchrow(
        "SELECT rung, next_at FROM intake.clock_intervals WHERE case_id = $1 AND rung > 0", case["id"]
    )
    assert tuple(after) == tuple(before)


async def test_a_ladder_that_became_shorter_ends_where_it_ends(
    street: Street, intake: Database, owner: Any, moved: MovedClock
) -> None:
    case = await street.filed()
    case = await street.step(case, "reply", {"note": "x"}, by=street.grid_worker)
    due = datetime.fromisoformat(next(one["due_at"] for one in case["clocks"] if one["clock"] == "accept"))
    to(moved, due)
    await sweep_all(intake, street)
    assert await rungs(street, case) == [("accept", 1, 0), ("accept", 1, 1)]
    await street.handle(ladders=[ladder("accept", (0, 1, False))])
    moved.forward(timedelta(days=60))
    await sweep_all(intake, street)
    assert await rungs(street, case) == [("accept", 1, 0), ("accept", 1, 1)]
    waiting = await owner.fetchval(
        "SELECT count(*) FROM intake.clock_intervals WHERE case_id = $1 AND next_at IS NOT NULL", case["id"]
    )
    assert waiting == 0


async def test_an_accepted_case_is_no_longer_told_of_its_acceptance(
    street: Street, intake: Database, moved: MovedClock
) -> None:
    case = await street.step(await street.filed(), "accept", {}, by=street.grid_worker)
    moved.forward(timedelta(days=90))
    await sweep_all(intake, street)
    assert {clock for clock, *_ in await rungs(street, case)} == {"first_reply", "resolve"}
    # Opened again it has a clock of its own, with rungs of its own.
    case = await street.step(await street.read(case), "triage", SIMPLE, by=street.grid_worker)
    case = await street.mended(case, by=street.grid_worker)
    case = await street.step(case, "feedback", {"answer": "not_solved"}, by=street.owner)
    moved.forward(timedelta(days=90))
    await sweep_all(intake, street)
    again = [rung for clock, run, rung in await rungs(street, case) if (clock, run) == ("resolve", 2)]
    assert again == [0, 1, 2, 3]


@pytest.mark.parametrize("voice", ["nobody", "neighbour", "against"])
async def test_silence_closes_after_seven_days(street: Street, intake: Database, moved: MovedClock, voice: str) -> None:
    case = await street.claimed()
    (joiner,) = await street.joined(case, 1)
    case = await street.mended(await street.read(case), by=street.works_clerk)
    if voice != "nobody":
        answer = {"answer": "solved" if voice == "neighbour" else "not_solved"}
        assert (await street.post(f"/v1/cases/{case['id']}/confirm", answer, by=joiner)).status_code == 200
    moved.forward(timedelta(days=7) - MINUTE)
    await sweep_all(intake, street)
    assert (await street.read(case))["state"] == "resolved"
    moved.forward(MINUTE)
    await sweep_all(intake, street)
    case = await street.read(case)
    assert (case["state"], case["outcome"]) == ("closed", "confirmed" if voice == "neighbour" else "no_answer")
    assert (await street.history(case))[-1]["step"] == "silence"
    assert (await street.history(case))[-1]["actor"] == "system"
    assert {clock["state"] for clock in case["clocks"]} == {"stopped"}
    assert (await street.clocks(case))["recounted"] == "equal"
    assert [item["action"] for item in case["next_actions"] if item["allowed"]] == ["reopen"]


async def test_who_may_not_see_a_case_is_not_told_of_its_rungs(street: Street, intake: Database) -> None:
    case = await street.filed()
    stranger = street.holding(Role.OFFICER, "county.south")
    assert (await street.get(f"/v1/cases/{case['id']}/clocks", by=stranger)).status_code == 404
    await sweep(intake, street)
    assert await rungs(street, case) == []
