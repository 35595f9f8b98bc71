"""Offers over HTTP: what may stand on the resource list, and that its numbers stay true."""

import asyncio

import pytest

from shared.auth import Role
from shared.ids import new_id
from tests.matching.conftest import Json, Quarter


async def test_a_partner_puts_something_on_the_list(quarter: Quarter) -> None:
    partner = await quarter.partner(area="d.z")
    body = quarter.offer_body(partner, "d.z.c1", quantity=3, price_fen=1000)
    response = await quarter.post("/v1/offers", body, by=quarter.staff_of("school"))
    offer = response.json()
    assert response.status_code == 201
    assert response.headers["location"] == f"/v1/offers/{offer['id']}"
    assert (offer["quantity"], offer["held"], offer["committed"], offer["price_fen"]) == (3, 0, 0, 1000)
    assert (offer["coverage"], offer["active"], offer["valid_until"]) == ("d.z.c1", True, None)
    assert await quarter.read(f"/v1/offers/{offer['id']}", by=quarter.resident) == offer


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"partner_id": "00000000-0000-7000-8000-000000000000"}, "unknown_partner"),
        ({"area_id": "00000000-0000-7000-8000-000000000000"}, "unknown_area"),
        ({"kind": "planet"}, "invalid_request"),
        ({"category": "After School"}, "invalid_request"),
        ({"quantity": 0}, "invalid_request"),
        ({"quantity": 1.0}, "invalid_request"),
        ({"quantity": "1"}, "invalid_request"),
        ({"quantity": True}, "invalid_request"),
        ({"price_fen": -1}, "invalid_request"),
        ({"price_fen": 9.5}, "invalid_request"),
        ({"title": "   "}, "invalid_request"),
        ({"title": "x" * 201}, "invalid_request"),
        (
            {"valid_from": "2030-01-02T00:00:00+08:00", "valid_until": "2030-01-01T00:00:00+08:00"},
            "validity_ends_before_it_begins",
        ),
        ({"valid_until": "2020-01-01T00:00:00Z"}, "validity_ends_before_it_begins"),
        ({"valid_until": "2030-01-01T00:00:00"}, "invalid_request"),
        ({"valid_until": "9999-12-31T23:59:59-12:00"}, "invalid_request"),
        ({"valid_from": "0001-01-01T00:00:00+12:00"}, "invalid_request"),
        ({"held": 1}, "invalid_request"),
    ],
)
async def test_a_wrong_offer_is_refused(quarter: Quarter, change: dict[str, Json], code: str) -> None:
    response = await quarter.post("/v1/offers", quarter.offer_body(await quarter.partner(), **change))
    assert (response.status_code, response.json()["code"]) == (422, code)
    assert (await quarter.read("/v1/offers"))["items"] == []


async def test_an_offer_stays_inside_of_what_was_vetted(quarter: Quarter) -> None:
    quarter.areas["d.z0"] = await quarter.places.area("d.z0", kind="zone")
    partner = await quarter.partner(area="d.z")
    for area in ("d", "d.y", "d.z0"):
        response = await quarter.post("/v1/offers", quarter.offer_body(partner, area))
        assert (response.status_code, response.json()["code"]) == (422, "outside_coverage"), area


async def test_only_the_unit_itself_or_an_officer_speaks_for_a_partner(quarter: Quarter) -> None:
    partner = await quarter.partner(area="d.z")
    body = quarter.offer_body(partner, "d.z")
    assert (await quarter.post("/v1/offers", body, by=quarter.staff_of("club"))).status_code == 403
    assert (await quarter.post("/v1/offers", body, by=quarter.holding(Role.OFFICER, "d.y"))).status_code == 403
    assert (await quarter.post("/v1/offers", body, by=quarter.resident)).status_code == 403
    assert (await quarter.post("/v1/offers", body, by=quarter.holding(Role.OFFICER, "d.z"))).status_code == 201


async def test_an_offer_sent_twice_is_one_even_at_the_same_moment(quarter: Quarter) -> None:
    body = quarter.offer_body(await quarter.partner(), id=str(new_id()))
    responses = await asyncio.gather(*(quarter.post("/v1/offers", body) for _ in range(5)))
    assert sorted(response.status_code for response in responses) == [200, 200, 200, 200, 201]
    for change in ({"title": "另一项"}, {"quantity": 7}, {"price_fen": 5}, {"valid_until": "2099-01-01T00:00:00Z"}):
        other = await quarter.post("/v1/offers", {**body, **change})
        assert (other.status_code, other.json()["code"]) == (409, "id_taken"), change


async def test_a_change_confirms_an_offer(quarter: Quarter) -> None:
    offer = await quarter.offer(await quarter.partner(), quantity=2)
    path, staff = f"/v1/offers/{offer['id']}", quarter.staff_of("school")
    changed = (await quarter.patch(path, {"quantity": 5, "title": "新名称"}, by=staff, version=1)).json()
    assert (changed["quantity"], changed["title"], changed["version"]) == (5, "新名称", 2)
    assert changed["confirmed_at"] > offer["confirmed_at"]
    assert (await quarter.patch(path, {}, by=staff, version=1)).status_code == 412
    assert (await quarter.patch(path, {}, by=staff)).status_code == 428
    assert (await quarter.patch(path, {}, by=quarter.staff_of("club"), version=2)).status_code == 403
    ended = await quarter.patch(path, {"valid_until": "2020-01-01T00:00:00Z"}, by=staff, version=2)
    assert ended.json()["code"] == "validity_ends_before_it_begins"


async def test_less_than_what_is_in_use_cannot_be_offered(quarter: Quarter) -> None:
    match = await quarter.match(quantity=2, self_confirming=True)
    await quarter.made(f"/v1/matches/{match['id']}/accept", {}, version=1)
    offer = await quarter.read(f"/v1/offers/{match['offer_id']}")
    assert (offer["held"], offer["committed"]) == (0, 1)
    path = f"/v1/offers/{offer['id']}"
    second = await quarter.need()
    found = (await quarter.read(f"/v1/needs/{second['id']}/matches"))["matches"][0]
    await quarter.made(f"/v1/matches/{found['id']}/accept", {}, version=1)
    version = (await quarter.read(path))["version"]
    response = await quarter.patch(path, {"quantity": 1}, version=version)
    assert (response.status_code, response.json()["code"]) == (409, "quantity_in_use")


async def test_the_resource_list_is_filtered_and_paged(quarter: Quarter) -> None:
    partner = await quarter.partner()
    first = await quarter.offer(partner, "d.z")
    second = await quarter.offer(partner, "d.z.c1", category="drainage", title="管道疏通")
    third = await quarter.offer(partner, "d.y")
    seen: list[str] = []
    cursor: dict[str, str] = {}
    for _ in range(3):
        page = await quarter.read("/v1/offers", page_size=1, by=quarter.resident, **cursor)
        seen += [item["id"] for item in page["items"]]
        cursor = {"cursor": page["next_cursor"]}
    assert (seen, page["next_cursor"]) == ([third["id"], second["id"], first["id"]], None)
    for filters, expected in (
        ({"under": str(quarter.areas["d.z"])}, [second, first]),
        ({"category": "drainage"}, [second]),
        ({"partner_id": partner["id"], "under": str(quarter.areas["d.y"])}, [third]),
        ({"q": "疏通"}, [second]),
        ({"q": "%"}, []),
    ):
        found = await quarter.read("/v1/offers", **filters)
        assert [item["id"] for item in found["items"]] == [item["id"] for item in expected], filters


async def test_another_tenant_sees_none_of_it(quarter: Quarter, elsewhere: Quarter) -> None:
    offer = await quarter.offer(await quarter.partner())
    path = f"/v1/offers/{offer['id']}"
    assert (await elsewhere.get(path)).status_code == 404
    assert (await elsewhere.patch(path, {}, version=1)).status_code == 404
    assert (await elsewhere.read("/v1/offers"))["items"] == []
