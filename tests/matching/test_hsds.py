"""The resource list for directories that speak HSDS: its shapes, its pages, and nothing that is not public."""

from typing import Any

import pytest

from shared.ids import new_id
from tests.matching.conftest import Json, Quarter
from tests.matching.hsds_shapes import (
    SHAPES,
    ApiShape,
    OrganizationShape,
    PageShape,
    ServiceAtLocationShape,
    ServiceShape,
)

HOURS = {
    "openings": [
        {"rrule": "FREQ=DAILY", "starts_on": "2026-01-01", "opens": "08:30", "closes": "17:00"},
        {"rrule": "FREQ=DAILY;INTERVAL=2", "starts_on": "2026-01-01", "opens": "18:00", "closes": "20:00"},
        {
            "rrule": "FREQ=MONTHLY;BYDAY=1MO,-1FR;COUNT=5",
            "starts_on": "2026-01-01",
            "opens": "09:00",
            "closes": "10:00",
        },
        {
            "rrule": "FREQ=WEEKLY;BYDAY=SA;UNTIL=20300101",
            "starts_on": "2026-01-01",
            "opens": "09:00",
            "closes": "10:00",
        },
    ],
    "exceptions": [],
}


class Directory:
    """A directory that reads without signing in."""

    def __init__(self, quarter: Quarter) -> None:
        self._quarter = quarter

    async def ask(self, path: str, **params: Json) -> dict[str, Any]:
        anybody = self._quarter.caller.anonymous("matching")
        response = await self._quarter.get(f"/v1/hsds/{self._quarter.caller.tenant}{path}", by=anybody, **params)
        assert response.status_code == 200, response.text
        found: dict[str, Any] = response.json()
        return found

    async def names(self, **params: Json) -> list[str]:
        return [one["name"] for one in (await self.ask("/services", **params))["contents"]]


@pytest.fixture
async def shops(quarter: Quarter) -> dict[str, dict[str, Any]]:
    partner = await quarter.partner()
    haircut = {
        "kind": "discount",
        "title": "剪发十元",
        "category": "haircut",
        "price_fen": 1050,
        "entitled_prices": [{"entitlement": "low_income", "price_fen": 0}],
        "eligibility": {"min_age": 60, "entitlements": ["elderly"], "resident_of": [str(quarter.areas["d.z"])]},
        "hours": HOURS,
        "place_text": "青岛路 1 号",
        "latitude": 37.5,
        "longitude": 122.1,
    }
    return {
        "haircut": await quarter.offer(partner, "d.z", **haircut),
        "class": await quarter.offer(partner, "d.z.c1", remote=True),
        "money": await quarter.offer(partner, kind="money", amount_fen=1, title="捐款"),
        "partner": partner,
    }


async def test_every_answer_has_the_shape_of_the_standard(quarter: Quarter, shops: dict[str, dict[str, Any]]) -> None:
    directory = Directory(quarter)
    ApiShape.model_validate(await directory.ask(""))
    for name, shape in SHAPES.items():
        page = PageShape[shape].model_validate(await directory.ask(f"/{name}"))  # type: ignore[valid-type]
        assert (page.total_items, page.size, page.empty) == (len(page.contents), len(page.contents), False), name
    full = await directory.ask(f"/services/{shops['haircut']['id']}")
    service = ServiceShape.model_validate(full)
    assert [one.amount for one in service.cost_options] == [10.5, 0]
    assert [one.get("byday") for one in full["schedules"]] == ["MO,TU,WE,TH,FR,SA,SU", None, "1MO,-1FR", "SA"]
    assert [one.get("freq") for one in full["schedules"]] == ["WEEKLY", None, "MONTHLY", "WEEKLY"]
    assert (service.schedules[0].opens_at, service.minimum_age) == ("08:30+08:00", 60)
    assert {one.taxonomy_term.code for one in service.attributes} == {"discount", "haircut", "elderly", "low_income"}
    PageShape[ServiceShape].model_validate(await directory.ask("/services", full=True))
    place = await directory.ask(f"/service_at_locations/{shops['class']['id']}")
    assert ServiceAtLocationShape.model_validate(place).location.location_type == "virtual"
    organization = await directory.ask(f"/organizations/{shops['partner']['id']}")
    assert len(OrganizationShape.model_validate(organization).services) == 2
    for kind in ("taxonomies", "taxonomy_terms"):
        for one in (await directory.ask(f"/{kind}"))["contents"]:
            assert await directory.ask(f"/{kind}/{one['id']}") == one


async def test_only_what_is_public_is_told(quarter: Quarter, shops: dict[str, dict[str, Any]]) -> None:
    directory = Directory(quarter)
    person = {"unit_id": str(quarter.units["club"]), "kind": "resident", "area_id": str(quarter.areas["d"])}
    neighbour = await quarter.made("/v1/partners", person)
    neighbour = await quarter.made(f"/v1/partners/{neighbour['id']}/vet", {"decision": "vet"}, version=1)
    private = await quarter.offer(neighbour, title="邻居帮忙")
    waiting = await quarter.offer(await quarter.partner("builder", vetted=False), title="未审核")
    assert sorted(await directory.names()) == ["剪发十元", "四点半课堂"]
    for hidden in (private, waiting, shops["money"]):
        anybody = quarter.caller.anonymous("matching")
        path = f"/v1/hsds/{quarter.caller.tenant}/services/{hidden['id']}"
        assert (await quarter.get(path, by=anybody)).status_code == 404
    assert [one["id"] for one in (await directory.ask("/organizations"))["contents"]] == [shops["partner"]["id"]]
    await quarter.patch(f"/v1/offers/{shops['class']['id']}", {"active": False}, version=1)
    assert await directory.names() == ["剪发十元"]


async def test_conditions_add_up_and_pages_follow(quarter: Quarter, shops: dict[str, dict[str, Any]]) -> None:
    directory = Directory(quarter)
    terms = {one["code"]: one["id"] for one in (await directory.ask("/taxonomy_terms"))["contents"]}
    partner = shops["partner"]["id"]
    for params, expected in (
        ({"taxonomy_term_id": terms["haircut"]}, ["剪发十元"]),
        ({"taxonomy_term_id": terms["low_income"]}, ["剪发十元"]),
        ({"taxonomy_term_id": terms["elderly"], "organization_id": partner}, ["剪发十元"]),
        ({"taxonomy_term_id": terms["service"]}, ["四点半课堂"]),
        ({"taxonomy_term_id": terms["haircut"], "search": "课堂"}, []),
        ({"taxonomy_term_id": str(new_id())}, []),
        ({"organization_id": str(new_id())}, []),
        ({"search": "%"}, []),
        ({"modified_after": "2100-01-01T00:00:00Z"}, []),
        ({"modified_after": "2020-01-01T00:00:00Z", "search": "剪发"}, ["剪发十元"]),
    ):
        assert await directory.names(**params) == expected, params
    first, second = [await directory.ask("/services", per_page=1, page=page) for page in (1, 2)]
    told = [
        [one[name] for name in ("total_items", "total_pages", "first_page", "last_page")] for one in (first, second)
    ]
    assert told == [[2, 2, True, False], [2, 2, False, True]]
    assert first["contents"][0]["id"] != second["contents"][0]["id"]
    beyond = await directory.ask("/services", page=3, per_page=1)
    assert (beyond["empty"], beyond["size"], beyond["contents"]) == (True, 0, [])


async def test_another_tenant_has_a_directory_of_its_own(quarter: Quarter, elsewhere: Quarter, shops: Json) -> None:
    assert shops
    assert await Directory(elsewhere).names() == []
    anybody = quarter.caller.anonymous("matching")
    assert (await quarter.get("/v1/hsds/Not-a-tenant/services", by=anybody)).status_code == 422
