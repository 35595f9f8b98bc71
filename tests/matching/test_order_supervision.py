"""Late orders become demands with an answer date, exactly once; and what the community counts."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st

from services.matching.order_figures.rules import Counts, rate_bp
from services.matching.order_supervision.jobs import supervise_orders
from services.matching.orders.rules import quarter_of
from shared.auth import Role
from shared.clock import utc_now
from shared.db import Database
from shared.ids import new_id
from tests.conftest import MovedClock
from tests.matching.conftest import Headers, Quarter
from tests.matching.ordering import Resident, Shop, open_shop

COUNTS = st.integers(0, 10_000)


@pytest_asyncio.fixture(loop_scope="session")
async def shop(quarter: Quarter, databases: dict[str, Database]) -> Shop:
    return await open_shop(quarter, databases)


async def supervise(shop: Shop) -> None:
    await supervise_orders(shop.databases["matching"], shop.quarter.caller.tenant, utc_now())


async def demands(shop: Shop, by: Headers | None = None, **filters: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await shop.quarter.read("/v1/order-demands", by=by, **filters))["items"]
    return found


async def test_a_late_order_is_escalated_exactly_once(shop: Shop, moved: MovedClock) -> None:
    resident = Resident(shop.quarter)
    order = await shop.accepted(resident.by)
    moved.forward(timedelta(days=2, hours=23))
    await supervise(shop)
    assert await demands(shop) == []
    moved.forward(timedelta(hours=1, minutes=1))
    await asyncio.gather(*(supervise(shop) for _ in range(5)))
    await supervise(shop)
    (demand,) = await demands(shop)
    assert (demand["cause"], demand["state"], demand["order_id"]) == ("late", "issued", order["id"])
    assert demand["unit_id"] == str(shop.quarter.units["school"])
    answer_in = datetime.fromisoformat(demand["due_at"]) - datetime.fromisoformat(demand["issued_at"])
    assert answer_in == timedelta(days=3)
    late = await shop.read(order, resident.by)
    assert (late["state"], late["late_at"] is not None) == ("accepted", True)
    history = await shop.quarter.read(f"/v1/orders/{order['id']}/history", by=resident.by)
    assert [step["step"] for step in history["items"]] == ["open", "place", "accept", "supervise"]
    assert (await shop.notices()).count("order_supervised") == 1
    await shop.took(order, "deliver", {"proof": "迟到但已完成"}, by=shop.staff)
    record = (await shop.quarter.read(f"/v1/partners/{shop.partner['id']}"))["record"]
    assert (record["kept"], record["late"], record["broken"]) == (0, 1, 0)
    moved.forward(timedelta(days=1))
    await supervise(shop)
    assert len(await demands(shop)) == 1


async def test_a_demand_is_answered_returned_answered_better_and_accepted(shop: Shop) -> None:
    order = await shop.accepted(Resident(shop.quarter).by)
    body = {"id": str(new_id()), "demand": "请说明配件到货时间", "minutes": 60}
    path = f"/v1/orders/{order['id']}/demands"
    made = await shop.quarter.post(path, body)
    assert made.status_code == 201, made.text
    assert (await shop.quarter.post(path, body)).status_code == 200
    other = await shop.quarter.post(path, {**body, "demand": "别的"})
    assert (other.status_code, other.json()["code"]) == (409, "id_taken")
    one = made.headers["location"]

    async def take(step: str, wanted: object, by: Headers) -> dict[str, Any]:
        version = (await shop.quarter.read(one))["version"]
        return await shop.quarter.made(f"{one}/{step}", wanted, by=by, version=version)

    answered = await take("answer", {"answer": "快了"}, shop.staff)
    assert (answered["state"], answered["answer"]) == ("answered", "快了")
    returned = await take("return", {"reason": "请给出日期", "minutes": 120}, shop.quarter.officer)
    assert (returned["state"], returned["returns"]) == ("issued", 1)
    await take("answer", {"answer": "周三上午到货"}, shop.staff)
    accepted = await take("accept", {}, shop.quarter.officer)
    assert accepted["state"] == "accepted"
    history = (await shop.quarter.read(f"{one}/history", by=shop.staff))["items"]
    assert [step["step"] for step in history] == ["issue", "answer", "return", "answer", "accept"]
    told = [kind for kind in await shop.notices() if kind.startswith("order_supervi")]
    assert told == [
        "order_supervised",
        "order_supervision_answered",
        "order_supervision_returned",
        "order_supervision_answered",
    ]


async def test_a_demand_that_nobody_answers_is_marked_once(shop: Shop, moved: MovedClock) -> None:
    order = await shop.accepted(Resident(shop.quarter).by)
    await shop.quarter.made(f"/v1/orders/{order['id']}/demands", {"demand": "请答复", "minutes": 30})
    moved.forward(timedelta(minutes=31))
    await asyncio.gather(*(supervise(shop) for _ in range(3)))
    (overdue,) = await demands(shop, overdue=True)
    assert overdue["state"] == "issued"
    assert (await shop.notices()).count("order_supervision_overdue") == 1


async def test_only_officers_of_the_area_supervise_and_never_their_own_unit(shop: Shop) -> None:
    order = await shop.accepted(Resident(shop.quarter).by)
    path, body = f"/v1/orders/{order['id']}/demands", {"demand": "请答复"}
    for role, where, status in (
        (Role.GRID_WORKER, "d.z.c1", 403),
        (Role.OFFICER, "d.y", 404),
        (Role.RESIDENT, "d.z.c1", 403),
    ):
        refused = await shop.quarter.post(path, body, by=shop.quarter.holding(role, where))
        assert refused.status_code == status
    grants = ((Role.OFFICER, "d"), (Role.UNIT_STAFF, "d", shop.quarter.units["school"]))
    own = await shop.quarter.post(path, body, by=shop.quarter.caller("matching", *grants))
    assert (own.status_code, own.json()["rule"]) == (403, "not_ones_own_service")
    demand = await shop.quarter.made(path, body)
    one = f"/v1/order-demands/{demand['id']}"
    stranger = shop.quarter.staff_of("club")
    assert (await shop.quarter.get(one, by=stranger)).status_code == 404
    assert await demands(shop, by=stranger) == []
    assert [item["id"] for item in await demands(shop, by=shop.staff)] == [demand["id"]]
    answer = await shop.quarter.post(f"{one}/answer", {"answer": "x"}, version=1)
    assert answer.status_code == 403


async def test_figures_count_by_quarter_area_and_partner(shop: Shop, moved: MovedClock) -> None:
    first, second = Resident(shop.quarter), Resident(shop.quarter)
    offer = await shop.repair()
    good = await shop.delivered(first.by, offer=offer)
    await shop.took(good, "rate", {"stars": 5}, by=first.by)
    bad = await shop.delivered(second.by, offer=offer, area="d.z.c2")
    await shop.took(bad, "rate", {"stars": 1, "words": "弄坏了", "complaint": True}, by=second.by)
    broken = await shop.accepted(first.by, offer)
    await shop.took(broken, "break-off", {"reason": "x"}, by=shop.staff)
    declined = await shop.order(offer, first.by)
    await shop.took(declined, "decline", {"reason": "x"}, by=shop.staff)
    late = await shop.accepted(first.by, offer)
    moved.forward(timedelta(days=3, minutes=1))
    await supervise(shop)
    await shop.took(late, "deliver", {"proof": "x"}, by=shop.staff)
    lines = (await shop.quarter.read("/v1/order-figures", by=first.by))["lines"]
    quarters = {line["quarter"] for line in lines}
    assert quarters == {quarter_of(datetime.fromisoformat(good["placed_at"]))}
    (line,) = lines
    counts = {name: line[name] for name in ("placed", "accepted", "delivered", "on_time", "late", "broken", "declined")}
    assert counts == {
        "placed": 5,
        "accepted": 4,
        "delivered": 3,
        "on_time": 2,
        "late": 1,
        "broken": 1,
        "declined": 1,
    }
    assert (line["rated"], line["stars"], line["complaints"]) == (2, 6, 1)
    assert (line["accepted_bp"], line["on_time_bp"], line["complaint_bp"]) == (8_000, 5_000, 3_333)
    areas = (await shop.quarter.read("/v1/order-figures", group_by="area"))["lines"]
    assert {item["area_id"]: item["complaints"] for item in areas} == {
        str(shop.quarter.areas["d.z.c1"]): 0,
        str(shop.quarter.areas["d.z.c2"]): 1,
    }
    both = (await shop.quarter.read("/v1/order-figures", group_by="area_and_partner"))["lines"]
    assert {item["partner_id"] for item in both} == {shop.partner["id"]}
    assert await shop.quarter.read("/v1/order-figures", first="2020-Q1", last="2020-Q4") == {"lines": []}
    assert (await shop.quarter.get("/v1/order-figures", first="2020-Q5")).status_code == 422


async def test_an_order_that_never_reached_its_partner_is_not_counted(shop: Shop) -> None:
    order = await shop.order(await shop.haircut(), Resident(shop.quarter).by)
    assert order["state"] == "pricing"
    assert (await shop.quarter.get("/v1/order-figures")).json() == {"lines": []}


@given(part=COUNTS, rest=COUNTS)
def test_a_rate_is_the_nearest_hundredth_of_a_percent(part: int, rest: int) -> None:
    whole = part + rest
    found = rate_bp(part, whole)
    if whole == 0:
        assert found is None
    else:
        assert found is not None
        assert abs(found * whole - part * 10_000) * 2 <= whole
        assert 0 <= found <= 10_000


@pytest.mark.parametrize(
    ("moment", "quarter"),
    [
        ("2026-12-31T15:59:59+00:00", "2026-Q4"),
        ("2026-12-31T16:00:00+00:00", "2027-Q1"),
        ("2026-06-30T16:00:00+00:00", "2026-Q3"),
    ],
)
def test_a_quarter_begins_at_midnight_in_china(moment: str, quarter: str) -> None:
    assert quarter_of(datetime.fromisoformat(moment)) == quarter


def test_rates_of_nothing_are_nothing() -> None:
    none = Counts(*([0] * 12))
    assert (none.accepted_bp, none.on_time_bp, none.complaint_bp) == (None, None, None)
