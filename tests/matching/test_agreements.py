"""Space for service: a room against promised hours, with both sides counted."""

from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from services.matching.agreements.rules import balance_of
from shared.auth import Role
from shared.clock import CHINA, utc_now
from shared.ids import new_id
from tests.conftest import MovedClock
from tests.matching.bookings import House, at
from tests.matching.conftest import Json, Quarter


def _days(ahead: int) -> str:
    return (utc_now().astimezone(CHINA).date() + timedelta(days=ahead)).isoformat()


def _wanted(house: House, **members: Json) -> dict[str, Json]:
    return {
        "offer_id": house.venue["id"],
        "resource_id": house.rooms["left"],
        "guest_unit_id": str(house.quarter.units["club"]),
        "title": "四点半课堂用房",
        "service": "每周两次课后辅导",
        "starts_on": _days(0),
        "ends_on": _days(60),
        "service_min_per_room_hour": 30,
        "room_minutes_max": 300,
        **members,
    }


async def _active(house: House, **members: Json) -> dict[str, Any]:
    quarter = house.quarter
    agreement = await quarter.made("/v1/agreements", _wanted(house, **members), by=quarter.staff_of("club"))
    path = f"/v1/agreements/{agreement['id']}/agree"
    agreement = await quarter.made(path, {"party": "guest"}, by=quarter.staff_of("club"), version=1)
    assert agreement["state"] == "proposed"
    denied = await quarter.post(path, {"party": "host"}, by=quarter.staff_of("club"), version=2)
    assert (denied.status_code, denied.json()["rule"]) == (403, "host_side")
    return await quarter.made(path, {"party": "host"}, by=quarter.staff_of("school"), version=2)


async def test_both_sides_are_counted(quarter: Quarter, moved: MovedClock) -> None:
    house = await House.built(quarter)
    agreement = await _active(house)
    assert agreement["state"] == "active"
    path, guest, host = f"/v1/agreements/{agreement['id']}", quarter.staff_of("club"), quarter.staff_of("school")
    for day in (1, 2):
        hold = await quarter.made(f"{path}/bookings", {"starts_at": at(day, 16), "ends_at": at(day, 18)}, by=guest)
        assert (hold["state"], hold["for_kind"]) == ("committed", "agreement")
    assert (await house.book("left", at(1, 17), at(1, 18))).json()["code"] == "slot_taken"
    long = await quarter.post(f"{path}/bookings", {"starts_at": at(3, 9), "ends_at": at(3, 11)}, by=guest)
    assert (long.status_code, long.json()["code"], long.json()["left_min"]) == (409, "room_minutes_exhausted", 60)
    # What was refused holds nothing.
    assert (await house.book("left", at(3, 9), at(3, 11))).status_code == 201
    figures = (await quarter.read(path))["figures"]
    assert (figures["room_used_min"], figures["room_booked_min"], figures["balance_min"]) == (0, 240, 0)
    moved.forward(timedelta(days=2))
    served = {"id": str(new_id()), "served_on": _days(0), "minutes": 45, "description": "辅导两节"}
    early = await quarter.post(f"{path}/services", {**served, "served_on": _days(1)}, by=guest)
    assert (early.status_code, early.json()["code"]) == (409, "outside_agreement_period")
    record = await quarter.made(f"{path}/services", served, by=guest)
    assert (await quarter.post(f"{path}/services", served, by=guest)).status_code == 200
    figures = (await quarter.read(path))["figures"]
    assert figures["service_waiting_min"] == 45
    decide = f"{path}/services/{record['id']}/decide"
    assert (await quarter.post(decide, {"decision": "confirm"}, by=guest, version=1)).status_code == 403
    assert (await quarter.post(decide, {"decision": "refuse"}, by=host, version=1)).json()["code"] == "reason_missing"
    await quarter.made(decide, {"decision": "confirm"}, by=host, version=1)
    moved.forward(timedelta(days=1))
    figures = (await quarter.read(path))["figures"]
    assert figures == {
        "room_used_min": 240,
        "room_booked_min": 0,
        "service_owed_min": 120,
        "service_done_min": 45,
        "service_waiting_min": 0,
        "balance_min": -75,
    }


async def test_termination_frees_what_is_ahead_and_keeps_what_was(quarter: Quarter, moved: MovedClock) -> None:
    house = await House.built(quarter)
    agreement = await _active(house)
    path, guest = f"/v1/agreements/{agreement['id']}", quarter.staff_of("club")
    for day in (1, 5):
        await quarter.made(f"{path}/bookings", {"starts_at": at(day, 16), "ends_at": at(day, 17)}, by=guest)
    moved.forward(timedelta(days=2))
    version = (await quarter.read(path))["version"]
    far = quarter.holding(Role.OFFICER, "d.y")
    assert (await quarter.post(f"{path}/terminate", {"reason": "x"}, by=far, version=version)).status_code == 403
    ended = await quarter.made(f"{path}/terminate", {"reason": "场地另有安排"}, version=version)
    assert (ended["state"], ended["reason"]) == ("terminated", "场地另有安排")
    assert (ended["figures"]["room_used_min"], ended["figures"]["room_booked_min"]) == (60, 0)
    assert (await house.book("left", at(3, 16), at(3, 17))).status_code == 201
    late = await quarter.post(f"{path}/bookings", {"starts_at": at(4, 16), "ends_at": at(4, 17)}, by=guest)
    assert (late.status_code, late.json()["code"]) == (409, "wrong_state")
    steps = [step["step"] for step in (await quarter.get(f"{path}/steps")).json()]
    assert steps == ["propose", "agree_as_guest", "agree_as_host", "book", "book", "terminate"]


async def test_what_cannot_be_agreed_on_is_refused(quarter: Quarter, elsewhere: Quarter) -> None:
    house = await House.built(quarter)
    for change, status, code in (
        ({"ends_on": _days(-1)}, 422, "bad_agreement_period"),
        ({"resource_id": str(new_id())}, 422, "unknown_resource"),
        ({"guest_unit_id": str(new_id())}, 422, "unknown_unit"),
        ({"offer_id": str(new_id())}, 404, "not_found"),
        ({"service_min_per_room_hour": 0}, 422, "invalid_request"),
    ):
        response = await quarter.post("/v1/agreements", _wanted(house, **change))
        assert (response.status_code, response.json()["code"]) == (status, code), change
    assert (await quarter.post("/v1/agreements", _wanted(house), by=quarter.staff_of("builder"))).status_code == 403
    wanted = _wanted(house, id=str(new_id()), ends_on=_days(2))
    made = await quarter.made("/v1/agreements", wanted)
    assert (await quarter.post("/v1/agreements", wanted)).status_code == 200
    assert (await quarter.post("/v1/agreements", {**wanted, "title": "另一份"})).json()["code"] == "id_taken"
    path = f"/v1/agreements/{made['id']}"
    assert (await elsewhere.get(path)).status_code == 404
    for party in ("host", "guest"):
        version = (await quarter.read(path))["version"]
        await quarter.made(f"{path}/agree", {"party": party}, version=version)
    outside = await quarter.post(f"{path}/bookings", {"starts_at": at(9, 9), "ends_at": at(9, 10)})
    assert (outside.status_code, outside.json()["code"]) == (409, "outside_agreement_period")
    found = await quarter.read("/v1/agreements", state="active", guest_unit_id=str(quarter.units["club"]))
    assert [one["id"] for one in found["items"]] == [made["id"]]


minutes = st.integers(0, 10**6)


@given(minutes, minutes, st.integers(1, 600), minutes, minutes)
def test_a_balance_is_what_was_served_less_what_is_owed(
    used: int, booked: int, rate: int, done: int, waiting: int
) -> None:
    found = balance_of(used_min=used, booked_min=booked, rate_min_per_hour=rate, done_min=done, waiting_min=waiting)
    assert found.balance_min == done - found.service_owed_min
    assert found.service_owed_min * 60 <= used * rate < (found.service_owed_min + 1) * 60
