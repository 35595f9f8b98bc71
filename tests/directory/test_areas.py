"""The tree of areas over HTTP: what may stand where, who may change it, what others hear of it."""

from typing import Any

import pytest

from shared.auth import Role
from shared.db import Database
from shared.ids import new_id
from tests.directory.conftest import Json, Town

SQUARE = {"type": "Polygon", "coordinates": [[[120, 30], [121, 30], [121, 31], [120, 31], [120, 30]]]}
INNER = {
    "type": "Polygon",
    "coordinates": [[[120.2, 30.2], [120.4, 30.2], [120.4, 30.4], [120.2, 30.4], [120.2, 30.2]]],
}


async def outbox(databases: dict[str, Database], tenant: str) -> list[dict[str, Any]]:
    """Return what the directory has told intake, oldest first."""
    async with databases["directory"].read(tenant) as session:
        connection = await session.connection()
        found = await connection.exec_driver_sql(
            "SELECT body::jsonb FROM directory.outbox WHERE tenant_id = $1 AND consumer = 'intake' ORDER BY position",
            (tenant,),
        )
        return [row[0] for row in found]


async def test_a_new_area_gets_its_path_from_its_parent_and_is_announced(
    town: Town, databases: dict[str, Database]
) -> None:
    body = {
        "parent_id": str(town.areas["county.north"]),
        "code": "willow_yard",
        "kind": "compound",
        "name": "柳树小区",
        "no_management": True,
        "households": 120,
        "population": 310,
        "centroid": {"lat": 30.5, "lon": 120.5},
        "boundary": SQUARE,
        "opened_on": "2020-01-01",
    }
    response = await town.post("/v1/areas", body, by=town.administrator("county.north"))
    area = response.json()
    assert response.status_code == 201
    assert response.headers["location"] == f"/v1/areas/{area['id']}"
    assert response.headers["etag"] == '"1"'
    assert area["path"] == "county.north.willow_yard"
    assert (area["no_management"], area["no_repair_fund"], area["households"]) == (True, False, 120)
    assert (area["boundary"], area["opened_on"], area["closed_on"]) == (SQUARE, "2020-01-01", None)
    assert (await town.get(f"/v1/areas/{area['id']}")).json() == area
    told = (await outbox(databases, town.caller.tenant))[-1]
    assert told["type"] == "linli.area.changed.v1"
    assert told["subject"] == f"area/{area['id']}"
    assert (told["data"]["path"], told["data"]["closed_on"]) == (area["path"], None)


async def test_an_area_sent_twice_is_one_area(town: Town) -> None:
    body = {"id": str(new_id()), "parent_id": str(town.areas["county"]), "code": "w", "kind": "zone", "name": "西片区"}
    first = await town.post("/v1/areas", body)
    second = await town.post("/v1/areas", body)
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json() == second.json()
    other = await town.post("/v1/areas", {**body, "name": "东片区"})
    assert (other.status_code, other.json()["code"]) == (409, "id_taken")


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"code": "UPPER"}, 422, "invalid_request"),
        ({"code": "a.b"}, 422, "invalid_request"),
        ({"code": "g1"}, 409, "code_taken"),
        ({"kind": "planet"}, 422, "invalid_request"),
        ({"kind": "district"}, 422, "wrong_level"),
        ({"kind": "subdistrict"}, 422, "wrong_level"),
        ({"parent_id": "00000000-0000-7000-8000-000000000000"}, 422, "unknown_area"),
        ({"name": ""}, 422, "invalid_request"),
        ({"name": "x" * 201}, 422, "invalid_request"),
        ({"name": "a\u0000b"}, 422, "nul_character"),
        ({"households": "5"}, 422, "invalid_request"),
        ({"households": -1}, 422, "invalid_request"),
        ({"no_management": "true"}, 422, "invalid_request"),
        ({"centroid": {"lat": 91, "lon": 0}}, 422, "invalid_request"),
        ({"centroid": {"lat": "NaN", "lon": 0}}, 422, "invalid_request"),
        ({"boundary": {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 1]]]}}, 422, "invalid_request"),
        ({"boundary": {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [0, 0]]]}}, 422, "invalid_request"),
        ({"boundary": {"type": "Point", "coordinates": [0, 0]}}, 422, "invalid_request"),
        ({"unknown": 1}, 422, "invalid_request"),
    ],
)
async def test_a_bad_area_is_refused_and_not_written(
    town: Town, change: dict[str, Any], status: int, code: str
) -> None:
    body = {"parent_id": str(town.areas["county.north"]), "code": "fine", "kind": "grid", "name": "好"} | change
    before = (await town.get("/v1/areas")).json()
    response = await town.post("/v1/areas", body)
    assert (response.status_code, response.json()["code"]) == (status, code), response.text
    assert (await town.get("/v1/areas")).json() == before


async def test_a_tenant_has_one_topmost_area_and_only_the_operator_opens_it(town: Town) -> None:
    body = {"code": "second", "kind": "district", "name": "第二"}
    assert (await town.post("/v1/areas", body)).json()["rule"] == "operate_tenant"
    response = await town.post("/v1/areas", body, by=town.operator)
    assert (response.status_code, response.json()["code"]) == (409, "root_exists")


async def test_an_administrator_manages_what_lies_below_and_nothing_else(town: Town) -> None:
    body = {"parent_id": str(town.areas["county.south"]), "code": "g9", "kind": "grid", "name": "南"}
    for by, rule in (
        (town.administrator("county.north"), "administer_area"),
        (town.administrator("county.sou"), "administer_area"),
        (town.holding(Role.OFFICER, "county"), "role_required"),
    ):
        refused = await town.post("/v1/areas", body, by=by)
        assert (refused.status_code, refused.json()["rule"]) == (403, rule)
    area_id = town.areas["county.south"]
    north = town.administrator("county.north")
    assert (await town.patch(f"/v1/areas/{area_id}", {"name": "x"}, version=1, by=north)).status_code == 403
    assert (
        await town.post(f"/v1/areas/{area_id}/close", {"closed_on": "2999-01-01"}, version=1, by=north)
    ).status_code == 403


async def test_a_change_needs_the_version_it_is_based_on(town: Town) -> None:
    path = f"/v1/areas/{town.areas['county.north']}"
    changed = await town.patch(path, {"name": "北街道", "population": 9}, version=1)
    assert (changed.status_code, changed.json()["version"], changed.headers["etag"]) == (200, 2, '"2"')
    assert (changed.json()["name"], changed.json()["population"]) == ("北街道", 9)
    cleared = await town.patch(path, {"population": None, "boundary": SQUARE}, version=2)
    assert (cleared.json()["population"], cleared.json()["name"]) == (None, "北街道")
    stale = await town.patch(path, {"name": "迟到"}, version=1)
    assert (stale.status_code, stale.json()["code"]) == (412, "stale_version")
    assert stale.json()["current"] == cleared.json()
    assert (await town.patch(path, {"name": "x"})).status_code == 428
    assert (await town.patch(path, {"name": None}, version=3)).status_code == 422
    assert (await town.patch(path, {"code": "x"}, version=3)).status_code == 422
    assert (await town.patch(f"/v1/areas/{new_id()}", {"name": "x"}, version=1)).status_code == 404


async def test_an_area_is_closed_from_the_bottom_up_and_keeps_its_successor(
    town: Town, databases: dict[str, Database]
) -> None:
    north, south, grid = (town.areas[path] for path in ("county.north", "county.south", "county.north.g1"))
    closing = {"closed_on": "2999-06-30", "successor_id": str(south)}
    above = await town.post(f"/v1/areas/{north}/close", closing, version=1)
    assert (above.status_code, above.json()["code"]) == (409, "area_open_below")
    early = await town.post(f"/v1/areas/{grid}/close", {"closed_on": "1999-01-01"}, version=1)
    assert (early.status_code, early.json()["code"]) == (422, "wrong_closing_day")
    for successor in (str(grid), str(new_id())):
        wrong = await town.post(f"/v1/areas/{grid}/close", {**closing, "successor_id": successor}, version=1)
        assert (wrong.status_code, wrong.json()["code"]) == (422, "wrong_successor")
    closed = await town.post(f"/v1/areas/{grid}/close", closing, version=1)
    assert (closed.status_code, closed.json()["closed_on"], closed.json()["version"]) == (200, "2999-06-30", 2)
    assert closed.json()["successor_id"] == str(south)
    assert (await outbox(databases, town.caller.tenant))[-1]["data"]["closed_on"] == "2999-06-30"
    again = await town.post(f"/v1/areas/{grid}/close", closing, version=2)
    assert (again.status_code, again.json()["code"], again.json()["next_actions"]) == (409, "wrong_state", [])
    assert (await town.patch(f"/v1/areas/{grid}", {"name": "x"}, version=2)).json()["code"] == "wrong_state"
    below = {"parent_id": str(grid), "code": "b", "kind": "building", "name": "楼"}
    assert (await town.post("/v1/areas", below)).json()["code"] == "area_closed"
    assert (await town.post(f"/v1/areas/{north}/close", closing, version=1)).status_code == 200
    root = await town.post(f"/v1/areas/{town.areas['county']}/close", {"closed_on": "2999-01-01"}, version=1)
    assert root.json()["rule"] == "operate_tenant"


async def test_the_list_follows_the_tree_and_its_filters(town: Town) -> None:
    resident = town.holding(Role.RESIDENT, "county")
    paths = [area["path"] for area in (await town.get("/v1/areas", by=resident)).json()["items"]]
    assert paths == ["county", "county.north", "county.north.g1", "county.south"]

    async def shown(**params: Json) -> list[str]:
        response = await town.get("/v1/areas", **params)
        assert response.status_code == 200, response.text
        return [area["path"] for area in response.json()["items"]]

    assert await shown(under=str(town.areas["county.north"])) == ["county.north", "county.north.g1"]
    assert await shown(kind="subdistrict") == ["county.north", "county.south"]
    assert await shown(q="OUT") == ["county.south"]
    assert await shown(q="%") == []
    await town.post(f"/v1/areas/{town.areas['county.south']}/close", {"closed_on": "2999-01-01"}, version=1)
    assert await shown(open="false") == ["county.south"]
    unknown = await town.get("/v1/areas", under=str(new_id()))
    assert (unknown.status_code, unknown.json()["code"]) == (422, "unknown_area")
    assert (await town.get("/v1/areas", page_size=0)).status_code == 422


async def test_pages_join_without_gap_or_overlap(town: Town) -> None:
    for number in range(7):
        await town.open(f"county.south.g{number}", "grid")
    seen: list[str] = []
    params: dict[str, Any] = {"page_size": 3}
    while True:
        page = (await town.get("/v1/areas", **params)).json()
        seen += [area["path"] for area in page["items"]]
        if page["next_cursor"] is None:
            break
        params["cursor"] = page["next_cursor"]
    assert len(seen) == len(set(seen)) == 11
    foreign = await town.get("/v1/areas", **{**params, "kind": "grid"})
    assert (foreign.status_code, foreign.json()["code"]) == (400, "bad_cursor")


async def test_a_point_is_located_in_the_deepest_area_around_it(town: Town) -> None:
    await town.patch(f"/v1/areas/{town.areas['county']}", {"boundary": SQUARE}, version=1)
    await town.patch(f"/v1/areas/{town.areas['county.north.g1']}", {"boundary": INNER}, version=1)
    ring = [[120.3, 30.3], [120.9, 30.3], [120.9, 30.9], [120.3, 30.9], [120.3, 30.3]]
    multi = {"type": "MultiPolygon", "coordinates": [[ring, INNER["coordinates"][0]]]}
    await town.patch(f"/v1/areas/{town.areas['county.south']}", {"boundary": multi}, version=1)

    async def found(lat: float, lon: float) -> str | None:
        response = await town.get("/v1/areas/locate", lat=lat, lon=lon)
        return response.json()["path"] if response.status_code == 200 else None

    assert await found(30.25, 120.25) == "county.north.g1"
    assert await found(30.1, 120.1) == "county"
    assert await found(30.5, 120.5) == "county.south"
    assert await found(29.9, 120.5) is None
    for params in ({"lat": 91, "lon": 0}, {"lat": "nan", "lon": 0}, {"lat": 1}):
        assert (await town.get("/v1/areas/locate", **params)).status_code == 422


async def test_another_tenants_area_does_not_exist_here(town: Town, elsewhere: Town) -> None:
    foreign = elsewhere.areas["county"]
    assert (await town.get(f"/v1/areas/{foreign}")).status_code == 404
    assert (await town.patch(f"/v1/areas/{foreign}", {"name": "x"}, version=1, by=town.operator)).status_code == 404
    body = {"parent_id": str(foreign), "code": "x", "kind": "grid", "name": "x"}
    assert (await town.post("/v1/areas", body, by=town.operator)).json()["code"] == "unknown_area"
    same_id = {"id": str(foreign), "parent_id": str(town.areas["county"]), "code": "x", "kind": "grid", "name": "x"}
    assert (await town.post("/v1/areas", same_id)).status_code == 201
