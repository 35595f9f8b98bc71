"""Leases and promises: a lease stands still with the clock of its case, and a promise that is not kept is told once."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest

from services.intake.calendar.rules import DEFAULT_HOURS, WorkCalendar
from services.intake.claims.jobs import return_lapsed_claims, tell_of_overdue_claims
from services.intake.escalation.jobs import climb_ladders
from shared.clock import utc_now
from shared.db import Database
from shared.testing import TestServers
from tests.intake.conftest import MEDIUM, Headers, MovedClock, Street
from tests.intake.test_notifications import kinds

PLAIN = WorkCalendar(DEFAULT_HOURS, {})


@pytest.fixture
def intake(databases: dict[str, Database]) -> Database:
    return databases["intake"]


async def held(street: Street) -> dict[str, Any]:
    return await street.given_to(await street.triaged(MEDIUM), street.works, by=street.works_clerk)


async def claim_of(street: Street, case: dict[str, Any]) -> dict[str, Any]:
    (claim,) = (await street.get(f"/v1/cases/{case['id']}/claims")).json()["claims"]
    found: dict[str, Any] = claim
    return found


def until(claim: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(claim["lease_until"])


async def lapse(database: Database, street: Street) -> None:
    await return_lapsed_claims(database, street.caller.tenant, utc_now())


@pytest.mark.parametrize("ends", ["by hand", "by itself"])
async def test_a_lease_stands_still_while_the_clock_does(
    street: Street, intake: Database, moved: MovedClock, ends: str
) -> None:
    case = await held(street)
    before = await claim_of(street, case)
    case = await street.step(case, "pause", {"reason": "weather"}, by=street.works_clerk)
    left = PLAIN.between(datetime.fromisoformat(case["updated_at"]), until(before))
    claim = await claim_of(street, case)
    assert abs(claim["lease_left_s"] - left.total_seconds()) <= 1
    # A word about the work does not end the standing still.
    case = await street.step(case, "progress", {"note": "等材料"}, by=street.works_clerk)
    moved.forward(until(before) - utc_now() + timedelta(days=1))
    await lapse(intake, street)
    case = await street.read(case)
    assert (case["state"], case["unit_id"]) == ("claimed", str(street.works))
    if ends == "by hand":
        case = await street.step(case, "resume", {}, by=street.works_clerk)
    else:
        moved.forward(timedelta(days=60))
        await climb_ladders(intake, street.caller.tenant, utc_now())
        case = await street.read(case)
    assert case["paused_reason"] is None
    claim = await claim_of(street, case)
    resumed = datetime.fromisoformat((await street.history(case))[-1]["at"])
    assert claim["lease_left_s"] is None
    assert abs(until(claim) - PLAIN.add(resumed, left)) <= timedelta(seconds=2)
    await lapse(intake, street)
    assert (await street.read(case))["state"] == "claimed"
    moved.forward(until(claim) - utc_now() + timedelta(seconds=1))
    await lapse(intake, street)
    assert (await street.read(case))["state"] == "triaged"


async def test_a_promise_that_is_not_kept_is_told_once(street: Street, servers: TestServers, moved: MovedClock) -> None:
    await street.handle(lease_minutes=100_000)
    late = [await held(street) for _ in range(4)]
    done = await street.mended(await held(street), by=street.works_clerk)
    waiting = await street.step(await held(street), "pause", {"reason": "weather"}, by=street.works_clerk)
    workers = [Database(servers.role_url("intake"), schema="intake", pool_size=2) for _ in range(4)]
    try:
        for days in (6, 2, 2):
            moved.forward(timedelta(days=days))
            for _ in range(2):
                await asyncio.gather(*(tell_of_overdue_claims(one, street.caller.tenant, utc_now()) for one in workers))
            missed = [(await claim_of(street, case))["overdue_at"] is not None for case in late]
            assert missed == [days < 6] * len(late)
    finally:
        for worker in workers:
            await worker.close()
    people: list[Headers] = [street.owner, street.works_clerk, street.officer]
    for by in people:
        assert (await kinds(street, by)).count("promise_missed") == len(late)
    for case in late:
        steps = [step["step"] for step in await street.history(case)]
        assert (steps.count("promise_missed"), (await street.read(case))["state"]) == (1, "claimed")
        assert (await street.clocks(case))["recounted"] == "equal"
    for case in (done, waiting):
        assert "promise_missed" not in {step["step"] for step in await street.history(case)}
