"""Projects that take on several needs, are helped by several units, end early, and tell all whom they concern."""

from typing import Any

import pytest

from shared.auth import Role
from shared.contracts.intake import CaseNeedRaised
from shared.db import Database
from shared.ids import new_id
from tests.matching.conftest import Json, Quarter
from tests.matching.test_projects import asked, outbox

UNKNOWN = "00000000-0000-7000-8000-000000000000"


async def told(quarter: Quarter, databases: dict[str, Database], project: dict[str, Any], kind: str) -> list[Any]:
    """Return to which cases something was told of a project."""
    events = await outbox(databases, quarter.caller.tenant, f"project/{project['id']}")
    return [item["data"]["case_id"] for item in events if item["type"] == f"linli.project.{kind}.v1"]


async def step(quarter: Quarter, project: dict[str, Any], path: str, body: object, **options: Json) -> dict[str, Any]:
    version = (await quarter.read(f"/v1/projects/{project['id']}"))["version"]
    return await quarter.made(f"/v1/projects/{project['id']}/{path}", body, version=version, **options)


async def test_the_requesters_of_all_joined_needs_hear_every_milestone(
    quarter: Quarter, databases: dict[str, Database]
) -> None:
    cases = [str(await quarter.case()) for _ in range(3)]
    needs = [await quarter.need(case_id=case) for case in cases[1:]]
    again = await quarter.need(case_id=cases[1])
    project = await quarter.project(case_id=cases[0], need_ids=[needs[0]["id"], again["id"]])
    assert set(project["need_ids"]) == {needs[0]["id"], again["id"]}
    assert set(project["case_ids"]) == set(cases[:2])
    joined = await step(quarter, project, "needs", {"need_id": needs[1]["id"]})
    assert set(joined["case_ids"]) == set(cases)
    assert await told(quarter, databases, project, "opened") == cases
    for milestone in project["milestones"]:
        await step(quarter, project, f"milestones/{milestone['id']}/reach", {"proof": "照片"})
    assert sorted(await told(quarter, databases, project, "progressed")) == sorted(cases * 2)
    await step(quarter, project, "complete", {"proof": "验收单"})
    assert sorted(await told(quarter, databases, project, "completed")) == sorted(cases)
    states = [(await quarter.read(f"/v1/needs/{need['id']}"))["state"] for need in (*needs, again)]
    assert states == ["met"] * 3


async def test_a_project_without_a_case_tells_of_its_milestones_once(
    quarter: Quarter, databases: dict[str, Database]
) -> None:
    project = await quarter.project()
    await step(quarter, project, f"milestones/{project['milestones'][0]['id']}/reach", {"proof": "照片"})
    assert await told(quarter, databases, project, "progressed") == [None]


async def test_a_project_of_needs_alone_is_told_once_for_itself_and_once_for_each_case(
    quarter: Quarter, databases: dict[str, Database]
) -> None:
    cases = [str(await quarter.case()) for _ in range(2)]
    needs = [(await quarter.need(case_id=case))["id"] for case in cases]
    project = await quarter.project(need_ids=needs)
    await step(quarter, project, f"milestones/{project['milestones'][0]['id']}/reach", {"proof": "照片"})
    first, *rest = await told(quarter, databases, project, "progressed")
    assert (first, sorted(rest)) == (None, sorted(cases))


async def test_a_match_that_joins_a_project_brings_its_case_along(
    quarter: Quarter, databases: dict[str, Database]
) -> None:
    first, second = str(await quarter.case()), str(await quarter.case())
    project = await quarter.project(case_id=first)
    await quarter.offer(await quarter.partner())
    need = await quarter.need(case_id=second)
    match = (await quarter.read(f"/v1/needs/{need['id']}/matches"))["matches"][0]
    joined = await quarter.made(f"/v1/matches/{match['id']}/accept", {"project_id": project["id"]}, version=1)
    assert joined["case_ids"] == [first, second]
    assert await told(quarter, databases, project, "opened") == [first, second]


async def test_a_need_belongs_to_one_project_at_a_time(quarter: Quarter) -> None:
    need = await quarter.need()
    one, other = await quarter.project(), await quarter.project()
    await step(quarter, one, "needs", {"need_id": need["id"]})
    for project, need_id, status, code in (
        (other, need["id"], 409, "need_not_open"),
        (one, need["id"], 409, "need_not_open"),
        (one, UNKNOWN, 422, "unknown_need"),
    ):
        version = (await quarter.read(f"/v1/projects/{project['id']}"))["version"]
        path = f"/v1/projects/{project['id']}/needs"
        refused = await quarter.post(path, {"need_id": need_id}, version=version)
        assert (refused.status_code, refused.json()["code"]) == (status, code)
    body = {"title": "x", "area_id": str(quarter.areas["d.z.c1"]), "need_ids": [need["id"]]}
    taken = await quarter.post("/v1/projects", body)
    assert (taken.status_code, taken.json()["code"]) == (409, "need_not_open")
    assert len((await quarter.read("/v1/projects"))["items"]) == 2


async def test_units_come_to_help_and_leave(quarter: Quarter) -> None:
    project = await quarter.project()
    club = str(quarter.units["club"])
    for _ in range(2):
        helped = await step(quarter, project, "helping-units", {"unit_id": club})
    assert (helped["helping_unit_ids"], helped["version"]) == ([club], 2)
    path = f"/v1/projects/{project['id']}/helping-units"
    lead = await quarter.post(path, {"unit_id": str(quarter.units["builder"])}, version=2)
    assert (lead.status_code, lead.json()["code"]) == (409, "lead_is_not_helper")
    unknown = await quarter.post(path, {"unit_id": UNKNOWN}, version=2)
    assert (unknown.status_code, unknown.json()["code"]) == (422, "unknown_unit")
    left = await quarter.call("DELETE", f"{path}/{club}", version=2)
    assert (left.status_code, left.json()["helping_unit_ids"]) == (200, [])
    assert (await quarter.call("DELETE", f"{path}/{club}", version=3)).status_code == 404
    assert (await quarter.call("DELETE", f"{path}/{club}")).status_code == 428


async def test_a_cancelled_project_gives_back_what_it_took(quarter: Quarter, databases: dict[str, Database]) -> None:
    case = str(await quarter.case())
    offer = await quarter.offer(await quarter.partner(), quantity=3, self_confirming=True)
    need = await quarter.need(case_id=case, quantity=2)
    other = await quarter.need()
    match = (await quarter.read(f"/v1/needs/{need['id']}/matches"))["matches"][0]
    project = await quarter.made(f"/v1/matches/{match['id']}/accept", {}, version=1)
    await step(quarter, project, "needs", {"need_id": other["id"]})
    project = await asked(quarter, await quarter.read(f"/v1/projects/{project['id']}"))
    before = await quarter.read(f"/v1/offers/{offer['id']}")
    assert (before["free"], before["committed"]) == (1, 2)
    cancelled = await step(quarter, project, "cancel", {"reason": "居民改了主意"})
    assert (cancelled["state"], cancelled["cancel_reason"]) == ("cancelled", "居民改了主意")
    assert not any(action["allowed"] for action in cancelled["next_actions"])
    after = await quarter.read(f"/v1/offers/{offer['id']}")
    assert (after["free"], after["held"], after["committed"]) == (3, 0, 0)
    states = [(await quarter.read(f"/v1/needs/{item['id']}"))["state"] for item in (need, other)]
    assert states == ["open", "open"]
    events = await outbox(databases, quarter.caller.tenant, f"project/{project['id']}")
    (ended,) = [item["data"] for item in events if item["type"] == "linli.project.cancelled.v1"]
    assert (ended["case_id"], ended["request_id"]) == (case, project["budget"]["request_id"])
    found = (await quarter.read(f"/v1/needs/{need['id']}/matches"))["matches"][0]
    again = await quarter.made(f"/v1/matches/{found['id']}/accept", {}, version=found["version"])
    assert again["id"] != project["id"]
    twice = await quarter.post(f"/v1/projects/{project['id']}/cancel", {"reason": "x"}, version=cancelled["version"])
    assert (twice.status_code, twice.json()["code"]) == (409, "wrong_state")


async def test_a_need_is_withdrawn_by_staff_of_its_area_while_it_is_open(quarter: Quarter) -> None:
    need = await quarter.need()
    now = need["version"]
    path = f"/v1/needs/{need['id']}/withdraw"
    away = await quarter.post(path, {"reason": "x"}, by=quarter.holding(Role.OFFICER, "d.y"), version=now)
    assert (away.status_code, away.json()["rule"]) == (403, "staff_decide_matches")
    assert (await quarter.post(path, {"reason": "x"})).status_code == 428
    assert (await quarter.post(path, {}, version=now)).status_code == 422
    withdrawn = await quarter.made(path, {"reason": "已自行解决"}, version=now)
    assert (withdrawn["state"], withdrawn["withdrawn_reason"], withdrawn["version"]) == (
        "withdrawn",
        "已自行解决",
        now + 1,
    )
    project = await quarter.project()
    joined = await quarter.post(f"/v1/projects/{project['id']}/needs", {"need_id": need["id"]}, version=1)
    assert (joined.status_code, joined.json()["code"]) == (409, "need_not_open")
    again = await quarter.post(path, {"reason": "x"}, version=now + 1)
    assert (again.status_code, again.json()["code"]) == (409, "wrong_state")


@pytest.mark.parametrize("body", [{}, {"reason": " "}, {"reason": 1}, {"reason": "x", "refund": True}])
async def test_a_cancellation_says_why(quarter: Quarter, body: dict[str, Json]) -> None:
    project = await quarter.project()
    response = await quarter.post(f"/v1/projects/{project['id']}/cancel", body, version=1)
    assert (response.status_code, response.json()["code"]) == (422, "invalid_request")
    assert (await quarter.read(f"/v1/projects/{project['id']}"))["state"] == "running"


async def test_a_need_that_a_case_raises_hears_of_its_project(quarter: Quarter, databases: dict[str, Database]) -> None:
    case, need_id = await quarter.case(), new_id()
    raised = CaseNeedRaised(
        case_id=case,
        need_id=need_id,
        category="after_school",
        summary="需要课后托管",
        area_id=quarter.areas["d.z.c1"],
        area_path="d.z.c1",
        quantity=1,
        urgent=False,
    )
    await quarter.pipe.publish("intake", quarter.caller.tenant, f"case/{case}", raised)
    await quarter.pipe.rest()
    project = await quarter.project(need_ids=[str(need_id)])
    assert await told(quarter, databases, project, "opened") == [None, str(case)]
