"""What was done offline: done once, in order, by the same rules as on the spot, and told one by one."""

import asyncio
from typing import Any

import pytest

from services.intake.cases.terms import Action
from services.intake.sync.operations import CASE_ACTIONS, FILE, JOIN
from shared.auth import Role
from shared.clock import utc_now
from shared.db import Database
from shared.ids import new_id
from tests.intake.conftest import GRID, SIMPLE, Json, Street, picture
from tests.intake.phones import Phone, operation, push

# Between two cases, or at a desk.
ONLINE = {Action.MERGE, Action.UNMERGE, Action.SUPERVISE, Action.CHECK}


def statuses(results: list[dict[str, Any]]) -> list[str]:
    return [item["status"] for item in results]


async def read(street: Street, case_id: str) -> Json:
    return (await street.get(f"/v1/cases/{case_id}", by=street.administrator)).json()


def test_every_action_is_thought_of() -> None:
    assert set(CASE_ACTIONS) | {JOIN} | ONLINE == set(Action)
    assert FILE not in set(Action)


async def test_a_day_in_the_field_is_sent_at_once(street: Street) -> None:
    worker = Phone(street, street.caller("intake", (Role.GRID_WORKER, GRID), (Role.RESIDENT, GRID)))
    await worker.sync()
    case_id = str(new_id())
    proof = (await street.upload(picture(), by=worker.headers)).json()["id"]
    worker.do("file", case_id, street.words(id=case_id))
    worker.do("accept", case_id, {"note": "现场查看"})
    worker.do("triage", case_id, SIMPLE)
    worker.do("progress", case_id, {"note": "已疏通"})
    worker.do("resolve", case_id, {"note": "已修复", "attachment_ids": [proof]})
    sent = list(worker.waiting)
    results = await worker.send()
    assert statuses(results) == ["done"] * 5
    assert [item["version"] for item in results] == [1, 2, 3, 4, 5]
    history = await street.history({"id": case_id}, by=street.officer)
    assert [item["step"] for item in history] == ["file", "accept", "triage", "progress", "resolve"]
    await worker.sync()
    assert worker.held("case")[case_id]["state"] == "resolved"
    # The answer was lost: nothing is done twice.
    again = await push(street, worker.headers, sent)
    assert statuses(again) == ["already"] * 5
    assert [item["version"] for item in again] == [1, 2, 3, 4, 5]
    assert len(await street.history({"id": case_id}, by=street.officer)) == 5


async def test_what_goes_on_after_a_lost_answer_builds_upon_it(street: Street) -> None:
    case = await street.filed()
    worker = Phone(street, street.grid_worker)
    await worker.sync()
    worker.do("accept", case["id"])
    await worker.send(lost=True)
    worker.do("triage", case["id"], SIMPLE)
    assert statuses(await worker.send()) == ["already", "done"]
    # Unless somebody else has come in between.
    case = await street.filed()
    await worker.sync()
    worker.do("accept", case["id"])
    await worker.send(lost=True)
    await street.step(await read(street, case["id"]), "triage", SIMPLE, by=street.officer)
    worker.do("triage", case["id"], SIMPLE)
    results = await worker.send()
    assert statuses(results) == ["already", "conflict"]
    assert results[1]["current"]["state"] == "triaged"


async def test_two_who_do_the_same_get_one_conflict(street: Street) -> None:
    case, other = await street.filed(), await street.filed()
    phones = [Phone(street, street.grid_worker) for _ in range(2)]
    for phone in phones:
        await phone.sync()
        phone.do("accept", case["id"])
        phone.do("triage", case["id"], SIMPLE)
        phone.do("comment", other["id"], {"note": "另一件"})
    first, second = [await phone.send() for phone in phones]
    assert statuses(first) == ["done", "done", "done"]
    assert statuses(second) == ["conflict", "skipped", "done"]
    assert second[0]["version"] == second[0]["current"]["version"] == 3
    assert second[0]["current"]["state"] == "triaged"
    assert (second[1]["version"], second[1]["problem"]) == (None, None)


async def test_a_word_overwrites_nothing(street: Street) -> None:
    case = await street.claimed()
    phone = Phone(street, street.works_clerk)
    await phone.sync()
    other = street.works_clerk
    await street.step(await read(street, case["id"]), "progress", {"note": "第一天"}, by=other)
    phone.do("progress", case["id"], {"note": "第二天"})
    (done,) = await phone.send()
    assert (done["status"], done["version"]) == ("done", case["version"] + 2)
    # What the phone builds upon its own word still rests on what it has seen: others have been there.
    phone.do("hand_on", case["id"], {"reason": "不属本单位"})
    assert statuses(await phone.send()) == ["conflict"]
    await street.step(await read(street, case["id"]), "assign", {"unit_id": str(street.water)}, by=street.officer)
    phone.do("progress", case["id"], {"note": "第三天"})
    (refused,) = await phone.send()
    assert (refused["status"], refused["problem"]["code"]) == ("refused", "not_found")


async def test_refusals_are_those_of_the_endpoint(street: Street) -> None:
    case = await street.filed()
    near, far = street.neighbour, street.holding(Role.RESIDENT, "county.south")
    unknown = str(new_id())
    for by, action, case_id, body, code, status in (
        (street.owner, "accept", case["id"], {}, "forbidden", 403),
        (street.grid_worker, "triage", case["id"], SIMPLE, "wrong_state", 409),
        (street.grid_worker, "triage", case["id"], {"households": -1}, "invalid_request", 422),
        (street.grid_worker, "accept", case["id"], {"no_such_member": 1}, "invalid_request", 422),
        (street.grid_worker, "accept", unknown, {}, "not_found", 404),
        (near, "comment", case["id"], {"note": "x"}, "not_found", 404),
        (far, "join", case["id"], {}, "not_found", 404),
        (street.grid_worker, "merge", case["id"], {}, "unknown_action", 400),
        (street.grid_worker, "destroy", case["id"], {}, "unknown_action", 400),
        (street.owner, "file", unknown, street.words(category="nothing"), "unknown_category", 422),
        (street.owner, "file", unknown, street.words(area_id=unknown), "unknown_area", 422),
        (street.owner, "file", unknown, street.words(id=str(new_id())), "ids_differ", 422),
        (street.owner, "file", unknown, street.words(attachment_ids=[unknown]), "unknown_attachment", 422),
        (near, "file", case["id"], street.words(), "id_taken", 409),
    ):
        (told,) = await push(street, by, [operation(action, case_id, body, base=1)])
        problem = told["problem"]
        assert (told["status"], problem["code"], problem["status"]) == ("refused", code, status), (action, told)
        assert problem["detail"]
    assert (await read(street, case["id"]))["version"] == 1
    assert (await read(street, unknown))["status"] == 404


async def test_a_refused_operation_takes_nothing_with_it(street: Street) -> None:
    bad, good = await street.filed(), await street.filed()
    by = street.grid_worker
    sent = [
        operation("accept", bad["id"], base=1),
        operation("resolve", bad["id"], {"note": "早了"}, base=1),
        operation("triage", bad["id"], SIMPLE, base=1),
        operation("accept", good["id"], base=1),
    ]
    assert statuses(await push(street, by, sent)) == ["done", "refused", "skipped", "done"]
    # Sent again, what was refused is tried again, and what was skipped is still behind it.
    assert statuses(await push(street, by, sent)) == ["already", "refused", "skipped", "already"]
    again = [sent[2]]
    assert statuses(await push(street, by, again)) == ["conflict"]


async def test_a_neighbour_joins_offline_whatever_has_happened_meanwhile(street: Street) -> None:
    case = await street.filed()
    by = street.neighbour
    sent = operation("join", case["id"], base=1)
    await street.step(case, "accept", {}, by=street.grid_worker)
    assert statuses(await push(street, by, [sent])) == ["done"]
    assert statuses(await push(street, by, [sent])) == ["already"]
    (told,) = await push(street, by, [operation("join", case["id"])])
    assert (told["status"], told["problem"]["rule"]) == ("refused", "already_concerned")
    assert (await read(street, case["id"]))["joiners"] == 1


async def test_an_operation_id_is_its_own(street: Street) -> None:
    case, other = await street.filed(), await street.filed()
    sent = operation("accept", case["id"], base=1)
    by = street.grid_worker
    assert statuses(await push(street, by, [sent])) == ["done"]
    for thief, one in (
        (street.grid_worker, sent),
        (by, sent | {"id": other["id"]}),
        (by, sent | {"body": {"note": "另一个"}}),
    ):
        (told,) = await push(street, thief, [one])
        assert (told["status"], told["problem"]["code"]) == ("refused", "operation_id_taken")
    # Within one batch as well.
    twice = operation("accept", other["id"], base=1)
    assert statuses(await push(street, by, [twice, twice])) == ["done", "already"]


async def test_the_same_batch_sent_twice_at_a_time_is_done_once(street: Street) -> None:
    cases = [(await street.filed())["id"] for _ in range(4)]
    by = street.caller("intake", (Role.GRID_WORKER, GRID), (Role.RESIDENT, GRID))
    born = str(new_id())
    sent = [operation("accept", case, base=1) for case in cases]
    sent += [operation("file", born, street.words()), operation("accept", born)]
    answers = await asyncio.gather(*(push(street, by, sent) for _ in range(4)))
    for told in zip(*answers, strict=True):
        assert sorted(item["status"] for item in told) == ["already"] * 3 + ["done"]
    assert (await read(street, born))["version"] == 2


async def test_batches_that_cross_do_not_wait_for_each_other_in_a_circle(street: Street) -> None:
    cases = [(await street.filed())["id"] for _ in range(6)]
    batches = [
        [operation("comment", case, {"note": "看过"}, base=1) for case in order] for order in (cases, cases[::-1])
    ]
    answers = await asyncio.gather(*(push(street, street.owner, batch) for batch in batches * 2))
    fates = [(item["op_id"], item["status"]) for answer in answers for item in answer]
    assert {fate for _, fate in fates} == {"done", "already"}
    sent = [one["op_id"] for batch in batches for one in batch]
    assert sorted(op for op, fate in fates if fate == "done") == sorted(sent)


async def test_what_is_no_batch_is_refused_whole(street: Street, owner: Any) -> None:
    case = await street.filed()
    good = operation("accept", case["id"], base=1)
    for wrong in (
        {"op_id": "x"},
        {"op_id": "6f3c1e9e-54b8-4c7e-9c58-0a54d2b9a111"},
        {"id": "x"},
        {"made_at": "2026-01-01T00:00:00"},
        {"base_version": -1},
        {"base_version": "1"},
        {"action": "Accept"},
        {"entity": ""},
        {"body": [1]},
        {"more": 1},
    ):
        answer = await street.post("/v1/sync", {"operations": [good, good | wrong]}, by=street.grid_worker)
        assert answer.status_code == 422, wrong
    for operations in ([], [good] * 101):
        assert (await street.post("/v1/sync", {"operations": operations}, by=street.grid_worker)).status_code == 422
    assert (await read(street, case["id"]))["version"] == 1
    count = "SELECT count(*) FROM intake.sync_operations WHERE tenant_id = $1"
    assert await owner.fetchval(count, street.caller.tenant) == 0


async def test_the_house_keeps_when_it_was_made(street: Street, owner: Any) -> None:
    case = await street.filed()
    sent = operation("accept", case["id"], base=1) | {"made_at": "2026-01-02T03:04:05+08:00"}
    await push(street, street.grid_worker, [sent])
    row = await owner.fetchrow("SELECT * FROM intake.sync_operations WHERE op_id = $1", sent["op_id"])
    assert row["made_at"].isoformat() == "2026-01-01T19:04:05+00:00"
    assert row["done_at"] <= utc_now()
    assert (row["action"], row["base_version"], row["version"]) == ("accept", 1, 2)


async def test_an_accident_in_one_operation_does_not_keep_the_others(
    street: Street, monkeypatch: pytest.MonkeyPatch, databases: dict[str, Database]
) -> None:
    case, other = await street.filed(), await street.filed()

    async def breaks(session: Any, *_: object) -> None:
        connection = await session.connection()
        await connection.exec_driver_sql("SELECT 1/0")

    broken = CASE_ACTIONS["accept"]
    monkeypatch.setitem(CASE_ACTIONS, "accept", type(broken)(broken.schema, breaks))
    sent = [operation("accept", case["id"], base=1), operation("comment", other["id"], {"note": "x"}, base=1)]
    by = street.caller("intake", (Role.GRID_WORKER, GRID), person=street.owner_id)
    results = await push(street, by, sent)
    assert statuses(results) == ["refused", "done"]
    assert results[0]["problem"]["code"] == "internal_error"
