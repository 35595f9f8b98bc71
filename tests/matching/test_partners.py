"""Partners over HTTP: who may apply, who vets, and that trust does not stretch by itself."""

import asyncio

import pytest

from shared.auth import Role
from shared.ids import new_id
from tests.matching.conftest import Json, Quarter


async def test_a_unit_applies_and_an_officer_vets_it(quarter: Quarter) -> None:
    body = {"unit_id": str(quarter.units["school"]), "kind": "association", "area_id": str(quarter.areas["d.z"])}
    response = await quarter.post("/v1/partners", body, by=quarter.staff_of("school"))
    partner = response.json()
    assert response.status_code == 201
    assert response.headers["location"] == f"/v1/partners/{partner['id']}"
    assert response.headers["etag"] == '"1"'
    assert (partner["state"], partner["coverage"], partner["version"]) == ("applied", "d.z", 1)
    assert {item["action"]: item["allowed"] for item in partner["next_actions"]} == dict.fromkeys(
        ("vet", "refuse", "suspend"), False
    ) | {"reapply": False}
    path = f"/v1/partners/{partner['id']}"
    denied = await quarter.post(f"{path}/vet", {"decision": "vet"}, by=quarter.holding(Role.OFFICER, "d.y"), version=1)
    assert (denied.status_code, denied.json()["rule"]) == (403, "officers_vet")
    vetted = await quarter.made(f"{path}/vet", {"decision": "vet"}, version=1)
    assert (vetted["state"], vetted["version"]) == ("vetted", 2)
    again = await quarter.post(f"{path}/vet", {"decision": "vet"}, version=2)
    assert (again.status_code, again.json()["code"]) == (409, "wrong_state")
    assert {"suspend"} == {item["action"] for item in again.json()["next_actions"] if item["allowed"]}
    assert (await quarter.made(f"{path}/vet", {"decision": "suspend", "reason": "多次未履约"}, version=2))[
        "state"
    ] == "suspended"


async def test_an_application_sent_twice_is_one_even_at_the_same_moment(quarter: Quarter) -> None:
    body = {
        "id": str(new_id()),
        "unit_id": str(quarter.units["school"]),
        "kind": "association",
        "area_id": str(quarter.areas["d"]),
    }
    responses = await asyncio.gather(*(quarter.post("/v1/partners", body) for _ in range(5)))
    assert sorted(response.status_code for response in responses) == [200, 200, 200, 200, 201]
    other = await quarter.post("/v1/partners", {**body, "kind": "business"})
    assert (other.status_code, other.json()["code"]) == (409, "id_taken")
    second = await quarter.post("/v1/partners", {**body, "id": str(new_id())})
    assert (second.status_code, second.json()["code"]) == (409, "already_partner")


async def test_one_unit_becomes_one_partner_even_at_the_same_moment(quarter: Quarter) -> None:
    body = {"unit_id": str(quarter.units["school"]), "kind": "association", "area_id": str(quarter.areas["d"])}
    responses = await asyncio.gather(*(quarter.post("/v1/partners", body) for _ in range(5)))
    assert sorted(response.status_code for response in responses) == [201, 409, 409, 409, 409]
    assert {response.json()["code"] for response in responses if response.status_code == 409} == {"already_partner"}


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"unit_id": "00000000-0000-7000-8000-000000000000"}, 422, "unknown_unit"),
        ({"area_id": "00000000-0000-7000-8000-000000000000"}, 422, "unknown_area"),
        ({"kind": "planet"}, 422, "invalid_request"),
        ({"note": "a\0b"}, 422, "nul_character"),
        ({"note": "x" * 4001}, 422, "invalid_request"),
        ({"more": 1}, 422, "invalid_request"),
    ],
)
async def test_a_wrong_application_is_refused(
    quarter: Quarter, change: dict[str, Json], status: int, code: str
) -> None:
    body = {
        "unit_id": str(quarter.units["school"]),
        "kind": "association",
        "area_id": str(quarter.areas["d"]),
        **change,
    }
    response = await quarter.post("/v1/partners", body)
    assert (response.status_code, response.json()["code"]) == (status, code)
    assert (await quarter.read("/v1/partners"))["items"] == []


async def test_nobody_applies_for_a_foreign_unit(quarter: Quarter) -> None:
    body = {"unit_id": str(quarter.units["school"]), "kind": "association", "area_id": str(quarter.areas["d"])}
    foreign = await quarter.post("/v1/partners", body, by=quarter.staff_of("club"))
    assert foreign.status_code == 403
    assert (await quarter.post("/v1/partners", body, by=quarter.resident)).json()["rule"] == "role_required"


async def test_a_wider_or_other_area_has_to_be_vetted_again(quarter: Quarter) -> None:
    quarter.areas["d.z0"] = await quarter.places.area("d.z0", kind="zone")
    partner = await quarter.partner(area="d.z")
    path, staff = f"/v1/partners/{partner['id']}", quarter.staff_of("school")

    async def moved(area: str, version: int) -> str:
        response = await quarter.patch(path, {"area_id": str(quarter.areas[area])}, by=staff, version=version)
        assert response.status_code == 200, response.text
        return str(response.json()["state"])

    assert await moved("d.z.c1", 2) == "vetted"
    assert await moved("d.z", 3) == "applied"
    await quarter.made(f"{path}/vet", {"decision": "vet"}, version=4)
    # The code of this zone only begins like that of the vetted one.
    assert await moved("d.z0", 5) == "applied"


async def test_a_suspended_partner_cannot_lift_its_suspension_by_moving(quarter: Quarter) -> None:
    partner = await quarter.partner(area="d.z")
    path = f"/v1/partners/{partner['id']}"
    await quarter.made(f"{path}/vet", {"decision": "suspend", "reason": "多次未履约"}, version=2)
    moved = await quarter.patch(path, {"area_id": str(quarter.areas["d"])}, by=quarter.staff_of("school"), version=3)
    assert moved.json()["state"] == "suspended"


async def test_a_stale_or_missing_version_changes_nothing(quarter: Quarter) -> None:
    partner = await quarter.partner()
    path = f"/v1/partners/{partner['id']}"
    assert (await quarter.patch(path, {"note": "x"})).status_code == 428
    stale = await quarter.patch(path, {"note": "x"}, version=1)
    assert (stale.status_code, stale.json()["current"]["version"]) == (412, 2)
    assert (await quarter.read(path))["note"] is None


async def test_partners_are_listed_page_by_page_and_by_state(quarter: Quarter) -> None:
    school, builder = await quarter.partner("school"), await quarter.partner("builder", vetted=False)
    page = await quarter.read("/v1/partners", page_size=1, by=quarter.resident)
    following = await quarter.read("/v1/partners", page_size=1, cursor=page["next_cursor"], by=quarter.resident)
    assert [item["id"] for item in (*page["items"], *following["items"])] == [builder["id"], school["id"]]
    assert following["next_cursor"] is None
    applied = await quarter.read("/v1/partners", state="applied")
    assert [item["id"] for item in applied["items"]] == [builder["id"]]


async def test_another_tenant_sees_none_of_it(quarter: Quarter, elsewhere: Quarter) -> None:
    partner = await quarter.partner()
    path = f"/v1/partners/{partner['id']}"
    assert (await elsewhere.get(path)).status_code == 404
    assert (await elsewhere.patch(path, {"note": "x"}, version=2)).status_code == 404
    assert (
        await elsewhere.post(f"{path}/vet", {"decision": "suspend", "reason": "多次未履约"}, version=2)
    ).status_code == 404
    assert (await elsewhere.read("/v1/partners"))["items"] == []
    body = {"unit_id": str(quarter.units["school"]), "kind": "association", "area_id": str(elsewhere.areas["d"])}
    assert (await elsewhere.post("/v1/partners", body)).json()["code"] == "unknown_unit"


async def test_who_is_refused_hears_why_and_may_ask_again(quarter: Quarter) -> None:
    partner = await quarter.partner(vetted=False)
    path, staff = f"/v1/partners/{partner['id']}", quarter.staff_of("school")
    silent = await quarter.post(f"{path}/vet", {"decision": "refuse"}, version=1)
    assert (silent.status_code, silent.json()["code"]) == (422, "reason_missing")
    refused = await quarter.made(f"{path}/vet", {"decision": "refuse", "reason": "材料不全"}, version=1)
    assert (refused["state"], refused["reason"]) == ("refused", "材料不全")
    assert (await quarter.post(f"{path}/vet", {"decision": "vet"}, version=2)).status_code == 409
    note = {"note": "已补齐"}
    assert (await quarter.post(f"{path}/reapply", note, by=quarter.staff_of("club"), version=2)).status_code == 403
    again = await quarter.made(f"{path}/reapply", note, by=staff, version=2)
    assert (again["state"], again["note"]) == ("applied", "已补齐")
    assert (await quarter.made(f"{path}/vet", {"decision": "vet"}, version=3))["state"] == "vetted"
    steps = (await quarter.read(f"{path}/steps", by=staff))["items"]
    told = [(step["step"], step["from_state"], step["to_state"], step["reason"]) for step in steps]
    assert told == [
        ("apply", None, "applied", None),
        ("refuse", "applied", "refused", "材料不全"),
        ("reapply", "refused", "applied", None),
        ("vet", "applied", "vetted", None),
    ]
    assert (await quarter.get(f"{path}/steps", by=quarter.staff_of("club"))).status_code == 403


async def test_a_partner_covers_several_areas_and_is_vetted_by_who_looks_after_all_of_them(quarter: Quarter) -> None:
    body = {
        "unit_id": str(quarter.units["school"]),
        "kind": "business",
        "area_id": str(quarter.areas["d.z.c1"]),
        "further_area_ids": [str(quarter.areas[path]) for path in ("d.y", "d.y", "d.z.c1")],
    }
    partner = await quarter.made("/v1/partners", body)
    assert [one["path"] for one in partner["covers"]] == ["d.z.c1", "d.y"]
    path = f"/v1/partners/{partner['id']}"
    half = await quarter.post(f"{path}/vet", {"decision": "vet"}, by=quarter.holding(Role.OFFICER, "d.z"), version=1)
    assert half.status_code == 403
    await quarter.made(f"{path}/vet", {"decision": "vet"}, version=1)
    for area, status in (("d.y", 201), ("d.z.c1", 201), ("d.z.c2", 422)):
        assert (await quarter.post("/v1/offers", quarter.offer_body(partner, area))).status_code == status, area
    narrower = await quarter.patch(path, {"further_area_ids": []}, version=2)
    assert narrower.json()["state"] == "vetted"
    wider = await quarter.patch(path, {"further_area_ids": [str(quarter.areas["d.z"])]}, version=3)
    assert wider.json()["state"] == "applied"
    unknown = {"further_area_ids": ["00000000-0000-7000-8000-000000000000"]}
    assert (await quarter.patch(path, unknown, version=4)).json()["code"] == "unknown_area"
