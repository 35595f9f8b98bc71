"""Supervision orders: a written demand with a clock of its own, answered by whoever is asked and judged by others."""

import asyncio
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.supervision.jobs import mark_overdue_orders
from services.intake.supervision.rules import STEPS, OrderAction, OrderFacts, OrderState
from shared.auth import Grant, Principal, Role
from shared.clock import utc_now
from shared.db import Database
from shared.ids import new_id
from shared.problems import Forbidden, WrongState
from shared.steps import check_step, next_actions
from shared.testing import TestServers
from tests.intake.conftest import GRID, NORTH, Headers, MovedClock, Street
from tests.intake.test_notifications import kinds

Json = dict[str, Any]


async def issued(street: Street, **members: Any) -> Json:
    """Demand an answer from the works about a case that they hold."""
    case = await street.claimed()
    body = {"unit_id": str(street.works), "demand": "请说明进度", "minutes": 60, **members}
    answer = await street.post(f"/v1/cases/{case['id']}/supervision-orders", body, by=street.officer)
    assert answer.status_code == 201, answer.text
    order: Json = answer.json()
    return order


async def act(street: Street, order: Json, action: str, body: Json, *, by: Headers) -> Json:
    path = f"/v1/supervision-orders/{order['id']}/{action}"
    answer = await street.post(path, body, by=by, version=order["version"])
    assert answer.status_code == 200, answer.text
    changed: Json = answer.json()
    return changed


async def test_an_order_is_answered_returned_answered_better_and_accepted(street: Street) -> None:
    order = await issued(street)
    assert (order["state"], order["cause"], order["version"]) == ("issued", "by_hand", 1)
    clerk, officer = street.works_clerk, street.officer
    order = await act(street, order, "answer", {"answer": "在办"}, by=clerk)
    assert (order["state"], order["answer"]) == ("answered", "在办")
    before = datetime.fromisoformat(order["due_at"])
    order = await act(street, order, "return", {"reason": "没有时限", "minutes": 600}, by=officer)
    assert (order["state"], order["returns"]) == ("issued", 1)
    assert datetime.fromisoformat(order["due_at"]) > before
    order = await act(street, order, "answer", {"answer": "周五完成"}, by=clerk)
    order = await act(street, order, "accept", {}, by=officer)
    assert [item["action"] for item in order["next_actions"] if item["allowed"]] == []
    history = (await street.get(f"/v1/supervision-orders/{order['id']}/history", by=clerk)).json()
    assert [step["step"] for step in history] == ["issue", "answer", "return", "answer", "accept"]
    assert [step["position"] for step in history] == [1, 2, 3, 4, 5]
    assert all(one["at"] <= two["at"] for one, two in pairwise(history))
    heard = [kind for kind in await kinds(street, clerk) if kind.startswith("supervision")]
    assert heard == ["supervision_ordered", "supervision_returned"]
    heard = [kind for kind in await kinds(street, street.officer) if kind.startswith("supervision")]
    assert heard == ["supervision_answered", "supervision_answered"]
    steps = [step["step"] for step in await street.history({"id": order["case_id"]})]
    assert steps.count("supervise") == 1


async def test_nobody_judges_the_own_units_answer_and_only_the_asked_answer(street: Street) -> None:
    order = await issued(street)
    path = f"/v1/supervision-orders/{order['id']}"
    both = street.caller("intake", (Role.OFFICER, NORTH), (Role.UNIT_STAFF, NORTH, street.works))
    beside = street.caller("intake", (Role.OFFICER, NORTH), (Role.UNIT_STAFF, NORTH, street.water))
    refused = await street.post(f"{path}/answer", {"answer": "x"}, by=beside, version=1)
    assert (refused.status_code, refused.json()["rule"]) == (403, "ordered_unit_answers")
    order = await act(street, order, "answer", {"answer": "在办"}, by=both)
    for action in ("accept", "return", "withdraw"):
        refused = await street.post(
            f"{path}/{action}", {"reason": "x"} if action == "return" else {}, by=both, version=2
        )
        assert (refused.status_code, refused.json()["rule"]) == (403, "not_ones_own_answer")
    for by in (street.water_clerk, street.holding(Role.OFFICER, "county.south"), street.owner):
        assert (await street.get(path, by=by)).status_code in {403, 404}
        assert (await street.post(f"{path}/accept", {}, by=by, version=2)).status_code in {403, 404}
    stale = await street.post(f"{path}/accept", {}, by=street.officer, version=1)
    assert (stale.status_code, stale.json()["current"]["version"]) == (412, 2)
    withdrawn = await act(street, order, "withdraw", {"note": "误发"}, by=street.officer)
    late = await street.post(f"{path}/answer", {"answer": "x"}, by=street.works_clerk, version=withdrawn["version"])
    assert (late.status_code, late.json()["code"]) == (409, "wrong_state")


async def test_without_a_unit_the_areas_own_staff_is_asked(street: Street) -> None:
    order = await issued(street, unit_id=None, minutes=None)
    assert [kind for kind in await kinds(street, street.grid_worker) if kind.startswith("supervision")] == [
        "supervision_ordered"
    ]
    refused = await street.post(
        f"/v1/supervision-orders/{order['id']}/answer", {"answer": "x"}, by=street.works_clerk, version=1
    )
    assert refused.status_code == 404
    order = await act(street, order, "answer", {"answer": "已去看过"}, by=street.grid_worker)
    assert order["state"] == "answered"


async def test_an_order_sent_twice_is_one(street: Street) -> None:
    case = await street.claimed()
    path = f"/v1/cases/{case['id']}/supervision-orders"
    body = {"id": str(new_id()), "unit_id": str(street.works), "demand": "请说明进度"}
    answers = [await street.post(path, body, by=street.officer) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 200]
    taken = await street.post(path, {**body, "demand": "别的"}, by=street.officer)
    assert (taken.status_code, taken.json()["code"]) == (409, "id_taken")
    unknown = await street.post(path, {"unit_id": str(new_id()), "demand": "x"}, by=street.officer)
    assert (unknown.status_code, unknown.json()["code"]) == (422, "unknown_unit")
    assert (await street.post(path, {"demand": "x"}, by=street.grid_worker)).status_code == 403


async def test_what_is_not_answered_in_time_is_marked_once_by_any_number_of_workers(
    street: Street, servers: TestServers, moved: MovedClock
) -> None:
    late = [await issued(street) for _ in range(6)]
    answered = await issued(street)
    answered = await act(street, answered, "answer", {"answer": "在办"}, by=street.works_clerk)
    patient = await issued(street, minutes=100_000)
    moved.forward(timedelta(days=14))
    workers = [Database(servers.role_url("intake"), schema="intake", pool_size=2) for _ in range(4)]
    try:
        for _ in range(2):
            await asyncio.gather(*(mark_overdue_orders(one, street.caller.tenant, utc_now()) for one in workers))
    finally:
        for worker in workers:
            await worker.close()
    listed = (await street.get("/v1/supervision-orders", by=street.officer, overdue="true")).json()["items"]
    assert {one["id"] for one in listed} == {one["id"] for one in late}
    for one in late:
        history = (await street.get(f"/v1/supervision-orders/{one['id']}/history", by=street.officer)).json()
        assert [step["step"] for step in history] == ["issue", "overdue"]
    heard = (await kinds(street, street.works_clerk)).count("supervision_overdue")
    print(f"{len(late)} late orders, 4 workers twice: {heard} times told")
    assert heard == len(late)
    for one in (answered, patient):
        assert (await street.get(f"/v1/supervision-orders/{one['id']}", by=street.officer)).json()["overdue_at"] is None
    order = next(one for one in listed if one["id"] == late[0]["id"])
    order = await act(street, order, "answer", {"answer": "迟了"}, by=street.works_clerk)
    assert order["overdue_at"] is not None, "that it was late stays known"
    order = await act(street, order, "return", {"reason": "不够"}, by=street.officer)
    assert order["overdue_at"] is None, "the new time is not over"


async def test_an_order_that_fails_stops_none_behind_it(
    street: Street, databases: dict[str, Database], owner: Any, moved: MovedClock
) -> None:
    tenant = street.caller.tenant
    late = [await issued(street, minutes=60 + number) for number in range(4)]
    moved.forward(timedelta(days=14))
    # The one that is overdue for longest cannot be marked, and does not get better.
    name = f"poison_{tenant}"
    await owner.execute(
        f"CREATE FUNCTION public.{name}() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'poisoned'; END $$;"
        f"CREATE TRIGGER {name} BEFORE UPDATE ON intake.supervision_orders FOR EACH ROW"
        f" WHEN (NEW.id = '{late[0]['id']}') EXECUTE FUNCTION public.{name}()"
    )
    try:
        await mark_overdue_orders(databases["intake"], tenant, utc_now())
    finally:
        await owner.execute(f"DROP FUNCTION public.{name}() CASCADE")
    listed = (await street.get("/v1/supervision-orders", by=street.officer, overdue="true")).json()["items"]
    assert {one["id"] for one in listed} == {one["id"] for one in late[1:]}
    await mark_overdue_orders(databases["intake"], tenant, utc_now())
    listed = (await street.get("/v1/supervision-orders", by=street.officer, overdue="true")).json()["items"]
    assert len(listed) == len(late)


WORKS = new_id()
grants = st.builds(
    Grant,
    st.sampled_from(list(Role)),
    st.sampled_from(["county", NORTH, GRID, "county.south"]),
    st.sampled_from([None, WORKS]),
)


@given(st.sampled_from(OrderState), st.sampled_from([None, WORKS]), st.lists(grants, max_size=3).map(tuple))
def test_what_is_told_beforehand_is_what_happens(state: OrderState, unit: Any, held: tuple[Grant, ...]) -> None:
    order, caller = OrderFacts(state, GRID, unit), Principal("t", new_id(), "person", held)
    officer = any(one.role in {Role.OFFICER, Role.SECRETARY} and one.reaches(GRID) for one in held)
    staff = officer or any(one.role is Role.GRID_WORKER and one.reaches(GRID) for one in held)
    asked = any(one.role is Role.UNIT_STAFF and one.unit_id == unit for one in held) if unit else staff
    own = unit is not None and asked
    told = {item.action: item for item in next_actions(STEPS, order, caller)}
    for action in OrderAction:
        right = asked if action is OrderAction.ANSWER else officer and not own
        allowed = right and state in STEPS[action].sources
        assert told[action].allowed == allowed
        if allowed:
            check_step(STEPS, action, order, caller)
            continue
        with pytest.raises((Forbidden, WrongState)):
            check_step(STEPS, action, order, caller)
