"""Series: a venue, its volunteers and its courses on one schedule, all together or not at all."""

from datetime import timedelta
from typing import Any

import pytest

from shared.clock import CHINA, utc_now
from shared.ids import new_id
from tests.conftest import MovedClock
from tests.matching.bookings import House
from tests.matching.conftest import Json, Quarter


def _day(ahead: int) -> str:
    return (utc_now().astimezone(CHINA).date() + timedelta(days=ahead)).isoformat()


class Corner:
    """A reading corner: a mall's room, a club's volunteers, a builder's courses with a daily capacity."""

    def __init__(self, quarter: Quarter, house: House, group: dict[str, Any], courses: dict[str, Any]) -> None:
        self.quarter, self.house, self.group, self.courses = quarter, house, group, courses

    def body(self, **members: Json) -> dict[str, Json]:
        return {
            "title": "读书角",
            "opening": {"rrule": "FREQ=DAILY;INTERVAL=7", "starts_on": _day(3), "opens": "16:30", "closes": "18:00"},
            "until": _day(24),
            "parts": [
                {"offer_id": self.house.venue["id"], "resource_id": self.house.rooms["left"]},
                {"offer_id": self.group["offer_id"], "resource_id": self.group["id"], "quantity": 2},
                {"offer_id": self.courses["id"]},
            ],
            **members,
        }


@pytest.fixture
async def corner(quarter: Quarter) -> Corner:
    house = await House.built(quarter)
    team = await quarter.offer(await quarter.partner("club"), kind="people", title="志愿者", quantity=3)
    group = await quarter.made(f"/v1/offers/{team['id']}/resources", {"name": "读书组", "units": 3})
    courses = await quarter.offer(await quarter.partner("builder"), capacity_per_day=1, title="绘本课")
    return Corner(quarter, house, group, courses)


async def test_everything_is_held_at_once_and_each_side_agrees_to_its_own(corner: Corner) -> None:
    quarter, taker = corner.quarter, corner.quarter.resident
    body = corner.body(id=str(new_id()))
    series = await quarter.made("/v1/booking-series", body, by=taker)
    assert len(series["holds"]) == 12
    assert {(hold["what"], hold["state"]) for hold in series["holds"]} == {("slot", "held"), ("day", "held")}
    assert (await quarter.post("/v1/booking-series", body, by=taker)).status_code == 200
    assert (await quarter.post("/v1/booking-series", {**body, "title": "x"}, by=taker)).json()["code"] == "id_taken"
    path = f"/v1/booking-series/{series['id']}"
    assert (await quarter.get(path, by=quarter.resident)).status_code == 403
    wrong = await quarter.post(f"{path}/confirm", {"side": "giver"}, by=taker, version=1)
    assert (wrong.status_code, wrong.json()["code"]) == (409, "nothing_to_confirm")
    await quarter.made(f"{path}/confirm", {"side": "taker"}, by=taker, version=1)
    for version, (unit, committed) in enumerate((("school", 4), ("club", 8), ("builder", 12)), start=2):
        seen = await quarter.made(f"{path}/confirm", {"side": "giver"}, by=quarter.staff_of(unit), version=version)
        assert sum(hold["state"] == "committed" for hold in seen["holds"]) == committed


async def test_one_time_that_is_taken_refuses_all_of_it(corner: Corner) -> None:
    quarter = corner.quarter
    day = f"{_day(10)}T17:00:00+08:00"
    await corner.house.booked("hall", day, f"{_day(10)}T19:00:00+08:00")
    refused = await quarter.post("/v1/booking-series", corner.body())
    problem = refused.json()
    assert (refused.status_code, problem["code"], problem["offer_id"]) == (409, "slot_taken", corner.house.venue["id"])
    assert problem["occurrence"].startswith(_day(10))
    for offer in (corner.house.venue["id"], corner.group["offer_id"], corner.courses["id"]):
        held = await quarter.read(f"/v1/offers/{offer}/holds")
        assert [hold["for_kind"] for hold in held["items"]] in ([], ["person"])


@pytest.mark.parametrize(
    ("change", "reason"),
    [({"until": "2020-01-01"}, "never"), ({"until": "2199-12-31"}, "too_often")],
)
async def test_a_series_takes_place_and_not_for_ever(corner: Corner, change: dict[str, Json], reason: str) -> None:
    response = await corner.quarter.post("/v1/booking-series", corner.body(**change))
    assert (response.status_code, response.json()["reason"]) == (422, reason)


async def test_calling_off_frees_what_has_not_begun(corner: Corner, moved: MovedClock) -> None:
    quarter, taker = corner.quarter, corner.quarter.resident
    series = await quarter.made("/v1/booking-series", corner.body(), by=taker)
    path = f"/v1/booking-series/{series['id']}"
    await quarter.made(f"{path}/confirm", {"side": "taker"}, by=taker, version=1)
    for version, unit in enumerate(("school", "club", "builder"), start=2):
        await quarter.made(f"{path}/confirm", {"side": "giver"}, by=quarter.staff_of(unit), version=version)
    moved.forward(timedelta(days=5))
    strange = await quarter.post(f"{path}/call-off", {}, by=quarter.staff_of("school"), version=5)
    assert (strange.status_code, strange.json()["rule"]) == (403, "taker_confirms")
    ended = await quarter.made(f"{path}/call-off", {"reason": "假期"}, by=taker, version=5)
    states = [hold["state"] for hold in ended["holds"]]
    assert (states.count("released"), states.count("committed")) == (9, 3)
