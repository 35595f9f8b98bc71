"""Inspections and hazards: found by a checklist, rectified by a due time with proof, looked at again by another."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.intake.calendar.rules import DEFAULT_HOURS, WorkCalendar
from services.intake.hazards.jobs import mark_overdue_hazards
from services.intake.hazards.rules import MINUTES, OPEN, STEPS, HazardAction, HazardFacts, HazardState, Severity
from shared.auth import Grant, Principal, Role
from shared.clock import utc_now
from shared.db import Database
from shared.ids import new_id
from shared.problems import Problem
from shared.steps import check_step, next_actions
from tests.intake.conftest import GRID, NORTH, Headers, Json, MovedClock, Street
from tests.intake.field import checklist, done, hazard, made, proof, seen, visit, worker

CALENDAR = WorkCalendar(DEFAULT_HOURS, {})
PERSON = new_id()


async def rectified(street: Street, found: Json, *, by: Headers | None = None) -> dict[str, Any]:
    who = by or worker(street)
    body = {"note": "已清理", "attachment_ids": await proof(street, who)}
    return await done(street, "hazards", found, "rectify", body, by=who)


async def second_visit(street: Street, by: Headers, **members: Json) -> str:
    told = await made(street, "/v1/visits", visit(street, kind="inspection", **members), by=by)
    return str(told["id"])


async def sweep(street: Street, databases: dict[str, Database]) -> None:
    await mark_overdue_hazards(databases["intake"], street.caller.tenant, utc_now())


def inspection(told: Json, where: Json, **members: Json) -> dict[str, Any]:
    """Return the body of an inspection that found one hazard."""
    return {
        "visit_id": where["id"],
        "checklist_code": told["code"],
        "checklist_version": told["version"],
        "results": [
            {"item": "extinguisher", "result": "pass"},
            {"item": "exit", "result": "fail", "hazard": {"description": "楼道堆物，堵塞通道"}},
        ],
        **members,
    }


def test_there_is_a_way_out_of_every_open_state() -> None:
    ways = {(source, step.target) for step in STEPS.values() for source in step.sources if step.target is not None}
    for state in OPEN:
        reached, grew = {state}, True
        while grew:
            new = {target for source, target in ways if source in reached} - reached
            grew, reached = bool(new), reached | new
        assert {HazardState.CLOSED, HazardState.WITHDRAWN} <= reached
    ended = set(HazardState) - OPEN
    assert all(source not in ended for source, _ in ways)


@settings(max_examples=200)
@given(st.lists(st.sampled_from(HazardAction), max_size=12), st.sampled_from([Role.OFFICER, Role.GRID_WORKER]))
def test_a_hazard_is_closed_only_by_another_than_who_rectified_it(steps: list[HazardAction], role: Role) -> None:
    one, two = (Principal("t", new_id(), "person", (Grant(role, GRID),)) for _ in range(2))
    state, rectified_by, case_id, closed_by = HazardState.NOTICED, None, None, None
    for number, action in enumerate(steps):
        caller = (one, two)[number % 2]
        facts = HazardFacts(state, GRID, None, rectified_by, case_id)
        allowed = {item.action for item in next_actions(STEPS, facts, caller) if item.allowed}
        try:
            check_step(STEPS, action, facts, caller)
        except Problem:
            assert action not in allowed, "what is told as possible is possible"
            continue
        assert action in allowed
        state = STEPS[action].target or state
        rectified_by = caller.actor if action is HazardAction.RECTIFY else rectified_by
        rectified_by = None if action is HazardAction.FAIL else rectified_by
        case_id = new_id() if action is HazardAction.ESCALATE else case_id
        closed_by = caller.actor if action is HazardAction.PASS else closed_by
    if state is HazardState.CLOSED:
        assert None not in {rectified_by, closed_by}
        assert rectified_by != closed_by


async def test_a_checklist_has_versions_and_inspections_keep_theirs(street: Street) -> None:
    told = await checklist(street)
    assert (told["version"], [item["severity"] for item in told["items"]]) == (1, ["general", "major"])
    assert (await checklist(street))["version"] == 1
    assert (await checklist(street, name_en="Fire safety"))["version"] == 2
    old = (await street.http.get("/v1/checklists/fire?version=1", headers=street.owner)).json()
    assert old["name_en"] == "Fire"
    listed = (await street.get("/v1/checklists", by=street.owner)).json()["items"]
    assert [(row["code"], row["version"]) for row in listed] == [("fire", 2)]
    for members, code in (
        ({"category": "nothing"}, "not_a_hazard_category"),
        ({"items": []}, "invalid_request"),
        ({"items": [*told["items"], told["items"][0]]}, "invalid_request"),
    ):
        body = {"name_zh": "消防", "name_en": "Fire", "category": "drainage", "items": told["items"], **members}
        refused = await street.call("PUT", "/v1/checklists/fire", body, by=street.administrator)
        assert (refused.status_code, refused.json()["code"]) == (422, code)
    assert (await street.call("PUT", "/v1/checklists/fire", body, by=street.officer)).status_code == 403
    assert (await street.get("/v1/checklists/nothing", by=street.owner)).status_code == 404


async def test_what_fails_is_a_hazard_with_a_notice_in_working_time(street: Street) -> None:
    by, told = worker(street, person=PERSON), await checklist(street)
    body = visit(street, kind="inspection", door=None, unit_id=str(street.works))
    where = await made(street, "/v1/visits", body, by=by)
    found = await made(street, "/v1/inspections", inspection(told, where), by=by)
    assert (found["failed"], found["unit_id"]) == (1, str(street.works))
    (one,) = found["hazards"]
    assert found["results"][1]["hazard_id"] == one["id"]
    # Of the item: its severity and its minutes; who was inspected has to rectify it.
    assert (one["severity"], one["minutes"], one["unit_id"]) == ("major", 420, str(street.works))
    due_at = CALENDAR.add(datetime.fromisoformat(where["visited_at"]), timedelta(minutes=420))
    assert datetime.fromisoformat(one["due_at"]) == due_at
    inbox = (await street.get("/v1/notifications", by=street.works_clerk)).json()["items"]
    assert [(line["kind"], one["code"] in line["text_zh"]) for line in inbox] == [("hazard_noticed", True)]
    assert (await street.get(f"/v1/inspections/{found['id']}", by=street.works_clerk)).status_code == 200
    for who in (worker(street, path="county.south"), street.owner, street.water_clerk):
        assert (await street.get(f"/v1/inspections/{found['id']}", by=who)).status_code == 404
        assert (await street.get(f"/v1/hazards/{one['id']}", by=who)).status_code == 404
        assert (await street.get("/v1/hazards", by=who)).json()["items"] == []


async def test_results_are_those_of_the_checklist(street: Street) -> None:
    by, told = worker(street, person=new_id()), await checklist(street)
    where = await made(street, "/v1/visits", visit(street, kind="inspection"), by=by)
    good = inspection(told, where)
    ok, bad = good["results"]
    for members, code in (
        ({"results": [ok]}, "items_differ"),
        ({"results": [ok, ok, bad]}, "items_differ"),
        ({"results": [ok, bad, ok | {"item": "other"}]}, "items_differ"),
        ({"results": [ok, bad | {"hazard": None}]}, "invalid_request"),
        ({"results": [ok, bad | {"result": "mended"}]}, "invalid_request"),
        ({"checklist_version": 9}, "unknown_checklist"),
        ({"checklist_code": "nothing"}, "unknown_checklist"),
        ({"visit_id": str(new_id())}, "unknown_visit"),
        ({"results": [ok, bad | {"hazard": {"description": "x", "unit_id": str(new_id())}}]}, "unknown_unit"),
    ):
        refused = await street.post("/v1/inspections", good | members, by=by)
        assert (refused.status_code, refused.json()["code"]) == (422, code), members
    other = await street.post("/v1/inspections", good, by=worker(street))
    assert (other.status_code, other.json()["code"]) == (422, "not_your_visit")
    await done(street, "visits", where, "void", {"reason": "误登"}, by=by)
    refused = await street.post("/v1/inspections", good, by=by)
    assert (refused.status_code, refused.json()["code"]) == (422, "not_your_visit")
    assert (await street.get("/v1/hazards", by=street.officer)).json()["items"] == []


async def test_an_inspection_sent_twice_is_one_and_is_voided_with_its_visit(street: Street, owner: Any) -> None:
    by, told = worker(street, person=new_id()), await checklist(street)
    where = await made(street, "/v1/visits", visit(street, kind="inspection"), by=by)
    body = inspection(told, where, id=str(new_id()))
    one = await made(street, "/v1/inspections", body, by=by)
    two = await made(street, "/v1/inspections", body, by=by, status=200)
    assert one["hazards"][0]["id"] == two["hazards"][0]["id"]
    refused = await street.post("/v1/inspections", body | {"unit_id": str(street.works)}, by=by)
    assert (refused.status_code, refused.json()["code"]) == (409, "id_taken")
    for narrowed, count in (
        ({"visit_id": where["id"]}, 1),
        ({"failed": False}, 0),
        ({"checklist_code": "fire", "failed": True}, 1),
        ({"under": str(street.areas["county.south"])}, 0),
        ({"since": utc_now().isoformat()}, 0),
    ):
        rows = (await street.get("/v1/inspections", by=street.officer, **narrowed)).json()["items"]
        assert len(rows) == count, narrowed
    await done(street, "visits", where, "void", {"reason": "误登"}, by=by)
    assert (await seen(street, "inspections", one, by=by))["voided"]
    assert (await street.get("/v1/inspections", by=street.officer)).json()["items"] == []
    # The hazard is there whatever was wrong with the visit.
    assert (await seen(street, "hazards", one["hazards"][0], by=by))["state"] == "noticed"


async def test_rectified_with_proof_and_closed_by_another_on_another_visit(street: Street) -> None:
    by, other = worker(street, person=new_id()), worker(street, person=new_id())
    found, where = await hazard(street, by, unit_id=str(street.works))
    assert (found["severity"], found["minutes"]) == ("general", MINUTES[Severity.GENERAL])
    refused = await street.post(
        f"/v1/hazards/{found['id']}/rectify", {"note": "好了", "attachment_ids": []}, by=street.works_clerk, version=1
    )
    assert refused.status_code == 422
    found = await rectified(street, found, by=street.works_clerk)
    assert (found["state"], found["late"], [one["purpose"] for one in found["pictures"]]) == (
        "rectified",
        False,
        ["proof"],
    )
    assert (await street.get(f"/v1/attachments/{found['pictures'][0]['attachment_id']}", by=other)).status_code == 200
    for visit_id, code in ((where["id"], "not_another_visit"), (str(new_id()), "unknown_visit")):
        refused = await street.post(f"/v1/hazards/{found['id']}/pass", {"visit_id": visit_id}, by=other, version=2)
        assert (refused.status_code, refused.json()["code"]) == (422, code)
    again = await second_visit(street, other)
    closed = await done(street, "hazards", found, "pass", {"visit_id": again}, by=other)
    looked = await seen(street, "visits", {"id": again}, by=other)
    assert (closed["state"], closed["ended_at"]) == ("closed", looked["visited_at"])
    history = (await street.get(f"/v1/hazards/{found['id']}/history", by=street.works_clerk)).json()
    assert [(step["position"], step["step"]) for step in history] == [(1, "report"), (2, "rectify"), (3, "pass")]
    assert history[2]["data"] == {"visit_id": again}
    late = await street.post(f"/v1/hazards/{found['id']}/fail", {"visit_id": again, "note": "x"}, by=other, version=3)
    assert (late.status_code, late.json()["code"]) == (409, "wrong_state")


async def test_what_is_still_wrong_gets_a_new_notice(street: Street) -> None:
    by, other = worker(street, person=new_id()), worker(street, person=new_id())
    found, _ = await hazard(street, by, minutes=60)
    first_due = found["due_at"]
    found = await rectified(street, found, by=by)
    own = await second_visit(street, by)
    refused = await street.post(f"/v1/hazards/{found['id']}/pass", {"visit_id": own}, by=by, version=2)
    assert (refused.status_code, refused.json()["rule"]) == (403, "not_ones_own_word")
    again = await second_visit(street, other)
    body = {"visit_id": again, "note": "仍有杂物", "minutes": 420, "attachment_ids": await proof(street, other)}
    found = await done(street, "hazards", found, "fail", body, by=other)
    assert (found["state"], found["failures"], found["rectified_at"]) == ("noticed", 1, None)
    assert found["due_at"] > first_due
    assert [one["purpose"] for one in found["pictures"]] == ["proof", "review"]
    found = await rectified(street, found, by=other)
    closed = await done(street, "hazards", found, "pass", {"visit_id": await second_visit(street, by)}, by=by)
    assert closed["state"] == "closed"


async def test_a_second_look_comes_after_the_rectification_and_there(street: Street) -> None:
    by, other = worker(street, person=new_id()), street.holding(Role.OFFICER, "county", person=new_id())
    early = await second_visit(street, other, visited_at=(utc_now() - timedelta(hours=2)).isoformat())
    far = await second_visit(street, other, area_id=str(street.areas["county.south"]))
    found, _ = await hazard(street, by, at=utc_now() - timedelta(hours=3))
    found = await rectified(street, found, by=by)
    for visit_id, reason in ((early, "before_rectified"), (far, "elsewhere")):
        refused = await street.post(f"/v1/hazards/{found['id']}/pass", {"visit_id": visit_id}, by=other, version=2)
        assert (refused.status_code, refused.json()["reason"]) == (422, reason)


async def test_overdue_it_becomes_a_case_and_climbs_its_ladder(
    street: Street, moved: MovedClock, databases: dict[str, Database]
) -> None:
    by, other = worker(street, person=(person := new_id())), worker(street, person=new_id())
    found, where = await hazard(street, by, minutes=60, unit_id=str(street.works))
    await sweep(street, databases)
    assert (await seen(street, "hazards", found, by=by))["case_id"] is None
    moved.forward(timedelta(days=10))
    assert [row["id"] for row in (await street.get("/v1/hazards", by=by, overdue=True)).json()["items"]] == [
        found["id"]
    ]
    for _ in range(2):
        await sweep(street, databases)
    late = await seen(street, "hazards", found, by=by)
    assert (late["state"], late["late"], late["version"]) == ("noticed", True, 2)
    case = await street.read({"id": late["case_id"]}, by=street.officer)
    assert (case["channel"], case["requester_id"], case["category"]) == ("visit", str(person), "drainage")
    assert {clock["clock"] for clock in case["clocks"]} == {"accept", "first_reply"}
    steps = await street.history(case, by=street.officer)
    assert [(step["step"], step["actor"]) for step in steps] == [("file", "system"), ("born_of_hazard", "system")]
    assert (steps[1]["data"]["hazard_id"], steps[1]["data"]["visit_id"]) == (found["id"], where["id"])
    for who in (street.works_clerk, street.officer):
        inbox = (await street.get("/v1/notifications", by=who)).json()["items"]
        assert "hazard_overdue" in {line["kind"] for line in inbox}
    # Still rectified and looked at like any other; its case hears of it.
    late = await rectified(street, late, by=street.works_clerk)
    body = {"visit_id": await second_visit(street, other)}
    closed = await done(street, "hazards", late, "pass", body, by=other)
    assert closed["state"] == "closed"
    assert [step["step"] for step in await street.history(case, by=street.officer)][-1] == "hazard_closed"


async def test_overdue_again_it_has_one_case(street: Street, moved: MovedClock, databases: dict[str, Database]) -> None:
    by, other = worker(street, person=new_id()), worker(street, person=new_id())
    found, _ = await hazard(street, by)
    escalated = await done(street, "hazards", found, "escalate", {"reason": "重大"}, by=by)
    again = await street.post(f"/v1/hazards/{found['id']}/escalate", {"reason": "x"}, by=by, version=2)
    assert (again.status_code, again.json()["rule"]) == (403, "already_a_case")
    escalated = await rectified(street, escalated, by=by)
    body = {"visit_id": await second_visit(street, other), "note": "未改", "minutes": 30}
    await done(street, "hazards", escalated, "fail", body, by=other)
    moved.forward(timedelta(days=10))
    await sweep(street, databases)
    late = await seen(street, "hazards", found, by=by)
    assert (late["case_id"], late["overdue_at"] is not None) == (escalated["case_id"], True)
    steps = await street.history({"id": late["case_id"]}, by=street.officer)
    assert [step["step"] for step in steps] == ["file", "born_of_hazard", "hazard_overdue"]


async def test_where_no_case_can_be_filed_any_more_it_is_overdue_all_the_same(
    street: Street, moved: MovedClock, databases: dict[str, Database]
) -> None:
    by = worker(street)
    found, _ = await hazard(street, by, minutes=60)
    good, _ = await hazard(street, by, minutes=90, category="parking")
    body = {"name_zh": "x", "name_en": "x", "kind": "hazard", "active": False}
    assert (await street.call("PUT", "/v1/categories/drainage", body, by=street.administrator)).status_code == 200
    moved.forward(timedelta(days=10))
    await sweep(street, databases)
    late = await seen(street, "hazards", found, by=by)
    assert (late["case_id"], late["overdue_at"] is not None, late["late"]) == (None, True, True)
    assert (await seen(street, "hazards", good, by=by))["case_id"] is not None


async def test_officers_extend_and_withdraw(street: Street, moved: MovedClock, databases: dict[str, Database]) -> None:
    by = worker(street)
    found, _ = await hazard(street, by, minutes=60)
    for action, body in (("extend", {"minutes": 60, "reason": "雨天"}), ("withdraw", {"reason": "不属隐患"})):
        assert (await street.post(f"/v1/hazards/{found['id']}/{action}", body, by=by, version=1)).status_code == 403
        south = street.holding(Role.OFFICER, "county.south")
        refused = await street.post(f"/v1/hazards/{found['id']}/{action}", body, by=south, version=1)
        assert refused.status_code == 404
    longer = await done(street, "hazards", found, "extend", {"minutes": 60, "reason": "雨天"}, by=street.officer)
    assert longer["due_at"] > found["due_at"]
    ended = await done(street, "hazards", longer, "withdraw", {"reason": "不属隐患"}, by=street.officer)
    assert ended["state"] == "withdrawn"
    moved.forward(timedelta(days=10))
    await sweep(street, databases)
    assert (await seen(street, "hazards", ended, by=by))["version"] == ended["version"]
    for narrowed, count in (
        ({"open": True}, 0),
        ({"state": "withdrawn"}, 1),
        ({"severity": "major"}, 0),
        ({"unit_id": str(street.works)}, 0),
        ({"overdue": True}, 0),
        ({"under": str(street.areas[NORTH])}, 1),
        ({"until": found["found_at"]}, 0),
    ):
        assert len((await street.get("/v1/hazards", by=by, **narrowed)).json()["items"]) == count, narrowed


@pytest.mark.parametrize(
    ("members", "code"),
    [
        ({"category": "nothing"}, "not_a_hazard_category"),
        ({"unit_id": str(new_id())}, "unknown_unit"),
        ({"attachment_ids": [str(new_id())]}, "unknown_attachment"),
        ({"severity": "small"}, "invalid_request"),
        ({"minutes": 0}, "invalid_request"),
        ({"visit_id": str(new_id())}, "unknown_visit"),
    ],
)
async def test_what_cannot_be_a_hazard_is_refused(street: Street, members: Json, code: str) -> None:
    by = worker(street, person=new_id())
    found, where = await hazard(street, by, id=str(new_id()))
    words = {"visit_id": where["id"], "category": "drainage", "severity": "general", "description": "堆物"}
    refused = await street.post("/v1/hazards", words | members, by=by)
    assert (refused.status_code, refused.json()["code"]) == (422, code)
    taken = await street.post("/v1/hazards", words | {"id": found["id"]}, by=by)
    assert (taken.status_code, taken.json()["code"]) == (409, "id_taken")


async def test_times_that_cannot_be_are_refused(street: Street) -> None:
    by = worker(street)
    found, _ = await hazard(street, by)
    for hours, code in ((1, "in_the_future"), (-1, "rectified_before_found")):
        body = {
            "note": "已改",
            "attachment_ids": await proof(street, by),
            "rectified_at": (utc_now() + timedelta(hours=hours)).isoformat(),
        }
        refused = await street.post(f"/v1/hazards/{found['id']}/rectify", body, by=by, version=1)
        assert (refused.status_code, refused.json()["code"]) == (422, code)
