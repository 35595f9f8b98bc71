"""Credentials: sealed, shown masked, seen in the clear only for a purpose, and told before they run out."""

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from services.matching.credentials.rules import TOLD_AT_DAYS, due_notice, masked
from services.matching.jobs import schedules
from shared.clock import today, utc_now
from shared.db import Database
from shared.ids import new_id
from tests.conftest import MovedClock
from tests.matching.conftest import Json, Quarter

NUMBER = "JY13702020012345"


def body(**members: Json) -> dict[str, Json]:
    return {"name": "食品经营许可证", "number": NUMBER, "issuer": "市场监管局", **members}


async def _asked(database: Database, quarter: Quarter, statement: str) -> list[Any]:
    async with database.read(quarter.caller.tenant) as session:
        return list(await session.scalars(text(statement), {"tenant": quarter.caller.tenant}))


async def test_a_number_is_sealed_and_seen_only_for_a_purpose(quarter: Quarter, databases: dict[str, Database]) -> None:
    partner, staff = await quarter.partner(), quarter.staff_of("school")
    path = f"/v1/partners/{partner['id']}/credentials"
    made = await quarter.made(path, body(valid_until="2099-12-31"), by=staff)
    assert (made["number"], made["is_valid"]) == ("****2345", True)
    assert [one["number"] for one in (await quarter.get(path, by=staff)).json()] == ["****2345"]
    one = f"{path}/{made['id']}"
    assert (await quarter.read(one))["number"] == "****2345"
    assert (await quarter.read(one, purpose="核对许可证"))["number"] == NUMBER
    statement = "SELECT purpose FROM matching.credential_views WHERE tenant_id = :tenant"
    assert await _asked(databases["matching"], quarter, statement) == ["核对许可证"]
    sealed = await _asked(
        databases["matching"], quarter, "SELECT number_sealed FROM matching.credentials WHERE tenant_id = :tenant"
    )
    assert NUMBER.encode() not in bytes(sealed[0])
    for stranger in (quarter.staff_of("club"), quarter.resident):
        assert (await quarter.get(path, by=stranger)).status_code == 403
        assert (await quarter.get(one, by=stranger, purpose="好奇")).status_code == 403


async def test_one_number_is_registered_once_until_it_is_withdrawn(quarter: Quarter, elsewhere: Quarter) -> None:
    partner = await quarter.partner()
    path, wanted = f"/v1/partners/{partner['id']}/credentials", body(id=str(new_id()))
    made = await quarter.made(path, wanted)
    assert (await quarter.post(path, wanted)).status_code == 200
    assert (await quarter.post(path, {**wanted, "issuer": "x"})).json()["code"] == "id_taken"
    assert (await quarter.post(path, body())).json()["code"] == "credential_known"
    off = f"{path}/{made['id']}/withdraw"
    assert (await elsewhere.post(off, version=1)).status_code == 404
    assert (await quarter.post(off)).status_code == 428
    gone = await quarter.made(off, None, version=1)
    assert (gone["is_valid"], gone["withdrawn_at"] is not None) == (False, True)
    assert (await quarter.post(off, version=2)).json()["code"] == "already_withdrawn"
    assert (await quarter.post(path, body())).status_code == 201
    wrong = body(number="x", valid_from="2030-01-02", valid_until="2030-01-01")
    assert (await quarter.post(path, wrong)).json()["code"] == "ends_before_it_begins"


async def test_running_out_is_told_a_month_a_week_and_no_day_ahead(
    quarter: Quarter, databases: dict[str, Database], moved: MovedClock
) -> None:
    partner = await quarter.partner()
    until = (today() + timedelta(days=40)).isoformat()
    await quarter.made(f"/v1/partners/{partner['id']}/credentials", body(valid_until=until))
    schedule = next(one for one in schedules if one.name == "tell_expiring_credentials")
    marked = []
    for days in (0, 11, 1, 22, 7, 30):
        moved.forward(timedelta(days=days))
        await schedule.run(databases["matching"], quarter.caller.tenant, utc_now())
        statement = "SELECT told_days FROM matching.credentials WHERE tenant_id = :tenant"
        marked += await _asked(databases["matching"], quarter, statement)
    assert marked == [None, 30, 30, 7, 0, 0]


@given(st.dates(date(2026, 1, 1), date(2026, 12, 31)), st.lists(st.integers(0, 20), min_size=1, max_size=30))
def test_each_notice_is_given_once_and_the_nearest_counts(until: date, steps: list[int]) -> None:
    now, told, given_at = until - timedelta(days=60), None, []
    for step in steps:
        now += timedelta(days=step)
        due = due_notice(until, told, now)
        if due is not None:
            assert (until - now).days <= due
            assert told is None or due < told
            given_at.append(due)
            told = due
        assert due_notice(until, told, now) is None
    assert len(given_at) == len(set(given_at)) <= len(TOLD_AT_DAYS)
    if now >= until:
        assert given_at[-1] == 0


@pytest.mark.parametrize(("number", "shown"), [("12345678", "****"), ("123456789", "****6789"), ("x", "****")])
def test_a_short_number_is_not_shown_at_all(number: str, shown: str) -> None:
    assert masked(number) == shown
