"""The three lists without signing in: what is unmet on top, nothing personal, and only of areas that are open."""

from typing import Any
from uuid import UUID

import httpx
import pytest

from services.matching.open_lists.schemas import OpenNeedOut, OpenOfferOut, OpenProjectOut
from shared.auth import Role
from shared.clock import utc_now
from shared.contracts.directory import AreaChanged
from shared.ids import new_id
from tests.matching.conftest import Quarter

_PERSONAL = {
    "case_id",
    "case_ids",
    "latitude",
    "longitude",
    "withdrawn_reason",
    "description",
    "accepted_by",
    "taker_id",
}


async def opened(quarter: Quarter, what: str, area: str | UUID = "d", **params: Any) -> httpx.Response:
    """Ask for a list as a passer-by."""
    area_id = quarter.areas[area] if isinstance(area, str) else area
    path = f"/v1/open-lists/{quarter.caller.tenant}/areas/{area_id}/{what}"
    return await quarter.http.get(path, params=params)


async def lines(quarter: Quarter, what: str, area: str = "d", **params: Any) -> list[dict[str, Any]]:
    answer = await opened(quarter, what, area, **params)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


async def test_the_shapes_have_no_personal_member() -> None:
    for shape in (OpenNeedOut, OpenOfferOut, OpenProjectOut):
        assert _PERSONAL.isdisjoint(shape.model_fields), shape


async def test_anybody_reads_what_an_area_needs_and_sees_neither_case_nor_point(quarter: Quarter) -> None:
    case_id = await quarter.case()
    need = await quarter.need("d.z.c1", case_id=str(case_id), latitude=37.123456, longitude=122.654321, quantity=2)
    await quarter.need("d.y")
    answer = await opened(quarter, "needs", "d.z")
    assert answer.status_code == 200
    (line,) = answer.json()["items"]
    assert (line["id"], line["summary"], line["quantity"]) == (need["id"], need["summary"], 2)
    assert (line["area_path"], line["no_match_reason"]) == ("d.z.c1", "no_suitable_resource")
    for secret in (str(case_id), "37.1", "122.6"):
        assert secret not in answer.text


async def test_what_nothing_suits_is_on_top_then_what_is_open_then_the_rest(quarter: Quarter) -> None:
    unmet_old = await quarter.need("d.z.c1", category="drainage", summary="下水道堵塞")
    await quarter.offer(await quarter.partner(), quantity=9, self_confirming=True)
    matched, met, gone, suited = [await quarter.need() for _ in range(4)]
    unmet_new = await quarter.need("d.z.c2", category="drainage", summary="楼道漏水")
    for need in (matched, met):
        found = await quarter.read(f"/v1/needs/{need['id']}/matches")
        project = await quarter.made(f"/v1/matches/{found['matches'][0]['id']}/accept", {}, version=1)
        if need is met:
            path = f"/v1/projects/{project['id']}/complete"
            await quarter.made(path, {"proof": "已开课"}, version=project["version"])
    await quarter.made(f"/v1/needs/{gone['id']}/withdraw", {"reason": "不再需要"}, version=gone["version"])
    expected = [item["id"] for item in (unmet_new, unmet_old, suited, matched, met)]
    assert [item["id"] for item in await lines(quarter, "needs")] == expected
    signed_in = await quarter.read("/v1/needs", by=quarter.resident)
    assert [item["id"] for item in signed_in["items"]] == [*expected, gone["id"]]
    for unmet in (await lines(quarter, "needs", unmet=True), (await quarter.read("/v1/needs", unmet=True))["items"]):
        assert [item["id"] for item in unmet] == expected[:2]
    assert [item["id"] for item in await lines(quarter, "needs", state="met")] == [met["id"]]


@pytest.mark.parametrize("size", [1, 2, 4])
async def test_pages_follow_the_order_and_a_cursor_of_another_list_is_refused(quarter: Quarter, size: int) -> None:
    await quarter.need(category="drainage", summary="下水道堵塞")
    await quarter.offer(await quarter.partner(), quantity=9)
    for _ in range(3):
        await quarter.need()
    await quarter.need(category="drainage", summary="楼道漏水")
    whole = [item["id"] for item in await lines(quarter, "needs")]
    walked: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = (await opened(quarter, "needs", page_size=size, **cursor)).json()
        walked += [item["id"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert walked == whole
    assert len(whole) == 5
    forged = await opened(quarter, "needs", "d.z", **cursor)
    assert (forged.status_code, forged.json()["code"]) == (400, "bad_cursor")


async def test_only_vetted_organisations_stand_on_the_open_resource_list(quarter: Quarter) -> None:
    school = await quarter.partner()
    wide = await quarter.offer(school, "d", title="全区课堂")
    near = await quarter.offer(
        school, "d.z.c1", kind="venue", title="多功能厅", place_text="青岛路 1 号", latitude=37.5, longitude=122.1
    )
    await quarter.offer(school, "d.y", title="别处的课堂")
    await quarter.offer(await quarter.partner("club", vetted=False), title="未审核")
    private = {"unit_id": str(quarter.units["builder"]), "kind": "resident", "area_id": str(quarter.areas["d"])}
    person = await quarter.made("/v1/partners", private)
    await quarter.made(f"/v1/partners/{person['id']}/vet", {"decision": "vet"}, version=person["version"])
    await quarter.offer(person, title="个人的好意")
    found = await lines(quarter, "offers", "d.z.c1")
    assert [(item["id"], item["place_text"]) for item in found] == [(near["id"], "青岛路 1 号"), (wide["id"], None)]
    assert {item["partner_name"] for item in found} == {"school"}
    assert "37.5" not in (await opened(quarter, "offers", "d.z.c1")).text
    await quarter.patch(f"/v1/offers/{near['id']}", {"active": False}, version=near["version"])
    assert [item["id"] for item in await lines(quarter, "offers", "d.z.c1")] == [wide["id"]]
    assert await lines(quarter, "offers", "d.z.c1", kind="venue") == []


async def test_the_open_project_list_tells_who_leads_and_how_far_it_is(quarter: Quarter) -> None:
    case_id = await quarter.case()
    project = await quarter.project(case_id=str(case_id))
    milestone = project["milestones"][0]["id"]
    path = f"/v1/projects/{project['id']}/milestones/{milestone}/reach"
    await quarter.made(path, {"proof": "现场照片"}, version=project["version"])
    answer = await opened(quarter, "projects")
    (line,) = answer.json()["items"]
    assert (line["number"], line["lead_unit_name"], line["state"]) == (project["number"], "builder", "running")
    assert (line["milestones"], line["milestones_reached"], line["budget_state"]) == (2, 1, "none")
    assert str(case_id) not in answer.text
    assert "现场照片" not in answer.text
    assert await lines(quarter, "projects", "d.y") == []
    assert await lines(quarter, "projects", state="completed") == []


async def test_a_private_person_who_leads_is_not_named(quarter: Quarter) -> None:
    private = {"unit_id": str(quarter.units["builder"]), "kind": "resident", "area_id": str(quarter.areas["d"])}
    await quarter.made("/v1/partners", private)
    await quarter.project()
    (line,) = await lines(quarter, "projects")
    assert line["lead_unit_name"] is None


async def test_lists_of_an_unknown_or_closed_area_are_a_problem(quarter: Quarter, elsewhere: Quarter) -> None:
    closed = quarter.areas["d.y"]
    told = AreaChanged(
        area_id=closed, path="d.y", kind="zone", name="y", parent_id=quarter.areas["d"], closed_on=utc_now().date()
    )
    await quarter.pipe.publish("directory", quarter.caller.tenant, f"area/{closed}", told)
    await quarter.pipe.rest()
    for what in ("needs", "offers", "projects"):
        for area_id in (new_id(), closed, elsewhere.areas["d"]):
            answer = await opened(quarter, what, area_id)
            assert (answer.status_code, answer.json()["code"]) == (404, "unknown_area"), what
            assert answer.headers["content-type"] == "application/problem+json"
        assert (await quarter.http.get(f"/v1/open-lists/A-B/areas/{new_id()}/{what}")).status_code == 422
    areas = await quarter.http.get(f"/v1/open-lists/{quarter.caller.tenant}/areas")
    paths = [item["path"] for item in areas.json()["items"]]
    assert paths == ["d", "d.z", "d.z.c1", "d.z.c2"]


async def test_case_and_point_of_a_need_are_for_its_staff_and_whoever_works_on_it(quarter: Quarter) -> None:
    case_id = await quarter.case(claimed_by="builder")
    members = {"case_id": str(case_id), "latitude": 37.5, "longitude": 122.1}
    need = await quarter.need("d.z.c1", **members)
    await quarter.offer(await quarter.partner())
    path = f"/v1/needs/{need['id']}"
    staff = (quarter.officer, quarter.holding(Role.GRID_WORKER, "d.z.c1"), quarter.staff_of("builder"))
    strangers = (
        quarter.resident,
        quarter.holding(Role.OFFICER, "d.y"),
        quarter.staff_of("school"),
    )
    for callers, expected in ((staff, members), (strangers, dict.fromkeys(members))):
        for by in callers:
            listed = (await quarter.read("/v1/needs", by=by))["items"][0]
            for shown in (await quarter.read(path, by=by), listed):
                assert {name: shown[name] for name in members} == expected
    found = await quarter.made(f"{path}/matches", None)
    await quarter.made(f"/v1/matches/{found['matches'][0]['id']}/accept", {}, version=1)
    at_work = await quarter.read(path, by=quarter.staff_of("school"))
    assert {name: at_work[name] for name in members} == members
