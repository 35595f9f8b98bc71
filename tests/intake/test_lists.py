"""Lists and who sees what: by area, by requester, by unit, and never across tenants."""

from typing import Any

import pytest

from shared.auth import Role
from shared.ids import new_id
from tests.intake.conftest import GRID, MEDIUM, NORTH, SIMPLE, Headers, Json, Street, due_in


async def ids(street: Street, *, by: Headers | None = None, **filters: Json) -> list[str]:
    response = await street.get("/v1/cases", by=by, **filters)
    assert response.status_code == 200, response.text
    return [item["id"] for item in response.json()["items"]]


async def test_a_list_goes_on_where_it_stopped_newest_first(street: Street) -> None:
    filed = [(await street.filed())["id"] for _ in range(7)]
    seen: list[str] = []
    cursor: dict[str, str] = {}
    for size in (2, 3, 2):
        page = (await street.get("/v1/cases", by=street.officer, page_size=size, **cursor)).json()
        seen += [item["id"] for item in page["items"]]
        # What is filed meanwhile does not shift the rest.
        await street.filed(category="parking")
        cursor = {"cursor": page["next_cursor"]} if page["next_cursor"] else {}
    assert seen == filed[::-1]
    assert cursor == {}


async def test_a_cursor_is_good_for_its_own_list_only(street: Street) -> None:
    for _ in range(3):
        await street.filed()
    cursor = (await street.get("/v1/cases", page_size=1)).json()["next_cursor"]
    assert (await street.get("/v1/cases", page_size=2, cursor=cursor)).status_code == 200
    for wrong in ({"cursor": cursor, "state": "filed"}, {"cursor": cursor[:-2] + "xx"}, {"cursor": "x"}):
        response = await street.get("/v1/cases", **wrong)
        assert (response.status_code, response.json()["code"]) == (400, "bad_cursor")


async def test_a_list_is_narrowed(street: Street) -> None:
    drain = await street.filed(title="井盖冒污水", description="味道很重")
    car = await street.triaged(SIMPLE, category="parking", title="消防通道停车", description="每晚 100% 占道")
    far = await street.filed(area_id=str(street.areas["county.south"]), title="路灯不亮", description="井边很黑")
    by = street.administrator
    assert await ids(street, by=by) == [far["id"], car["id"], drain["id"]]
    for filters, found in (
        ({"state": "triaged"}, [car]),
        ({"category": "drainage"}, [far, drain]),
        ({"level": "grid"}, [car]),
        ({"level": "joint"}, []),
        ({"under": str(street.areas[NORTH])}, [car, drain]),
        ({"under": str(street.areas["county"])}, [far, car, drain]),
        ({"q": "污水"}, [drain]),
        ({"q": "井盖冒污"}, [drain]),
        ({"q": "占道"}, [car]),
        ({"q": "100%"}, [car]),
        ({"q": "1__%"}, []),
        ({"q": "井边很黑", "category": "drainage"}, [far]),
        ({"since": car["filed_at"]}, [far, car]),
        ({"until": car["filed_at"]}, [drain]),
        ({"mine": "true"}, []),
    ):
        assert await ids(street, by=by, **filters) == [case["id"] for case in found], filters
    assert await ids(street, mine="true", state="filed") == [far["id"], drain["id"]]


async def test_a_map_shows_where_the_cases_lie(street: Street) -> None:
    near = await street.filed(title="古树名木倾斜", location={"latitude": 30.5, "longitude": 114.3})
    beside = await street.filed(category="parking", location={"latitude": 30.51, "longitude": 114.31})
    await street.filed(location={"latitude": 31.5, "longitude": 114.3})
    await street.filed(title="没有位置")
    box = {"bbox": "114.2,30.4,114.4,30.6"}
    shown = (await street.get("/v1/cases/map", by=street.officer, **box)).json()
    assert shown["is_whole"]
    assert [point["id"] for point in shown["points"]] == [beside["id"], near["id"]]
    point = shown["points"][1]
    assert (point["latitude"], point["longitude"]) == (30.5, 114.3)
    assert point == {name: near[name] for name in set(point) - {"latitude", "longitude"}} | near["location"]
    for filters, found in (
        ({"category": "parking"}, [beside]),
        ({"q": "古树"}, [near]),
        ({"open": "false"}, []),
        ({"under": str(street.areas["county.south"])}, []),
        ({"mine": "true"}, []),
    ):
        narrowed = (await street.get("/v1/cases/map", by=street.officer, **box, **filters)).json()["points"]
        assert [item["id"] for item in narrowed] == [case["id"] for case in found], filters
    first = (await street.get("/v1/cases/map", by=street.officer, **box, limit=1)).json()
    assert (len(first["points"]), first["is_whole"]) == (1, False)
    stranger = street.holding(Role.RESIDENT, GRID, person=new_id())
    assert (await street.get("/v1/cases/map", by=stranger, **box)).json() == {"points": [], "is_whole": True}


@pytest.mark.parametrize(
    "wrong", [{}, {"bbox": "1,2,3"}, {"bbox": "1,2,3,4", "limit": 0}, {"bbox": "1,2,3,4", "q": "x"}]
)
async def test_a_map_without_a_box_is_refused(street: Street, wrong: Json) -> None:
    response = await street.get("/v1/cases/map", **wrong)
    assert (response.status_code, response.json()["code"]) == (422, "invalid_request")


@pytest.mark.parametrize(
    "wrong",
    [
        {"state": "lost"},
        {"level": "sky"},
        {"under": "here"},
        {"since": "yesterday"},
        {"since": "2026-01-01T00:00:00"},
        {"q": "x"},
        {"q": "x" * 101},
        {"page_size": 0},
        {"page_size": 201},
        {"category": "x" * 41},
    ],
)
async def test_a_malformed_filter_is_refused(street: Street, wrong: Json) -> None:
    response = await street.get("/v1/cases", **wrong)
    assert response.status_code == 422
    assert response.json()["errors"][0]["pointer"] == f"/query/{next(iter(wrong))}"


async def test_an_unknown_area_is_no_empty_list(street: Street, elsewhere: Street) -> None:
    for area in (new_id(), elsewhere.areas[GRID]):
        assert (await street.get("/v1/cases", under=str(area))).json()["code"] == "unknown_area"


async def test_a_line_shows_what_a_list_needs_and_no_more(street: Street) -> None:
    case = await street.filed()
    (line,) = (await street.get("/v1/cases")).json()["items"]
    assert line == {name: case[name] for name in line}
    assert set(case) - set(line) == {
        "answers",
        "form_version",
        "missing_answers",
        "clocks",
        "description",
        "location",
        "place_text",
        "requester_id",
        "resolution",
        "triage",
        "attachment_ids",
        "next_actions",
    }


def circle(street: Street) -> dict[str, tuple[Headers, bool]]:
    """Return callers by name, and whether they see a fresh case in the grid."""
    return {
        "requester": (street.owner, True),
        "grid worker": (street.grid_worker, True),
        "officer above": (street.officer, True),
        "secretary": (street.holding(Role.SECRETARY, "county.north.c1"), True),
        "convenor": (street.holding(Role.CONVENOR, NORTH), True),
        "administrator": (street.administrator, True),
        "auditor": (street.holding(Role.AUDITOR, "county"), True),
        "neighbour": (street.neighbour, False),
        "officer elsewhere": (street.holding(Role.OFFICER, "county.south"), False),
        "officer of a name alike": (street.holding(Role.OFFICER, "county.nor"), False),
        "officer below": (street.holding(Role.OFFICER, f"{GRID}.b1"), False),
        "treasurer": (street.holding(Role.TREASURER, "county"), False),
        "unit": (street.works_clerk, False),
        "nobody": (street.caller("intake"), False),
    }


async def test_a_case_is_seen_from_its_area_and_by_its_requester(street: Street) -> None:
    case = await street.filed()
    path = f"/v1/cases/{case['id']}"
    for name, (by, sees) in circle(street).items():
        expected = 200 if sees else 404
        assert (await street.get(path, by=by)).status_code == expected, name
        assert (await street.get(f"{path}/history", by=by)).status_code == expected, name
        assert await ids(street, by=by) == ([case["id"]] if sees else []), name
    for one in (path, "/v1/cases"):
        assert (await street.get(one, by=street.caller.anonymous("intake"))).status_code == 401


async def test_units_see_what_waits_for_them_and_what_is_theirs(street: Street) -> None:
    case = await street.triaged(MEDIUM)
    afar = street.caller("intake", (Role.UNIT_STAFF, "county.south", new_id()))
    assert await ids(street, by=street.works_clerk) == await ids(street, by=street.water_clerk) == [case["id"]]
    assert await ids(street, by=afar) == []
    claim = {"unit_id": str(street.works), "due_at": due_in(2)}
    case = await street.step(case, "claim", claim, by=street.works_clerk)
    assert await ids(street, by=street.works_clerk) == [case["id"]]
    assert await ids(street, by=street.water_clerk) == []


async def test_the_requester_is_named_only_to_those_who_need_it(street: Street) -> None:
    case = await street.resolved()
    joiner_id = new_id()
    joiner = street.holding(Role.RESIDENT, GRID, person=joiner_id)
    path = f"/v1/cases/{case['id']}"
    assert (await street.post(f"{path}/join", by=joiner)).status_code == 200
    now = (await street.get(path)).json()
    await street.step(now, "feedback", {"answer": "solved"}, by=street.owner)
    for by in (street.owner, street.grid_worker):
        assert (await street.get(path, by=by)).json()["requester_id"] == str(street.owner_id)
        assert str(street.owner_id) in str(await street.history(case, by=by))
    for by in (street.works_clerk, joiner):
        told = (await street.get(path, by=by)).json()
        steps = await street.history(case, by=by)
        assert told["requester_id"] is None
        assert str(street.owner_id) not in f"{told}{steps}"
        assert steps[0]["actor"] == steps[-1]["actor"] == "requester"
    assert str(joiner_id) not in str(await street.history(case, by=street.works_clerk))
    (joined,) = [step for step in await street.history(case, by=joiner) if step["step"] == "join"]
    assert joined["actor"] == f"person/{joiner_id}"


async def test_a_joined_case_is_in_the_neighbours_list(street: Street) -> None:
    await street.filed()
    case = await street.filed()
    joiner = street.neighbour
    await street.post(f"/v1/cases/{case['id']}/join", by=joiner)
    assert await ids(street, by=joiner) == [case["id"]]
    assert await ids(street, by=joiner, mine="true") == []


async def test_nothing_of_another_tenant_exists(street: Street, elsewhere: Street) -> None:
    theirs = await elsewhere.filed()
    path = f"/v1/cases/{theirs['id']}"
    by = street.caller(
        "intake",
        (Role.ADMINISTRATOR, "county"),
        (Role.OFFICER, "county"),
        (Role.RESIDENT, GRID),
        person=elsewhere.owner_id,
    )
    assert (await street.get(path, by=by)).status_code == 404
    assert (await street.get(f"{path}/history", by=by)).status_code == 404
    assert await ids(street, by=by) == []
    assert (await street.post(f"{path}/accept", {}, by=by, version=1)).status_code == 404
    assert (await street.post(f"{path}/join", by=by)).status_code == 404
    assert (await elsewhere.get(path)).json() == theirs
    # The same id may be used by both: each tenant has its own.
    assert (await street.post("/v1/cases", street.words(id=theirs["id"]))).status_code == 201


async def test_the_history_is_paged_in_order(street: Street) -> None:
    case = await street.resolved()
    path = f"/v1/cases/{case['id']}/history"
    seen: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    for _ in range(3):
        page = (await street.get(path, page_size=2, **cursor)).json()
        seen += page["items"]
        cursor = {"cursor": page["next_cursor"]}
    assert [item["position"] for item in seen] == [1, 2, 3, 4, 5, 6]
    assert cursor == {"cursor": None}
