"""Units over HTTP: registered at an area, masked, announced."""

from typing import Any

import pytest

from shared.auth import Role
from shared.db import Database
from shared.ids import new_id
from tests.directory.conftest import Json, Town
from tests.directory.test_areas import outbox


def unit(town: Town, **members: Json) -> dict[str, Any]:
    area_id = str(town.areas.get("county.north", town.areas["county"]))
    return {
        "kind": "property_company",
        "name": "柳树物业",
        "area_id": area_id,
        "contact_phone": "0631-5201234",
    } | members


async def test_a_unit_is_registered_masked_and_announced(town: Town, databases: dict[str, Database]) -> None:
    response = await town.post("/v1/units", unit(town), by=town.administrator("county.north"))
    made = response.json()
    assert (response.status_code, response.headers["etag"]) == (201, '"1"')
    assert (made["area_path"], made["active"], made["contact_phone"]) == ("county.north", True, "063****1234")
    told = (await outbox(databases, town.caller.tenant))[-1]
    assert (told["type"], told["subject"]) == ("linli.unit.changed.v1", f"unit/{made['id']}")
    assert told["data"] == {
        "unit_id": made["id"],
        "name": "柳树物业",
        "kind": "property_company",
        "area_id": made["area_id"],
        "area_path": "county.north",
        "active": True,
    }


async def test_a_unit_sent_twice_is_one_unit(town: Town) -> None:
    body = unit(town, id=str(new_id()))
    assert [(await town.post("/v1/units", body)).status_code for _ in range(2)] == [201, 200]
    other = await town.post("/v1/units", {**body, "contact_phone": "12345"})
    assert (other.status_code, other.json()["code"]) == (409, "id_taken")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"kind": "property"}, "invalid_request"),
        ({"name": None}, "invalid_request"),
        ({"contact_phone": "call me"}, "invalid_request"),
        ({"area_id": "00000000-0000-7000-8000-000000000000"}, "unknown_area"),
        ({"area_id": "north"}, "invalid_request"),
        ({"password": "x"}, "invalid_request"),
    ],
)
async def test_a_bad_unit_is_refused(town: Town, change: dict[str, Any], code: str) -> None:
    response = await town.post("/v1/units", unit(town, **change))
    assert (response.status_code, response.json()["code"]) == (422, code)


async def test_a_unit_changes_by_version_and_can_be_taken_out_of_use(
    town: Town, databases: dict[str, Database]
) -> None:
    path = f"/v1/units/{(await town.post('/v1/units', unit(town))).json()['id']}"
    changed = await town.patch(path, {"active": False, "contact_phone": None}, version=1)
    assert (changed.json()["active"], changed.json()["contact_phone"], changed.json()["version"]) == (False, None, 2)
    assert (await outbox(databases, town.caller.tenant))[-1]["data"]["active"] is False
    assert (await town.patch(path, {"name": "x"}, version=1)).status_code == 412
    assert (await town.patch(path, {"name": "x"})).status_code == 428
    assert (await town.patch(path, {"active": None}, version=2)).status_code == 422
    assert (await town.patch(path, {"name": "x"}, version=2, by=town.administrator("county.south"))).status_code == 403
    shown = await town.get("/v1/units", active="true")
    assert shown.json()["items"] == []


async def test_a_phone_in_the_clear_takes_a_purpose_and_a_role_there(
    town: Town, databases: dict[str, Database]
) -> None:
    unit_id = (await town.post("/v1/units", unit(town))).json()["id"]
    officer = town.holding(Role.OFFICER, "county.north")
    assert (await town.get(f"/v1/units/{unit_id}", by=officer)).json()["contact_phone"] == "063****1234"
    clear = await town.get(f"/v1/units/{unit_id}", by=officer, purpose="停水通知")
    assert clear.json()["contact_phone"] == "06315201234"
    for by in (town.holding(Role.RESIDENT, "county.north"), town.holding(Role.OFFICER, "county.south")):
        refused = await town.get(f"/v1/units/{unit_id}", by=by, purpose="停水通知")
        assert (refused.status_code, refused.json()["rule"]) == (403, "disclose_contact")
    async with databases["directory"].read(town.caller.tenant) as session:
        connection = await session.connection()
        rows = await connection.exec_driver_sql("SELECT subject_kind, field, purpose FROM directory.disclosures")
        assert [tuple(row) for row in rows] == [("unit", "contact_phone", "停水通知")]


async def test_units_are_listed_by_place_kind_and_name(town: Town) -> None:
    await town.post("/v1/units", unit(town))
    await town.post("/v1/units", unit(town, name="第一小学", kind="school", area_id=str(town.areas["county.south"])))

    async def names(**params: Json) -> list[str]:
        found = await town.get("/v1/units", by=town.holding(Role.RESIDENT, "county"), **params)
        return [item["name"] for item in found.json()["items"]]

    assert await names() == ["柳树物业", "第一小学"]
    assert await names(under=str(town.areas["county.south"])) == ["第一小学"]
    assert await names(kind="property_company") == ["柳树物业"]
    assert await names(q="小学") == ["第一小学"]
    page = (await town.get("/v1/units", page_size=1)).json()
    rest = (await town.get("/v1/units", page_size=1, cursor=page["next_cursor"])).json()
    assert [page["items"][0]["name"], rest["items"][0]["name"]] == ["柳树物业", "第一小学"]
    assert rest["next_cursor"] is None


async def test_another_tenants_unit_does_not_exist_here(town: Town, elsewhere: Town) -> None:
    foreign = (await elsewhere.post("/v1/units", unit(elsewhere))).json()["id"]
    assert (await town.get(f"/v1/units/{foreign}", by=town.operator)).status_code == 404
    assert (await town.patch(f"/v1/units/{foreign}", {"name": "x"}, version=1, by=town.operator)).status_code == 404
