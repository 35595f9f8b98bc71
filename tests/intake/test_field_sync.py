"""Field work from phones: whole days brought in later, in batches, twice by mistake, and done once."""

import asyncio
import time
from datetime import timedelta
from typing import Any

from services.intake.hazards.rules import HazardAction
from services.intake.sync.field_work import FIELD_KINDS
from services.intake.visits.rules import VisitAction
from shared.auth import Role
from shared.clock import utc_now
from shared.ids import new_id
from tests.intake.conftest import GRID, Json, Street
from tests.intake.field import checklist, done, field_operation, hazard, heard, made, plan, proof, visit, worker
from tests.intake.phones import Phone, operation, push
from tests.intake.test_sync_push import statuses
from tests.sizes import IS_LONG

AT_A_DESK = {HazardAction.EXTEND, HazardAction.WITHDRAW}


def test_every_action_is_thought_of() -> None:
    assert set(FIELD_KINDS["hazard"].steps) | AT_A_DESK == set(HazardAction)
    assert set(FIELD_KINDS["visit"].steps) == set(VisitAction)


async def counted(owner: Any, street: Street, *tables: str) -> list[int]:
    return [
        await owner.fetchval(f"SELECT count(*) FROM intake.{table} WHERE tenant_id = $1", street.caller.tenant)
        for table in tables
    ]


async def test_a_day_outside_is_brought_in_twice_and_counts_once(street: Street, owner: Any) -> None:
    by, told = worker(street, person=new_id()), await checklist(street)
    case_id, home, look, found = (str(new_id()) for _ in range(4))
    inspection = {
        "visit_id": look,
        "checklist_code": "fire",
        "checklist_version": told["version"],
        "results": [
            {"item": "extinguisher", "result": "pass"},
            {"item": "exit", "result": "fail", "hazard": {"id": found, "description": "堆物"}},
        ],
    }
    lamp = heard("大门口没有路灯", disposition="case", case_id=case_id)
    sent = [
        field_operation("visit", "record", visit(street, heard=[lamp, heard()], errands=[{"what": "代买药"}]), of=home),
        # The case came of the visit a moment ago; the phone goes on with it before it has heard of its version.
        operation("accept", case_id, {}),
        field_operation("visit", "record", visit(street, kind="inspection"), of=look),
        field_operation("inspection", "record", inspection),
        field_operation(
            "hazard", "rectify", {"note": "当场清理", "attachment_ids": await proof(street, by)}, of=found, base=1
        ),
    ]
    results = await push(street, by, sent)
    assert statuses(results) == ["done"] * 5, results
    assert [item["version"] for item in results] == [1, 3, 1, 1, 2]
    tables = ("visits", "visit_heard", "visit_errands", "inspections", "hazards", "cases")
    assert await counted(owner, street, *tables) == [2, 2, 1, 1, 1, 1]
    assert statuses(await push(street, by, sent)) == ["already"] * 5
    # New operations of the same things, as after a phone has lost its memory: the things are there already.
    anew = [one | {"op_id": str(new_id())} for one in (sent[0], sent[2], sent[3])]
    assert statuses(await push(street, by, anew)) == ["done"] * 3
    assert await counted(owner, street, *tables) == [2, 2, 1, 1, 1, 1]
    # After a lost answer the phone still goes on from where its own visit has led.
    triage = operation(
        "triage",
        case_id,
        {"owner_is_clear": True, "crosses_boundary": False, "households": 1, "cost_fen": 0, "departments": 1},
    )
    assert statuses(await push(street, by, [sent[0], sent[1], triage])) == ["already", "already", "done"]


async def test_the_same_batch_at_the_same_time_is_done_once(street: Street, owner: Any) -> None:
    by = worker(street, person=new_id())
    sent = [
        field_operation("visit", "record", visit(street, door=str(number), heard=[heard(disposition="case")]))
        for number in range(5)
    ]
    answers = await asyncio.gather(*(push(street, by, sent) for _ in range(4)))
    for fates in zip(*answers, strict=True):
        assert sorted(item["status"] for item in fates) == ["already"] * 3 + ["done"]
    assert await counted(owner, street, "visits", "cases") == [5, 5]


async def test_the_same_id_with_other_content_is_a_problem(street: Street) -> None:
    by = worker(street, person=new_id())
    first = field_operation("visit", "record", visit(street))
    assert statuses(await push(street, by, [first])) == ["done"]
    other = first | {"body": visit(street, door="9")}
    for sent, code in (
        (other, "operation_id_taken"),
        (other | {"op_id": str(new_id())}, "id_taken"),
        (first | {"op_id": str(new_id()), "body": first["body"] | {"id": str(new_id())}}, "ids_differ"),
    ):
        (told,) = await push(street, by, [sent])
        assert (told["status"], told["problem"]["code"]) == ("refused", code)


async def test_refusals_are_those_of_the_endpoint(street: Street) -> None:
    by, south = worker(street), worker(street, path="county.south")
    found, _ = await hazard(street, by)
    rectify = {"note": "好了", "attachment_ids": []}
    for who, sent, code, status in (
        (south, field_operation("visit", "record", visit(street)), "forbidden", 403),
        (street.owner, field_operation("visit", "record", visit(street)), "forbidden", 403),
        (by, field_operation("visit", "record", visit(street, door=None)), "door_required", 422),
        (by, field_operation("visit", "record", {}), "invalid_request", 422),
        (
            by,
            field_operation("visit", "record", visit(street), of="6f3c1e9e-54b8-4c7e-9c58-0a54d2b9a111"),
            "invalid_request",
            422,
        ),
        (by, field_operation("visit", "void", {"reason": "x"}), "not_found", 404),
        (by, field_operation("visit", "paint", {}), "unknown_action", 400),
        (by, field_operation("inspection", "void", {}), "unknown_action", 400),
        (by, field_operation("hazard", "withdraw", {"reason": "x"}, of=found["id"], base=1), "unknown_action", 400),
        (south, field_operation("hazard", "rectify", rectify, of=found["id"], base=1), "invalid_request", 422),
        (south, field_operation("hazard", "escalate", {"reason": "x"}, of=found["id"], base=1), "not_found", 404),
        (
            by,
            field_operation("hazard", "pass", {"visit_id": str(new_id())}, of=found["id"], base=1),
            "wrong_state",
            409,
        ),
        (by, field_operation("visit_plan", "record", {}), "unknown_action", 400),
    ):
        (told,) = await push(street, who, [sent])
        assert (told["status"], told["problem"]["code"], told["problem"]["status"]) == ("refused", code, status), sent
    stale = field_operation("hazard", "escalate", {"reason": "x"}, of=found["id"], base=7)
    (told,) = await push(street, by, [stale])
    assert (told["status"], told["version"], told["current"]["state"]) == ("conflict", 1, "noticed")


async def test_a_phone_holds_what_is_open_and_recent_of_its_places(street: Street) -> None:
    by = worker(street, person=new_id())
    where = await made(street, "/v1/visit-plans", plan(street), by=street.officer)
    told = await made(street, "/v1/visits", visit(street, plan_id=where["id"]), by=by)
    old = visit(street, visited_at=(utc_now() - timedelta(days=100)).isoformat())
    old_id = (await made(street, "/v1/visits", old, by=by))["id"]
    found, at = await hazard(street, by, unit_id=str(street.works))
    phone, clerk = Phone(street, by), Phone(street, street.works_clerk)
    south, resident = Phone(street, worker(street, path="county.south")), Phone(street, street.owner)
    for one in (phone, clerk, south, resident):
        await one.sync()
    assert set(phone.held("visit_plan")) == {where["id"]}
    assert [target["households"] for target in phone.held("visit_plan")[where["id"]]["targets"]] == [10]
    assert set(phone.held("visit")) == {told["id"], at["id"]}
    assert phone.held("visit")[told["id"]]["door_hint"] == "1-***"
    assert phone.held("hazard")[found["id"]]["state"] == "noticed"
    assert (set(clerk.held("hazard")), clerk.held("visit"), clerk.held("visit_plan")) == ({found["id"]}, {}, {})
    for one in (south, resident):
        assert [one.held(kind) for kind in ("visit_plan", "visit", "inspection", "hazard")] == [{}, {}, {}, {}]
    await done(street, "visits", told, "void", {"reason": "误登"}, by=by)
    await done(street, "hazards", found, "withdraw", {"reason": "误报"}, by=street.officer)
    await done(street, "visit-plans", where, "cancel", {}, by=street.officer)
    for one in (phone, clerk, south):
        await one.sync()
    assert (set(phone.held("visit")), phone.held("hazard"), phone.held("visit_plan")) == ({at["id"]}, {}, {})
    assert clerk.held("hazard") == {}
    assert old_id not in phone.held("visit")


async def test_an_inspection_goes_with_its_visit(street: Street) -> None:
    by, told = worker(street, person=new_id()), await checklist(street)
    where = await made(street, "/v1/visits", visit(street, kind="inspection"), by=by)
    results = [{"item": item["code"], "result": "pass"} for item in told["items"]]
    body = {"visit_id": where["id"], "checklist_code": "fire", "checklist_version": 1, "results": results}
    made_up = await made(street, "/v1/inspections", body, by=by)
    phone = Phone(street, by)
    await phone.sync()
    assert [line["result"] for line in phone.held("inspection")[made_up["id"]]["results"]] == ["pass", "pass"]
    void = field_operation("visit", "void", {"reason": "误登"}, of=where["id"], base=1)
    assert statuses(await push(street, by, [void])) == ["done"]
    await phone.sync()
    assert (phone.held("visit"), phone.held("inspection")) == ({}, {})


async def test_batches_that_cross_do_not_wait_for_each_other_in_a_circle(street: Street) -> None:
    by = street.holding(Role.GRID_WORKER, GRID, person=new_id())
    found = [(await hazard(street, by))[0] for _ in range(4)]
    escalated = [await done(street, "hazards", one, "escalate", {"reason": "重大"}, by=by) for one in found]
    proofs = {one["id"]: await proof(street, by) for one in escalated}

    def batch(order: list[Json]) -> list[Json]:
        sent = []
        for one in order:
            body = {"note": "已改", "attachment_ids": proofs[one["id"]]}
            sent.append(field_operation("hazard", "rectify", body, of=one["id"], base=2))
            sent.append(operation("comment", one["case_id"], {"note": "看过"}, base=2))
        return sent

    # Two people, so that their batches do not take turns.
    officer = street.holding(Role.OFFICER, GRID, person=new_id())
    answers = await asyncio.gather(push(street, by, batch(escalated)), push(street, officer, batch(escalated[::-1])))
    fates = [item["status"] for answer in answers for item in answer]
    assert set(fates) <= {"done", "conflict", "refused"}
    assert not [
        item for answer in answers for item in answer if (item["problem"] or {}).get("code") == "internal_error"
    ]
    assert [(await street.get(f"/v1/hazards/{one['id']}", by=by)).json()["state"] for one in found] == ["rectified"] * 4


VISITS, DOORS = (1_000, 900) if IS_LONG else (200, 180)


async def test_very_many_visits_come_in_batches(street: Street, owner: Any) -> None:
    by = worker(street, person=new_id())
    body = plan(street, targets=[{"area_id": str(street.areas[GRID]), "households": DOORS}])
    where = await made(street, "/v1/visit-plans", body, by=street.officer)
    # One opinion behind each door, of which every ninth becomes a case; some doors are gone to twice.
    sent = []
    for number in range(VISITS):
        line = heard(f"意见 {number}", disposition="case" if number % 9 == 0 else "noted")
        words = [line] if number < DOORS else []
        sent.append(
            field_operation(
                "visit", "record", visit(street, door=str(number % DOORS), plan_id=where["id"], heard=words)
            )
        )
    began = time.perf_counter()
    for start in range(0, len(sent), 100):
        assert set(statuses(await push(street, by, sent[start : start + 100]))) == {"done"}
    took = time.perf_counter() - began
    began = time.perf_counter()
    for start in range(0, len(sent), 100):
        assert set(statuses(await push(street, by, sent[start : start + 100]))) == {"already"}
    again = time.perf_counter() - began
    began = time.perf_counter()
    figures = (await street.get("/v1/visit-coverage", by=street.officer, under=str(street.areas[GRID]))).json()["total"]
    counting = time.perf_counter() - began
    print(
        f"\n{VISITS} visits with {DOORS // 9} cases in batches of 100: {took:.1f} s ({VISITS / took:.0f}/s);"
        f" sent again: {again:.2f} s; coverage: {counting * 1_000:.0f} ms"
    )
    named = ("visits", "planned", "covered", "coverage_percent", "households", "heard", "cases", "noted")
    assert {name: figures[name] for name in named} == {
        "visits": VISITS,
        "planned": DOORS,
        "covered": DOORS,
        "coverage_percent": 100,
        "households": DOORS,
        "heard": DOORS,
        "cases": DOORS // 9,
        "noted": DOORS - DOORS // 9,
    }
    assert await counted(owner, street, "visits", "visit_heard", "cases") == [VISITS, DOORS, DOORS // 9]
