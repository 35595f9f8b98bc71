"""Records of fulfilment: written by what happens, counted once, questioned and answered."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.matching.partners.rules import WEIGHT_MAX, fulfilment_weight
from shared.auth import Role
from shared.clock import utc_now
from shared.db import Database
from tests.conftest import MovedClock
from tests.matching.bookings import House, at, settled
from tests.matching.conftest import Quarter, timed

numbers = st.integers(0, 10_000)


@given(numbers, numbers, numbers)
def test_a_weight_grows_with_what_is_kept_and_shrinks_with_what_is_not(kept: int, late: int, broken: int) -> None:
    weight = fulfilment_weight(kept=kept, late=late, broken=broken)
    assert 0 <= weight <= WEIGHT_MAX
    assert fulfilment_weight(kept=kept + 1, late=late, broken=broken) >= weight
    assert fulfilment_weight(kept=kept, late=late, broken=broken + 1) <= weight
    assert fulfilment_weight(kept=kept + 1, late=late, broken=broken) >= fulfilment_weight(
        kept=kept, late=late + 1, broken=broken
    )
    assert fulfilment_weight(kept=0, late=0, broken=0) == 800


async def _record(quarter: Quarter, partner: dict[str, Any]) -> tuple[int, int, int]:
    record = (await quarter.read(f"/v1/partners/{partner['id']}"))["record"]
    assert record["weight"] == fulfilment_weight(**{name: record[name] for name in ("kept", "late", "broken")})
    return record["kept"], record["late"], record["broken"]


async def test_who_took_it_says_how_it_ended_once(quarter: Quarter, moved: MovedClock) -> None:
    house = await House.built(quarter)
    taker = quarter.resident
    hold = await settled(quarter, (await house.book("left", at(1, 9), at(1, 10), by=taker)).json())
    path, body = f"/v1/offer-holds/{hold['id']}/report", {"outcome": "late", "note": "钥匙来晚了"}
    early = await quarter.post(path, body, by=taker, version=hold["version"])
    assert (early.status_code, early.json()["code"]) == (409, "not_over_yet")
    moved.forward(timedelta(days=2))
    assert (await quarter.post(path, body, by=quarter.staff_of("school"), version=hold["version"])).status_code == 403
    told = await quarter.made(path, body, by=taker, version=hold["version"])
    assert told["outcome"] == "late"
    again = await quarter.post(path, {"outcome": "broken"}, by=taker, version=told["version"])
    assert (again.status_code, again.json()["code"]) == (409, "already_reported")
    assert await _record(quarter, house.partner) == (0, 1, 0)


async def test_silence_means_that_it_was_kept(
    quarter: Quarter, databases: dict[str, Database], moved: MovedClock
) -> None:
    house = await House.built(quarter)
    await settled(quarter, await house.booked("left", at(1, 9), at(1, 10)))
    await house.booked("right", at(1, 9), at(1, 10))
    schedule = timed("note_kept_promises")
    for days, expected in ((2, 0), (3, 1), (3, 1)):
        moved.forward(timedelta(days=days))
        await schedule.run(databases["matching"], quarter.caller.tenant, utc_now())
        # What was only held was never promised.
        assert await _record(quarter, house.partner) == (expected, 0, 0)


async def test_whoever_calls_off_its_own_promise_has_broken_it(quarter: Quarter) -> None:
    house = await House.built(quarter)
    for day, by, broken in ((1, quarter.officer, 0), (2, quarter.staff_of("school"), 1)):
        hold = await settled(quarter, await house.booked("left", at(day, 9), at(day, 10)))
        path = f"/v1/offer-holds/{hold['id']}/release"
        await quarter.made(path, {"reason": "临时占用"}, by=by, version=hold["version"])
        assert await _record(quarter, house.partner) == (0, 0, broken)


@pytest.mark.parametrize(("due", "expected"), [("2030-01-31", (1, 0, 0)), ("2020-01-31", (0, 1, 0))])
async def test_a_project_in_time_is_a_promise_kept(quarter: Quarter, due: str, expected: tuple[int, int, int]) -> None:
    match = await quarter.match(self_confirming=True)
    accept = {"milestones": [{"title": "开班", "due_on": due}]}
    project = await quarter.made(f"/v1/matches/{match['id']}/accept", accept, version=1)
    milestone = project["milestones"][0]["id"]
    reach = f"/v1/projects/{project['id']}/milestones/{milestone}/reach"
    project = await quarter.made(reach, {"proof": "照片"}, version=project["version"])
    await quarter.made(f"/v1/projects/{project['id']}/complete", {"proof": "签到表"}, version=project["version"])
    offer = await quarter.read(f"/v1/offers/{match['offer_id']}")
    partner = await quarter.read(f"/v1/partners/{offer['partner_id']}")
    assert await _record(quarter, partner) == expected


async def test_an_entry_is_questioned_by_the_partner_and_answered_by_an_officer(quarter: Quarter) -> None:
    house = await House.built(quarter)
    staff = quarter.staff_of("school")
    for day in (1, 2):
        hold = await settled(quarter, await house.booked("left", at(day, 9), at(day, 10)))
        await quarter.made(f"/v1/offer-holds/{hold['id']}/release", {}, by=staff, version=hold["version"])
    path = f"/v1/partners/{house.partner['id']}/fulfilment"
    assert (await quarter.get(path, by=quarter.staff_of("club"))).status_code == 403
    second, first = (await quarter.read(path, by=staff))["items"]
    words = {"words": "水管爆裂，无法开放"}
    appeal = f"{path}/{first['id']}/appeal"
    assert (await quarter.post(appeal, words, by=quarter.officer, version=1)).json()["rule"] == "own_unit"
    appealed = await quarter.made(appeal, words, by=staff, version=1)
    assert (appealed["state"], appealed["appeal"]) == ("appealed", words["words"])
    assert await _record(quarter, house.partner) == (0, 0, 2)
    answer = {"decision": "strike", "words": "情况属实"}
    far = quarter.holding(Role.OFFICER, "d.y")
    assert (await quarter.post(f"{path}/{first['id']}/answer", answer, by=far, version=2)).status_code == 403
    struck = await quarter.made(f"{path}/{first['id']}/answer", answer, version=2)
    assert (struck["state"], struck["answer"]) == ("struck", "情况属实")
    assert await _record(quarter, house.partner) == (0, 0, 1)
    again = await quarter.post(f"{path}/{first['id']}/answer", answer, version=3)
    assert (again.status_code, again.json()["code"]) == (409, "wrong_state")
    await quarter.made(f"{path}/{second['id']}/appeal", words, by=staff, version=1)
    upheld = {"decision": "uphold", "words": "不属实"}
    assert (await quarter.made(f"{path}/{second['id']}/answer", upheld, version=2))["state"] == "upheld"
    assert await _record(quarter, house.partner) == (0, 0, 1)
    other = await quarter.partner("builder")
    stray = f"/v1/partners/{other['id']}/fulfilment/{first['id']}/answer"
    assert (await quarter.post(stray, answer, version=3)).status_code == 404
