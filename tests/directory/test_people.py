"""People and roles over HTTP: who sees whom, who gives what, and what is written down about it."""

from typing import Any

import pytest

from shared.auth import Role
from shared.db import Database
from shared.ids import new_id
from tests.directory.conftest import Json, Town

PHONE = "13800138000"


async def stored(databases: dict[str, Database], tenant: str, query: str) -> list[tuple[Any, ...]]:
    async with databases["directory"].read(tenant) as session:
        connection = await session.connection()
        return [tuple(row) for row in await connection.exec_driver_sql(query)]


async def test_a_person_is_registered_sealed_and_masked(town: Town, databases: dict[str, Database]) -> None:
    body = {
        "display_name": "网格员",
        "label": "青年志愿者",
        "area_id": str(town.areas["county.north"]),
        "phone": "+86 138-0013-8000",
        "username": "Grid.Worker",
        "password": "correct horse",
    }
    response = await town.post("/v1/people", body, by=town.administrator("county.north"))
    person = response.json()
    assert (response.status_code, response.headers["location"]) == (201, f"/v1/people/{person['id']}")
    assert person == {
        "id": person["id"],
        "display_name": "网格员",
        "label": "青年志愿者",
        "area_id": body["area_id"],
        "area_path": "county.north",
        "phone": "138****8000",
        "username": "grid.worker",
        "version": 1,
        "grants": [],
    }
    ((sealed, index, password),) = await stored(
        databases, town.caller.tenant, "SELECT phone, phone_index, password_hash FROM directory.people"
    )
    assert b"13800138000" not in bytes(sealed)
    assert len(index) == 32
    assert password.startswith("$argon2id$")


async def test_without_an_area_a_person_belongs_to_the_whole_tenant(town: Town) -> None:
    assert (await town.person())["area_path"] == "county"
    refused = await town.post("/v1/people", {"display_name": "x"}, by=town.administrator("county.north"))
    assert (refused.status_code, refused.json()["rule"]) == (403, "administer_area")


async def test_a_person_sent_twice_is_one_person(town: Town) -> None:
    body = {"id": str(new_id()), "display_name": "甲", "phone": PHONE, "username": "jia", "password": "long enough"}
    first, second = await town.post("/v1/people", body), await town.post("/v1/people", body)
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json() == second.json()
    other = await town.post("/v1/people", {**body, "phone": "13800138001"})
    assert (other.status_code, other.json()["code"]) == (409, "id_taken")


async def test_numbers_and_usernames_are_unique_in_a_tenant_and_only_there(town: Town, elsewhere: Town) -> None:
    await town.person(phone=PHONE, username="one")
    taken = await town.post("/v1/people", {"display_name": "x", "phone": "0086" + PHONE})
    assert (taken.status_code, taken.json()["code"]) == (409, "phone_taken")
    named = await town.post("/v1/people", {"display_name": "x", "username": "ONE"})
    assert (named.status_code, named.json()["code"]) == (409, "username_taken")
    await elsewhere.person(phone=PHONE, username="one")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"display_name": "x", "phone": "12345"},
        {"display_name": "x", "username": "a b"},
        {"display_name": "x", "username": "x" * 65},
        {"display_name": "x", "password": "no username"},
        {"display_name": "x", "username": "fine", "password": "short"},
        {"display_name": "x", "area_id": "00000000-0000-7000-8000-000000000000"},
        {"display_name": "x", "roles": ["administrator"]},
        {"display_name": 5},
    ],
)
async def test_a_bad_person_is_refused(town: Town, body: dict[str, Any]) -> None:
    response = await town.post("/v1/people", body)
    assert response.status_code == 422
    assert (await town.get("/v1/people")).json()["items"] == []


async def test_staff_see_those_who_live_or_act_in_their_area(town: Town) -> None:
    south = await town.person(area_id=str(town.areas["county.south"]), display_name="南")
    north = await town.person(area_id=str(town.areas["county.north.g1"]), display_name="北")
    acting = await town.person(display_name="上级")
    await town.grant(acting["id"], "officer", "county.north")

    async def seen(by: dict[str, str], **params: Json) -> list[str]:
        return [item["display_name"] for item in (await town.get("/v1/people", by=by, **params)).json()["items"]]

    officer = town.holding(Role.OFFICER, "county.north")
    assert await seen(officer) == ["北", "上级"]
    assert await seen(town.operator) == ["南", "北", "上级"]
    assert await seen(officer, q="北") == ["北"]
    assert await seen(town.operator, under=str(town.areas["county.south"])) == ["南"]
    assert (await town.get(f"/v1/people/{south['id']}", by=officer)).status_code == 404
    assert (await town.get(f"/v1/people/{north['id']}", by=officer)).status_code == 200
    assert (await town.get(f"/v1/people/{acting['id']}", by=officer)).json()["grants"][0]["role"] == "officer"


async def test_a_resident_sees_nobody_but_themselves(town: Town) -> None:
    one, other = await town.person(), await town.person()
    resident = town.caller("directory", (Role.RESIDENT, "county"), person=one["id"])
    assert (await town.get(f"/v1/people/{one['id']}", by=resident)).status_code == 200
    assert (await town.get(f"/v1/people/{other['id']}", by=resident)).status_code == 404
    assert (await town.get("/v1/people", by=resident)).json()["rule"] == "role_required"


async def test_a_purpose_lifts_the_mask_and_is_written_down(town: Town, databases: dict[str, Database]) -> None:
    person = await town.person(phone=PHONE, area_id=str(town.areas["county.north"]))
    worker_id = new_id()
    worker = town.holding(Role.GRID_WORKER, "county.north", person=worker_id)
    path = f"/v1/people/{person['id']}"
    assert (await town.get(path, by=worker)).json()["phone"] == "138****8000"
    assert (await town.get(path, by=worker, purpose="")).status_code == 422
    assert (await town.get(path, by=worker, purpose="上门走访")).json()["phone"] == PHONE
    audit = await stored(
        databases,
        town.caller.tenant,
        "SELECT subject_kind, subject_id::text, field, purpose, actor FROM directory.disclosures",
    )
    assert audit == [("person", person["id"], "phone", "上门走访", f"person/{worker_id}")]


async def test_a_person_is_found_by_number_for_a_purpose(town: Town, databases: dict[str, Database]) -> None:
    person = await town.person(phone=PHONE, area_id=str(town.areas["county.north"]))
    officer = town.holding(Role.OFFICER, "county.north")
    found = await town.post("/v1/people/search", {"phone": "138 0013 8000", "purpose": "来电核实"}, by=officer)
    assert (found.status_code, found.json()["id"], found.json()["phone"]) == (200, person["id"], "138****8000")
    assert len(await stored(databases, town.caller.tenant, "SELECT 1 FROM directory.disclosures")) == 1
    stranger = town.holding(Role.OFFICER, "county.south")
    for by, phone in ((stranger, PHONE), (officer, "13800138001")):
        body = {"phone": phone, "purpose": "来电核实"}
        assert (await town.post("/v1/people/search", body, by=by)).status_code == 404
    assert (await town.post("/v1/people/search", {"phone": PHONE}, by=officer)).status_code == 422


async def test_a_person_changes_by_version(town: Town) -> None:
    person = await town.person(phone=PHONE, username="one", password="long enough")
    await town.person(phone="13800138001", username="two")
    path = f"/v1/people/{person['id']}"
    changed = await town.patch(path, {"label": "书记", "phone": None}, version=1)
    assert (changed.status_code, changed.json()["label"], changed.json()["phone"]) == (200, "书记", None)
    assert (await town.patch(path, {"label": "x"}, version=1)).status_code == 412
    assert (await town.patch(path, {"label": "x"})).status_code == 428
    assert (await town.patch(path, {"phone": "13800138001"}, version=2)).json()["code"] == "phone_taken"
    assert (await town.patch(path, {"username": "two"}, version=2)).json()["code"] == "username_taken"
    assert (await town.patch(path, {"username": None}, version=2)).status_code == 422
    assert (await town.patch(path, {"display_name": None}, version=2)).status_code == 422
    assert (await town.get(path)).json()["version"] == 2


async def test_credentials_of_somebody_with_a_say_elsewhere_are_out_of_reach(town: Town) -> None:
    """Otherwise an administrator of one street could become the administrator of the county."""
    person = await town.person(area_id=str(town.areas["county.north"]), username="chief")
    await town.grant(person["id"], "administrator", "county")
    refused = await town.patch(
        f"/v1/people/{person['id']}", {"password": "i am the chief"}, version=1, by=town.administrator("county.north")
    )
    assert (refused.status_code, refused.json()["rule"]) == (403, "administer_person")


async def test_roles_are_given_within_ones_own_reach(town: Town) -> None:
    person = await town.person(area_id=str(town.areas["county.north"]))
    grants = f"/v1/people/{person['id']}/grants"
    north = town.administrator("county.north")
    body = {"role": "grid_worker", "area_id": str(town.areas["county.north.g1"])}
    made = await town.post(grants, body, by=north)
    grant = made.json()
    assert (made.status_code, grant["area_path"], grant["active"], grant["ends_at"]) == (
        201,
        "county.north.g1",
        True,
        None,
    )
    for area in ("county", "county.south"):
        above = await town.post(grants, {"role": "officer", "area_id": str(town.areas[area])}, by=north)
        assert (above.status_code, above.json()["rule"]) == (403, "administer_area")
    for by in (north, town.operator):
        operator = await town.post(grants, {"role": "operator", "area_id": body["area_id"]}, by=by)
        assert (operator.status_code, operator.json()["code"]) == (422, "role_not_grantable")
    assert (await town.post(grants, body, by=north)).json()["code"] == "grant_exists"
    hidden = await town.post(grants, body, by=town.administrator("county.south"))
    assert hidden.status_code == 404


async def test_a_role_for_a_unit_needs_one_within_reach(town: Town) -> None:
    person = await town.person(area_id=str(town.areas["county.north"]))
    grants = f"/v1/people/{person['id']}/grants"
    units = {}
    for area in ("county", "county.north"):
        body = {"kind": "department", "name": area, "area_id": str(town.areas[area])}
        units[area] = (await town.post("/v1/units", body)).json()["id"]
    north = town.administrator("county.north")
    role = {"role": "unit_staff", "area_id": str(town.areas["county.north"])}
    assert (await town.post(grants, role, by=north)).json()["code"] == "unit_required"
    assert (await town.post(grants, {**role, "unit_id": str(new_id())}, by=north)).json()["code"] == "unknown_unit"
    above = await town.post(grants, {**role, "unit_id": units["county"]}, by=north)
    assert (above.status_code, above.json()["rule"]) == (403, "administer_area")
    assert (await town.post(grants, {**role, "unit_id": units["county.north"]}, by=north)).status_code == 201
    await town.patch(f"/v1/units/{units['county']}", {"active": False}, version=1)
    gone = await town.post(grants, {**role, "unit_id": units["county"]})
    assert (gone.status_code, gone.json()["code"]) == (409, "unit_inactive")


async def test_a_grant_sent_twice_is_one_grant(town: Town) -> None:
    person, other = await town.person(), await town.person()
    body = {"id": str(new_id()), "role": "officer", "area_id": str(town.areas["county"])}
    first = await town.post(f"/v1/people/{person['id']}/grants", body)
    second = await town.post(f"/v1/people/{person['id']}/grants", body)
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json() == second.json()
    for path, changed in ((person["id"], {**body, "role": "secretary"}), (other["id"], body)):
        taken = await town.post(f"/v1/people/{path}/grants", changed)
        assert (taken.status_code, taken.json()["code"]) == (409, "id_taken")


async def test_a_grant_has_a_period_and_is_ended_not_deleted(town: Town) -> None:
    person = await town.person()
    grants = f"/v1/people/{person['id']}/grants"
    role = {"role": "convenor", "area_id": str(town.areas["county"])}
    wrong = {**role, "starts_at": "2030-01-02T00:00:00Z", "ends_at": "2030-01-01T00:00:00Z"}
    assert (await town.post(grants, wrong)).json()["code"] == "wrong_period"
    for moment in ("2030-01-01T00:00:00", "0001-01-01T00:00:00+14:00", "soon"):
        assert (await town.post(grants, {**role, "starts_at": moment})).status_code == 422
    later = (await town.post(grants, {**role, "starts_at": "2130-01-01T00:00:00+08:00"})).json()
    assert (later["active"], later["starts_at"]) == (False, "2129-12-31T16:00:00Z")
    now = await town.grant(person["id"], "auditor", "county")
    assert (await town.post(f"{grants}/{now['id']}/end")).status_code == 428
    assert (
        await town.post(f"{grants}/{now['id']}/end", version=1, by=town.administrator("county.south"))
    ).status_code == 404
    ended = await town.post(f"{grants}/{now['id']}/end", version=1)
    assert (ended.status_code, ended.json()["active"], ended.json()["version"]) == (200, False, 2)
    assert (await town.post(f"{grants}/{now['id']}/end", version=1)).status_code == 412
    assert (await town.post(f"{grants}/{now['id']}/end", version=2)).json()["code"] == "wrong_state"
    never = (await town.post(f"{grants}/{later['id']}/end", version=1)).json()
    assert never["ends_at"] == never["starts_at"]
    shown = (await town.get(f"/v1/people/{person['id']}")).json()["grants"]
    assert {grant["id"] for grant in shown} == {now["id"], later["id"]}
    assert (await town.post(grants, {**role, "role": "auditor"})).status_code == 201


async def test_nobody_holds_more_roles_than_a_token_carries(town: Town) -> None:
    person = await town.person()
    for number in range(30):
        await town.open(f"county.south.g{number}", "grid")
        await town.grant(person["id"], "officer", f"county.south.g{number}")
    body = {"role": "officer", "area_id": str(town.areas["county"])}
    assert (await town.post(f"/v1/people/{person['id']}/grants", body)).json()["code"] == "too_many_grants"


async def test_another_tenants_person_does_not_exist_here(town: Town, elsewhere: Town) -> None:
    foreign = (await elsewhere.person(phone=PHONE))["id"]
    by = town.operator
    assert (await town.get(f"/v1/people/{foreign}", by=by)).status_code == 404
    assert (await town.patch(f"/v1/people/{foreign}", {"label": "x"}, version=1, by=by)).status_code == 404
    body = {"role": "officer", "area_id": str(town.areas["county"])}
    assert (await town.post(f"/v1/people/{foreign}/grants", body, by=by)).status_code == 404
    assert (await town.post(f"/v1/people/{foreign}/grants/{new_id()}/end", version=1, by=by)).status_code == 404
    assert (await town.post("/v1/people/search", {"phone": PHONE, "purpose": "核实"}, by=by)).status_code == 404
