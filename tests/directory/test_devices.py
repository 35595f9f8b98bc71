"""Devices and preferences over HTTP, and what the other services are told of them."""

import asyncio
from datetime import UTC, datetime, time
from typing import Any

import pytest

from services.directory.devices.rules import DEFAULTS, Wishes, quiet_until
from shared.db import Database
from shared.ids import new_id
from tests.directory.conftest import Town
from tests.directory.reaching import published, rows, somebody

REACH = "linli.person.reachability_changed.v1"
PHONE = "13800138000"


async def reach(databases: dict[str, Database], town: Town, person: Any) -> list[tuple[bool, bool]]:
    told = await published(databases, town, REACH)
    return [(item["push"], item["sms"]) for item in told if item["person_id"] == str(person.id)]


async def test_a_token_is_sealed_and_never_shown(town: Town, databases: dict[str, Database]) -> None:
    me = await somebody(town)
    made = await me.register("token-of-mine", platform="harmony", language="en")
    assert made.status_code == 201
    assert made.json().keys() == {"id", "platform", "client_id", "language", "created_at", "used_at"}
    listed = (await town.get("/v1/me/devices", by=me.by)).json()
    assert listed == [made.json()]
    ((sealed, index),) = await rows(databases, town, "SELECT token, token_index FROM directory.devices")
    assert b"token-of-mine" not in bytes(sealed)
    assert len(index) == 32


async def test_the_same_token_is_the_same_device_and_moves_to_whoever_registers_it(
    town: Town, databases: dict[str, Database]
) -> None:
    one, other = await somebody(town), await somebody(town)
    first, again = await one.register("shared-token"), await one.register("shared-token", language="en")
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json()["id"] == first.json()["id"]
    assert again.json()["language"] == "en"
    moved = await other.register("shared-token")
    assert (moved.status_code, moved.json()["id"]) == (200, first.json()["id"])
    assert (await town.get("/v1/me/devices", by=one.by)).json() == []
    assert await reach(databases, town, one) == [(True, False), (False, False)]
    assert await reach(databases, town, other) == [(True, False)]


async def test_one_token_registered_by_many_at_once_is_one_device(town: Town, databases: dict[str, Database]) -> None:
    people = [await somebody(town) for _ in range(5)]
    answers = await asyncio.gather(*(person.register("fought-over") for person in people * 3))
    assert sorted(answer.status_code for answer in answers) == [200] * 14 + [201]
    ((owner,),) = await rows(databases, town, "SELECT person_id FROM directory.devices")
    for person in people:
        last = (await reach(databases, town, person) or [(False, False)])[-1]
        assert last == (person.id == owner, False)


async def test_the_same_token_in_another_tenant_is_another_device(town: Town, elsewhere: Town) -> None:
    here, there = await somebody(town), await somebody(elsewhere)
    first, second = await here.register("one-token"), await there.register("one-token")
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json()["id"] != second.json()["id"]
    foreign = await town.call("DELETE", f"/v1/me/devices/{second.json()['id']}", by=here.by)
    assert foreign.status_code == 404


async def test_an_id_that_names_another_device_is_refused(town: Town) -> None:
    me, other = await somebody(town), await somebody(town)
    device_id = str(new_id())
    assert (await me.register("first-token", id=device_id)).json()["id"] == device_id
    assert (await me.register("first-token", id=device_id)).status_code == 200
    for person in (me, other):
        taken = await person.register("second-token", id=device_id)
        assert (taken.status_code, taken.json()["code"]) == (409, "id_taken")


async def test_an_eleventh_device_replaces_the_one_that_was_silent_the_longest(town: Town) -> None:
    me = await somebody(town)
    ids = [(await me.register(f"token-{number:04d}")).json()["id"] for number in range(10)]
    assert (await me.register("token-0000")).status_code == 200
    newest = (await me.register("token-9999")).json()["id"]
    listed = [device["id"] for device in (await town.get("/v1/me/devices", by=me.by)).json()]
    assert listed == [newest, ids[0], *reversed(ids[2:])]


async def test_reach_is_told_only_when_it_changes(town: Town, databases: dict[str, Database]) -> None:
    me = await somebody(town, phone=PHONE)
    first = (await me.register("token-one")).json()["id"]
    second = (await me.register("token-two")).json()["id"]
    assert (await me.wish(1, push=True)).json()["version"] == 2
    assert (await me.wish(2, push=True, sms=True)).status_code == 200
    assert (await me.wish(3, push=False, sms=True)).status_code == 200
    assert (await me.wish(4, push=True, sms=True)).status_code == 200
    for device in (first, second):
        assert (await town.call("DELETE", f"/v1/me/devices/{device}", by=me.by)).status_code == 204
    assert (await town.call("DELETE", f"/v1/me/devices/{first}", by=me.by)).status_code == 404
    told = [(True, False), (True, True), (False, True), (True, True), (False, True)]
    assert await reach(databases, town, me) == told
    assert (await town.patch(f"/v1/people/{me.id}", {"phone": "13800138001"}, by=town.operator, version=1)).is_success
    assert await reach(databases, town, me) == told
    assert (await town.patch(f"/v1/people/{me.id}", {"phone": None}, by=town.operator, version=2)).is_success
    assert await reach(databases, town, me) == [*told, (False, False)]


async def test_nobody_removes_somebody_elses_device(town: Town) -> None:
    me, other = await somebody(town), await somebody(town)
    device = (await me.register("my-own-token")).json()["id"]
    assert (await town.call("DELETE", f"/v1/me/devices/{device}", by=other.by)).status_code == 404
    assert len((await town.get("/v1/me/devices", by=me.by)).json()) == 1


async def test_preferences_have_defaults_and_versions(town: Town) -> None:
    me = await somebody(town)
    found = await town.get("/v1/me/notification-preferences", by=me.by)
    assert found.headers["etag"] == '"1"'
    assert found.json() == {"push": True, "sms": False, "quiet_from": "22:00", "quiet_to": "07:00", "version": 1}
    missing = await town.call("PUT", "/v1/me/notification-preferences", found.json() | {}, by=me.by)
    assert missing.status_code in {422, 428}
    changed = await me.wish(1, sms=True, quiet_from="21:30", quiet_to="06:15")
    assert (changed.status_code, changed.headers["etag"]) == (200, '"2"')
    assert changed.json()["quiet_from"] == "21:30"
    stale = await me.wish(1, sms=False)
    assert (stale.status_code, stale.json()["current"]["version"]) == (412, 2)


async def test_two_changes_of_one_version_are_one(town: Town) -> None:
    me = await somebody(town)
    answers = await asyncio.gather(*(me.wish(1, sms=bool(number % 2)) for number in range(6)))
    assert sorted(answer.status_code for answer in answers) == [200] + [412] * 5


@pytest.mark.parametrize(
    "members",
    [
        {"token": "short"},
        {"token": "令牌令牌令牌令牌令牌"},
        {"token": "x" * 4097},
        {"token": "line\nbreak-in-it"},
        {"platform": "telex"},
        {"language": "fr"},
        {"client_id": ""},
        {"client_id": "a b"},
        {"client_id": "x" * 65},
        {"id": "7"},
        {"unknown": 1},
    ],
)
async def test_a_bad_device_is_refused(town: Town, members: dict[str, Any]) -> None:
    me = await somebody(town)
    body = {"platform": "ios", "token": "good-token", "client_id": "app", **members}
    assert (await town.post("/v1/me/devices", body, by=me.by)).status_code == 422


@pytest.mark.parametrize(
    "members",
    [
        {"quiet_from": "22:00"},
        {"quiet_from": "22:00", "quiet_to": "22:00"},
        {"quiet_from": "24:00", "quiet_to": "07:00"},
        {"quiet_from": "7:00", "quiet_to": "08:00"},
        {"push": None},
    ],
)
async def test_bad_preferences_are_refused(town: Town, members: dict[str, Any]) -> None:
    assert (await (await somebody(town)).wish(1, **members)).status_code == 422


async def test_whom_the_directory_does_not_know_has_no_device(town: Town) -> None:
    stranger = town.caller("directory")
    body = {"platform": "ios", "token": "good-token", "client_id": "app"}
    assert (await town.post("/v1/me/devices", body, by=stranger)).status_code == 404
    assert (await town.get("/v1/me/devices", by=stranger)).json() == []


async def test_reach_is_true_after_registering_and_removing_at_once(town: Town, databases: dict[str, Database]) -> None:
    me = await somebody(town)
    device = (await me.register("in-and-out")).json()["id"]
    calls = [me.register("in-and-out"), town.call("DELETE", f"/v1/me/devices/{device}", by=me.by)]
    calls += [me.wish(1, push=True), me.register("in-and-out")]
    await asyncio.gather(*calls)
    there = (await rows(databases, town, "SELECT count(*) FROM directory.devices"))[0][0]
    assert (await reach(databases, town, me))[-1] == (there == 1, False)


NIGHT = DEFAULTS
NOON = Wishes(push=True, sms=False, quiet_from=time(12), quiet_to=time(14))


@pytest.mark.parametrize(
    ("wishes", "now", "until"),
    [
        (NIGHT, "13:59", None),
        (NIGHT, "14:00", "2026-03-01T23:00"),
        (NIGHT, "15:59", "2026-03-01T23:00"),
        (NIGHT, "16:00", "2026-03-01T23:00"),
        (NIGHT, "22:59", "2026-03-01T23:00"),
        (NIGHT, "23:00", None),
        (NOON, "03:59", None),
        (NOON, "04:00", "2026-03-01T06:00"),
        (NOON, "06:00", None),
        (Wishes(push=True, sms=True, quiet_from=None, quiet_to=None), "18:00", None),
    ],
)
def test_quiet_hours_are_on_the_clock_of_china(wishes: Wishes, now: str, until: str | None) -> None:
    at = datetime.combine(datetime(2026, 3, 1, tzinfo=UTC), time.fromisoformat(now), UTC)
    found = quiet_until(wishes, at)
    assert found == (datetime.fromisoformat(until).replace(tzinfo=UTC) if until else None)
