"""Recurring orders: each day becomes an order ahead of time; days are left out, and it all can be stopped."""

import asyncio
from datetime import date, timedelta
from typing import Any

import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st

from services.matching.order_series.jobs import plan_series
from services.matching.order_series.rules import days_of, is_over, slot_on
from shared.clock import today, utc_now
from shared.db import Database
from shared.ids import new_id
from tests.conftest import MovedClock
from tests.matching.conftest import Headers, Json, Quarter
from tests.matching.ordering import CONTACT, Resident, Shop, open_shop

DAYS = st.dates(date(2026, 1, 1), date(2026, 12, 31))


@pytest_asyncio.fixture(loop_scope="session")
async def shop(quarter: Quarter, databases: dict[str, Database]) -> Shop:
    return await open_shop(quarter, databases)


def body(shop: Shop, offer: dict[str, Any], **members: Json) -> dict[str, Any]:
    return {
        "offer_id": offer["id"],
        "area_id": str(shop.quarter.areas["d.z.c1"]),
        "rrule": "FREQ=DAILY",
        "starts_on": (today() + timedelta(days=1)).isoformat(),
        "starts_at": "11:30",
        "lasts_minutes": 60,
        **members,
    }


async def meals(shop: Shop, **members: Json) -> dict[str, Any]:
    """Meals from six yuan, a hundred a day."""
    named = {"category": "meals", "title": "助餐", "price_fen": 600, "capacity_per_day": 100}
    return await shop.repair(**{**named, **members})


async def made(shop: Shop, offer: dict[str, Any], by: Headers, **members: Json) -> dict[str, Any]:
    response = await shop.quarter.post("/v1/order-series", body(shop, offer, **members), by=by)
    assert response.status_code == 201, response.text
    series: dict[str, Any] = response.json()
    return series


async def occurrences(shop: Shop, series: dict[str, Any], by: Headers) -> dict[date, dict[str, Any]]:
    found = await shop.quarter.read(f"/v1/order-series/{series['id']}/occurrences", by=by, page_size=200)
    return {date.fromisoformat(item["day"]): item for item in found["items"]}


async def plan(shop: Shop) -> None:
    await plan_series(shop.databases["matching"], shop.quarter.caller.tenant, utc_now())


async def test_each_day_becomes_an_order_ahead_of_time_across_a_month_with_a_holiday_left_out(
    shop: Shop, moved: MovedClock
) -> None:
    offer, resident = await meals(shop), Resident(shop.quarter)
    first = today() + timedelta(days=1)
    holiday = first + timedelta(days=20)
    series = await made(shop, offer, resident.by, contact=CONTACT, skip_on=[holiday.isoformat()])
    assert series["number"] == f"R-{utc_now().year}-000001"
    assert series["planned_through"] == (today() + timedelta(days=14)).isoformat()
    dealt = await occurrences(shop, series, resident.by)
    assert list(dealt) == [first + timedelta(days=number) for number in range(14)]
    order = await shop.quarter.read(f"/v1/orders/{dealt[first]['order_id']}", by=resident.by)
    assert (order["state"], order["series_id"], order["price_fen"]) == ("placed", series["id"], 600)
    assert (order["starts_at"], order["has_contact"]) == (f"{first.isoformat()}T03:30:00Z", True)
    for _ in range(18):
        moved.forward(timedelta(days=1))
        await plan(shop)
        await plan(shop)
    dealt = await occurrences(shop, series, resident.by)
    days = [first + timedelta(days=number) for number in range(32)]
    assert list(dealt) == [day for day in days if day != holiday]
    assert {item["state"] for item in dealt.values()} == {"ordered"}
    orders = await shop.rows("SELECT count(*), count(DISTINCT starts_at) FROM matching.orders")
    assert orders == [(31, 31)]


async def test_public_holidays_are_left_out_when_that_is_wanted() -> None:
    first, last = date(2026, 9, 28), date(2026, 10, 10)
    every = days_of("FREQ=DAILY", first, first, last, skips=[], without_holidays=False)
    worked = days_of("FREQ=DAILY", first, first, last, skips=[], without_holidays=True)
    assert set(every) - set(worked) == {date(2026, 10, day) for day in range(1, 8)}


async def test_a_day_is_left_out_and_its_order_cancelled(shop: Shop) -> None:
    offer, resident = await meals(shop), Resident(shop.quarter)
    series = await made(shop, offer, resident.by)
    path = f"/v1/order-series/{series['id']}/skip"
    day = today() + timedelta(days=3)
    assert (await shop.quarter.post(path, {"day": day.isoformat()}, by=resident.by)).status_code == 428
    skipped = await shop.quarter.made(path, {"day": day.isoformat()}, by=resident.by, version=series["version"])
    assert skipped["skip_on"] == [day.isoformat()]
    dealt = (await occurrences(shop, series, resident.by))[day]
    assert dealt["state"] == "skipped"
    order = await shop.quarter.read(f"/v1/orders/{dealt['order_id']}", by=resident.by)
    assert order["state"] == "cancelled"
    for wrong in (day, today() - timedelta(days=1), today()):
        refused = await shop.quarter.post(path, {"day": wrong.isoformat()}, by=resident.by, version=skipped["version"])
        assert (refused.status_code, refused.json()["code"]) == (422, "no_occurrence")
    later = (today() + timedelta(days=40)).isoformat()
    ahead = await shop.quarter.made(path, {"day": later}, by=resident.by, version=skipped["version"])
    assert ahead["skip_on"] == [day.isoformat(), later]


async def test_stopping_cancels_what_has_not_begun_and_orders_nothing_more(shop: Shop, moved: MovedClock) -> None:
    offer, resident = await meals(shop), Resident(shop.quarter)
    series = await made(shop, offer, resident.by)
    first = min(await occurrences(shop, series, resident.by))
    order_id = (await occurrences(shop, series, resident.by))[first]["order_id"]
    order = await shop.quarter.read(f"/v1/orders/{order_id}", by=shop.staff)
    await shop.took(order, "accept", {}, by=shop.staff)
    moved.forward(timedelta(days=1, hours=20))
    path = f"/v1/order-series/{series['id']}/stop"
    for by in (shop.staff, Resident(shop.quarter).by):
        assert (await shop.quarter.post(path, by=by, version=series["version"])).status_code == 404
    stopped = await shop.quarter.made(path, None, by=resident.by, version=series["version"])
    assert stopped["state"] == "stopped"
    states = await shop.rows("SELECT state, count(*) FROM matching.orders GROUP BY state ORDER BY state")
    begun = [count for state, count in states if state != "cancelled"]
    assert sum(begun) in {1, 2}, "what has begun stays as it is"
    moved.forward(timedelta(days=10))
    await plan(shop)
    assert (await shop.rows("SELECT count(*) FROM matching.orders"))[0][0] == 14
    again = await shop.quarter.post(path, by=resident.by, version=stopped["version"])
    assert (again.status_code, again.json()["code"]) == (409, "wrong_state")


async def test_a_day_that_cannot_be_booked_is_told_and_keeps_no_other_from_it(shop: Shop) -> None:
    offer, resident = await meals(shop, capacity_per_day=1), Resident(shop.quarter)
    taken = today() + timedelta(days=2)
    starts_at, ends_at = slot_on(taken, utc_now().time().replace(hour=9, minute=0), 60)
    slot = {"starts_at": starts_at.isoformat(), "ends_at": ends_at.isoformat()}
    await shop.order(offer, Resident(shop.quarter).by, slot=slot)
    series = await made(shop, offer, resident.by)
    dealt = await occurrences(shop, series, resident.by)
    assert (dealt[taken]["state"], dealt[taken]["reason"], dealt[taken]["order_id"]) == ("failed", "day_full", None)
    assert [item["state"] for day, item in dealt.items() if day != taken] == ["ordered"] * 13
    assert (await shop.notices()).count("order_not_repeated") == 1


async def test_a_rule_that_is_over_ends(shop: Shop) -> None:
    offer, resident = await meals(shop), Resident(shop.quarter)
    series = await made(shop, offer, resident.by, rrule="FREQ=DAILY;COUNT=3")
    assert (series["state"], len(await occurrences(shop, series, resident.by))) == ("ended", 3)


async def test_a_recurring_order_sent_twice_is_one(shop: Shop) -> None:
    offer, resident, chosen = await meals(shop), Resident(shop.quarter), str(new_id())
    wanted = body(shop, offer, id=chosen)
    answers = [await shop.quarter.post("/v1/order-series", wanted, by=resident.by) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 200]
    other = await shop.quarter.post("/v1/order-series", {**wanted, "quantity": 2}, by=resident.by)
    assert (other.status_code, other.json()["code"]) == (409, "id_taken")
    assert (await shop.rows("SELECT count(*) FROM matching.orders"))[0][0] == 14


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"rrule": "FREQ=HOURLY"}, "invalid_request"),
        ({"rrule": "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"}, "invalid_request"),
        ({"starts_at": "25:00"}, "invalid_request"),
        ({"starts_on": "2026-02-30"}, "invalid_request"),
        ({"lasts_minutes": 0}, "invalid_request"),
        ({"skip_on": ["tomorrow"]}, "invalid_request"),
        ({"offer_id": "00000000-0000-7000-8000-000000000000"}, "unknown_offer"),
        ({"until": "2026-12-31"}, "invalid_request"),
    ],
)
async def test_a_wrong_recurrence_is_refused(shop: Shop, change: dict[str, Json], code: str) -> None:
    offer, resident = await meals(shop), Resident(shop.quarter)
    response = await shop.quarter.post("/v1/order-series", body(shop, offer, **change), by=resident.by)
    assert (response.status_code, response.json()["code"]) == (422, code), response.text
    assert (await shop.quarter.read("/v1/order-series", by=resident.by))["items"] == []


@given(
    start=DAYS,
    interval=st.integers(1, 30),
    length=st.integers(0, 120),
    skips=st.lists(DAYS, max_size=5),
)
def test_days_are_those_of_the_rule_without_those_left_out(
    start: date, interval: int, length: int, skips: list[date]
) -> None:
    last = start + timedelta(days=length)
    found = days_of(f"FREQ=DAILY;INTERVAL={interval}", start, start, last, skips=skips, without_holidays=False)
    expected = [start + timedelta(days=number) for number in range(0, length + 1, interval)]
    assert found == [day for day in expected if day not in skips]


@given(start=DAYS, count=st.integers(1, 60), seen=st.integers(0, 70))
def test_a_counted_rule_is_over_when_all_its_days_are(start: date, count: int, seen: int) -> None:
    through = start + timedelta(days=seen - 1)
    assert is_over(f"FREQ=DAILY;COUNT={count}", start, through) == (seen >= count)


async def test_recurring_and_single_orders_at_once_do_not_wait_for_each_other_in_a_circle(shop: Shop) -> None:
    offer = await meals(shop, capacity_per_day=1_000)
    people = [Resident(shop.quarter) for _ in range(12)]
    slot = {"starts_at": slot_on(today() + timedelta(days=1), utc_now().time(), 30)[0].isoformat()}
    slot["ends_at"] = slot_on(today() + timedelta(days=1), utc_now().time(), 60)[1].isoformat()
    rule = "FREQ=DAILY;COUNT=3"
    recurring = [
        shop.quarter.post("/v1/order-series", body(shop, offer, rrule=rule), by=person.by) for person in people[:6]
    ]
    single = [shop.send(offer, person.by, slot=slot) for person in people[6:]]
    answers = await asyncio.gather(*recurring, *single)
    assert [answer.status_code for answer in answers] == [201] * 12
    numbers = await shop.rows("SELECT number FROM matching.orders UNION SELECT number FROM matching.order_series")
    assert len(numbers) == 6 * 3 + 6 + 6
