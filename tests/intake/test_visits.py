"""Visits: recorded once, by who goes there, with the cases that come of what was heard."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from shared.auth import Role
from shared.clock import utc_now
from shared.ids import new_id
from shared.testing import Places
from tests.intake.conftest import GRID, NORTH, Headers, Json, Street, picture
from tests.intake.field import done, heard, made, plan, seen, visit, worker


async def test_what_was_heard_becomes_a_case_that_knows_its_visit(street: Street) -> None:
    by, resident = worker(street), new_id()
    lines = [
        heard("小区大门没有路灯", disposition="case", title="微心愿：路灯", requester_id=str(resident)),
        heard("建议多种树"),
        heard("医保怎么办", disposition="answered", answer="已告知到便民中心办理"),
    ]
    body = visit(street, heard=lines, errands=[{"what": "代缴电费"}], location={"latitude": 37.5, "longitude": 122.1})
    told = await made(street, "/v1/visits", body, by=by)
    assert [line["disposition"] for line in told["heard"]] == ["case", "noted", "answered"]
    assert [(errand["what"], errand["done"]) for errand in told["errands"]] == [("代缴电费", True)]
    case_id = told["heard"][0]["case_id"]
    case = (await street.get(f"/v1/cases/{case_id}", by=street.holding(Role.RESIDENT, GRID, person=resident))).json()
    assert (case["title"], case["channel"], case["requester_id"]) == ("微心愿：路灯", "visit", str(resident))
    assert case["location"] == {"latitude": 37.5, "longitude": 122.1}
    steps = await street.history({"id": case_id}, by=street.officer)
    assert [step["step"] for step in steps] == ["file", "born_of_visit"]
    assert steps[1]["data"] == {"visit_id": told["id"], "visit_kind": "home"}
    found = (await street.get("/v1/visits", by=street.officer, case_id=case_id)).json()["items"]
    assert [row["id"] for row in found] == [told["id"]]
    # From then on the case lives like any other.
    accepted = await street.step(case, "accept", {}, by=by)
    assert accepted["state"] == "accepted"


async def test_who_is_not_known_is_spoken_for_by_the_visitor_and_can_be_called(street: Street) -> None:
    by = worker(street, person=(person := new_id()))
    line = heard(disposition="case", contact={"name": "王女士", "phone": "13800001111"})
    told = await made(street, "/v1/visits", visit(street, heard=[line]), by=by)
    case_id = told["heard"][0]["case_id"]
    assert (await street.read({"id": case_id}, by=street.officer))["requester_id"] == str(person)
    contact = await street.get(f"/v1/cases/{case_id}/contact", by=street.officer, purpose="回访")
    assert (contact.json()["first_name"], contact.json()["phone"]) == ("王女士", "13800001111")


async def test_an_enterprise_visit_files_enterprise_cases_with_its_pictures(street: Street) -> None:
    by = worker(street)
    picture_id = (await street.upload(picture(), by=by)).json()["id"]
    line = heard("食梯未登记", disposition="case", attachment_ids=[picture_id])
    body = visit(street, kind="enterprise", door=None, unit_id=str(street.works), heard=[line])
    told = await made(street, "/v1/visits", body, by=by)
    case = await street.read({"id": told["heard"][0]["case_id"]}, by=street.officer)
    assert (case["channel"], case["attachment_ids"]) == ("enterprise", [picture_id])


async def test_a_visit_sent_twice_is_one_visit(street: Street, owner: Any) -> None:
    by = worker(street, person=new_id())
    body = visit(street, id=str(new_id()), heard=[heard(disposition="case")])
    answers = await asyncio.gather(*(street.post("/v1/visits", body, by=by) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [200] * 4 + [201]
    assert len({answer.json()["heard"][0]["case_id"] for answer in answers}) == 1
    count = "SELECT count(*) FROM intake.cases WHERE tenant_id = $1"
    assert await owner.fetchval(count, street.caller.tenant) == 1
    # Other words, or another person, under the same id are another visit.
    for other, who in ((body | {"reached": False, "heard": []}, by), (body, worker(street))):
        refused = await street.post("/v1/visits", other, by=who)
        assert (refused.status_code, refused.json()["code"]) == (409, "id_taken")


async def test_a_visit_whose_case_is_refused_is_not_recorded(street: Street, owner: Any) -> None:
    by, taken = worker(street), (await street.filed())["id"]
    for line, status, code, pointer in (
        (heard(disposition="case", category="nothing"), 422, "unknown_category", "/heard/1/category"),
        (heard(disposition="case", case_id=taken), 409, "id_taken", "/heard/1/id"),
        (
            heard(disposition="case", attachment_ids=[str(new_id())]),
            422,
            "unknown_attachment",
            "/heard/1/attachment_ids",
        ),
        (heard(category="nothing"), 422, "unknown_category", "/heard/1/category"),
    ):
        answer = await street.post("/v1/visits", visit(street, heard=[heard(disposition="case"), line]), by=by)
        assert (answer.status_code, answer.json()["code"]) == (status, code)
        assert answer.json()["errors"][0]["pointer"] == pointer
    for table, left in (("visits", 0), ("visit_heard", 0), ("cases", 1)):
        query = f"SELECT count(*) FROM intake.{table} WHERE tenant_id = $1"
        assert await owner.fetchval(query, street.caller.tenant) == left


@pytest.mark.parametrize(
    ("members", "status", "code"),
    [
        ({"door": None}, 422, "door_required"),
        ({"kind": "enterprise", "door": None}, 422, "door_required"),
        ({"door": " - "}, 422, "invalid_request"),
        ({"visited_at": (utc_now() + timedelta(hours=1)).isoformat()}, 422, "in_the_future"),
        ({"visited_at": "2011-01-01T00:00:00+08:00"}, 422, "too_long_ago"),
        ({"visited_at": "2026-01-01T00:00:00"}, 422, "invalid_request"),
        ({"area_id": str(new_id())}, 422, "unknown_area"),
        ({"unit_id": str(new_id())}, 422, "unknown_unit"),
        ({"plan_id": str(new_id())}, 422, "unknown_visit_plan"),
        ({"attachment_ids": [str(new_id())]}, 422, "unknown_attachment"),
        ({"reached": False, "heard": [heard()]}, 422, "invalid_request"),
        ({"heard": [heard(disposition="answered")]}, 422, "invalid_request"),
        ({"heard": [heard(title="不成诉求的没有标题")]}, 422, "invalid_request"),
        ({"heard": [heard()] * 21}, 422, "invalid_request"),
        ({"id": "6f3c1e9e-54b8-4c7e-9c58-0a54d2b9a111"}, 422, "invalid_request"),
        ({"kind": "party"}, 422, "invalid_request"),
        ({"reached": "yes"}, 422, "invalid_request"),
    ],
)
async def test_what_cannot_be_a_visit_is_refused(street: Street, members: Json, status: int, code: str) -> None:
    answer = await street.post("/v1/visits", visit(street, **members), by=worker(street))
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text


async def test_only_who_goes_there_records_and_reads(street: Street) -> None:
    by = worker(street)
    told = await made(street, "/v1/visits", visit(street), by=by)
    elsewhere = worker(street, path="county.south")
    for who in (elsewhere, street.owner, street.works_clerk, street.holding(Role.ADMINISTRATOR, "county")):
        refused = await street.post("/v1/visits", visit(street), by=who)
        assert (refused.status_code, refused.json()["rule"]) == (403, "visitors_of_the_area")
    for who in (elsewhere, street.owner, street.works_clerk):
        assert (await street.get(f"/v1/visits/{told['id']}", by=who)).status_code == 404
        assert (await street.get("/v1/visits", by=who)).json()["items"] == []
        assert (await street.get(f"/v1/visits/{told['id']}/door", by=who, purpose="回访")).status_code == 404
        voided = await street.post(f"/v1/visits/{told['id']}/void", {"reason": "x"}, by=who, version=1)
        assert voided.status_code == 404
    assert (await seen(street, "visits", told, by=street.officer))["next_actions"][0]["allowed"]


async def test_whoever_is_named_in_the_plan_may_go(street: Street) -> None:
    person = new_id()
    body = plan(street, person_ids=[str(person)], unit_ids=[str(street.works)])
    where = await made(street, "/v1/visit-plans", body, by=street.officer)
    volunteer = street.holding(Role.RESIDENT, "county.south", person=person)
    for who, door in ((volunteer, "1"), (street.works_clerk, "2")):
        assert (await street.get(f"/v1/visit-plans/{where['id']}", by=who)).status_code == 200
        told = await made(street, "/v1/visits", visit(street, plan_id=where["id"], door=door), by=who)
        assert (await street.get(f"/v1/visits/{told['id']}", by=who)).status_code == 200
        assert (await street.post("/v1/visits", visit(street), by=who)).status_code == 403
    assert (await street.get(f"/v1/visit-plans/{where['id']}", by=street.water_clerk)).status_code == 404


async def test_a_door_is_sealed_and_every_look_is_written_down(street: Street, owner: Any) -> None:
    by = worker(street)
    told = await made(street, "/v1/visits", visit(street, door="3号楼2单元501"), by=by)
    assert told["door_hint"] == "3号***"
    row = await owner.fetchrow("SELECT * FROM intake.visits WHERE id = $1", told["id"])
    assert b"501" not in row["sealed_door"]
    assert all(
        "501" not in str(value)
        for name, value in row.items()
        if name not in {"id", "visitor_id", "recorded_by"} and isinstance(value, str)
    )
    assert (await street.get(f"/v1/visits/{told['id']}/door", by=by)).status_code == 422
    opened = await street.get(f"/v1/visits/{told['id']}/door", by=street.officer, purpose="回访核实")
    assert opened.json() == {"visit_id": told["id"], "door": "3号楼2单元501"}
    refused = await street.get(f"/v1/visits/{told['id']}/door", by=street.administrator, purpose="好奇")
    assert (refused.status_code, refused.json()["rule"]) == (403, "visitors_of_the_area")
    log = (await street.get("/v1/door-disclosures", by=street.holding(Role.AUDITOR, "county"))).json()["items"]
    assert [(line["visit_id"], line["purpose"]) for line in log] == [(told["id"], "回访核实")]
    assert (await street.get("/v1/door-disclosures", by=street.holding(Role.AUDITOR, "county.south"))).json()[
        "items"
    ] == []


async def test_a_voided_visit_stays_to_be_read_and_counts_for_nothing(street: Street) -> None:
    by = worker(street, person=new_id())
    told = await made(street, "/v1/visits", visit(street, heard=[heard()]), by=by)
    stale = await street.post(f"/v1/visits/{told['id']}/void", {"reason": "重复"}, by=by, version=7)
    assert (stale.status_code, stale.json()["current"]["version"]) == (412, 1)
    assert (await street.post(f"/v1/visits/{told['id']}/void", {"reason": "重复"}, by=by)).status_code == 428
    other = await street.post(f"/v1/visits/{told['id']}/void", {"reason": "重复"}, by=street.grid_worker, version=1)
    assert (other.status_code, other.json()["rule"]) == (403, "visitor_or_officer")
    voided = await done(street, "visits", told, "void", {"reason": "重复登记"}, by=by)
    assert (voided["state"], voided["void_reason"], voided["version"]) == ("voided", "重复登记", 2)
    again = await street.post(f"/v1/visits/{told['id']}/void", {"reason": "x"}, by=by, version=2)
    assert (again.status_code, again.json()["code"]) == (409, "wrong_state")
    figures = (await street.get("/v1/visit-coverage", by=street.officer, under=str(street.areas[NORTH]))).json()
    assert (figures["total"]["visits"], figures["total"]["heard"]) == (0, 0)


async def test_lists_are_narrowed_by_area_time_kind_and_who(street: Street, places: Places) -> None:
    block = await places.area(f"{GRID}.b1")
    one, two = worker(street, person=(first := new_id())), worker(street)
    now = utc_now()
    bodies: list[tuple[Headers, dict[str, Any]]] = [
        (one, visit(street, visited_at=(now - timedelta(days=2)).isoformat())),
        (two, visit(street, kind="errand", door=None, visited_at=(now - timedelta(days=1)).isoformat())),
        (one, visit(street, area_id=str(block), reached=False, visited_at=now.isoformat())),
    ]
    a, b, c = [(await made(street, "/v1/visits", body, by=by))["id"] for by, body in bodies]
    for narrowed, expected in (
        ({}, [c, b, a]),
        ({"kind": "home"}, [c, a]),
        ({"visitor_id": str(first)}, [c, a]),
        ({"under": str(block)}, [c]),
        ({"reached": True}, [b, a]),
        ({"since": (now - timedelta(days=1.5)).isoformat(), "until": (now - timedelta(hours=1)).isoformat()}, [b]),
        ({"state": "voided"}, []),
    ):
        rows = (await street.get("/v1/visits", by=street.officer, **narrowed)).json()["items"]
        assert [row["id"] for row in rows] == expected, narrowed
    page = (await street.get("/v1/visits", by=street.officer, page_size=2)).json()
    rest = (await street.get("/v1/visits", by=street.officer, page_size=2, cursor=page["next_cursor"])).json()
    assert [row["id"] for row in page["items"] + rest["items"]] == [c, b, a]
    unknown = await street.get("/v1/visits", by=street.officer, under=str(new_id()))
    assert (unknown.status_code, unknown.json()["code"]) == (422, "unknown_area")


async def test_a_picture_of_a_visit_is_seen_by_who_works_there(street: Street) -> None:
    by = worker(street, person=new_id())
    picture_id = (await street.upload(picture(), by=by)).json()["id"]
    told = await made(street, "/v1/visits", visit(street, attachment_ids=[picture_id]), by=by)
    assert told["attachment_ids"] == [picture_id]
    where = f"/v1/attachments/{picture_id}"
    assert (await street.get(where, by=street.officer)).status_code == 200
    for who in (worker(street, path="county.south"), street.owner, street.works_clerk):
        assert (await street.get(where, by=who)).status_code == 404
    # It belongs to one visit, and to nobody else's.
    again = await street.post("/v1/visits", visit(street, attachment_ids=[picture_id]), by=by)
    assert (again.status_code, again.json()["code"]) == (422, "unknown_attachment")


async def test_no_tenant_sees_the_visits_of_another(street: Street, elsewhere: Street) -> None:
    told = await made(street, "/v1/visits", visit(street), by=worker(street))
    assert (await elsewhere.get(f"/v1/visits/{told['id']}", by=elsewhere.officer)).status_code == 404
    # The same id is another visit there.
    body = visit(elsewhere, id=told["id"])
    assert (await made(elsewhere, "/v1/visits", body, by=worker(elsewhere)))["id"] == told["id"]
