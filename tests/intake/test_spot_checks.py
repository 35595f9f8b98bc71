"""Spot checks: drawn by a seed that anybody can repeat, looked at once, and what is not solved is opened again."""

from typing import Any

import pytest

from services.intake.spotchecks.rules import sample_size
from shared.auth import Role
from shared.ids import new_id
from tests.intake.conftest import GRID, NORTH, Street, due_in


async def closed(street: Street) -> dict[str, Any]:
    return await street.step(await street.resolved(), "feedback", {"answer": "solved"}, by=street.owner)


def wanted(street: Street, **members: Any) -> dict[str, Any]:
    return {
        "id": str(new_id()),
        "area_id": str(street.areas[NORTH]),
        "since": due_in(-1),
        "until": due_in(1),
        "percent": 50,
        "seed": "第三季度",
        **members,
    }


@pytest.mark.parametrize(("cases", "percent", "drawn"), [(1, 1, 1), (100, 5, 5), (101, 5, 6), (7, 100, 7), (3, 50, 2)])
def test_a_share_is_rounded_up(cases: int, percent: int, drawn: int) -> None:
    assert sample_size(cases, percent) == drawn


async def test_the_same_seed_draws_the_same_cases(street: Street) -> None:
    cases = [await closed(street) for _ in range(4)]
    await street.resolved()
    draws = []
    for seed in ("甲", "甲", "乙"):
        response = await street.post("/v1/spot-checks", wanted(street, seed=seed, percent=100), by=street.officer)
        check = response.json()
        assert (response.status_code, check["closed_cases"], check["drawn"], check["checked"]) == (201, 4, 4, 0)
        items = (await street.get(f"/v1/spot-checks/{check['id']}/items", by=street.officer)).json()["items"]
        draws.append([item["case_id"] for item in items])
    assert draws[0] == draws[1]
    assert set(draws[0]) == set(draws[2]) == {case["id"] for case in cases}
    half = (await street.post("/v1/spot-checks", wanted(street), by=street.officer)).json()
    assert half["drawn"] == 2


async def test_what_is_not_solved_is_opened_again_and_its_unit_is_asked(street: Street) -> None:
    case = await closed(street)
    check = (await street.post("/v1/spot-checks", wanted(street), by=street.officer)).json()
    path = f"/v1/spot-checks/{check['id']}/items/{case['id']}"
    own = street.caller("intake", (Role.OFFICER, NORTH), (Role.UNIT_STAFF, NORTH, street.works))
    refused = await street.post(path, {"solved": True, "note": "很好"}, by=own)
    assert (refused.status_code, refused.json()["rule"]) == (403, "nobody_checks_the_own_unit")
    found = await street.post(path, {"solved": False, "note": "井盖仍冒水"}, by=street.officer)
    assert (found.status_code, found.json()["solved"]) == (200, False)
    again = (await street.get(f"/v1/cases/{case['id']}")).json()
    assert (again["state"], again["outcome"], again["unit_id"]) == ("reopened", "not_satisfied", None)
    (order,) = (await street.get("/v1/supervision-orders", case_id=case["id"], by=street.works_clerk)).json()["items"]
    assert (order["cause"], order["unit_id"]) == ("spot_check", str(street.works))
    twice = await street.post(path, {"solved": True, "note": "x"}, by=street.officer)
    assert (twice.status_code, twice.json()["code"]) == (409, "already_checked")
    seen = (await street.get(f"/v1/spot-checks/{check['id']}", by=street.officer)).json()
    assert (seen["checked"], seen["solved"]) == (1, 0)


async def test_a_sample_is_drawn_once_and_only_by_officers_of_the_area(street: Street) -> None:
    await closed(street)
    body = wanted(street)
    answers = [await street.post("/v1/spot-checks", body, by=street.officer) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 200]
    taken = await street.post("/v1/spot-checks", {**body, "percent": 7}, by=street.officer)
    assert taken.json()["code"] == "id_taken"
    elsewhere = street.holding(Role.OFFICER, "county.south")
    assert (await street.post("/v1/spot-checks", wanted(street), by=elsewhere)).json()["rule"] == "officers_check"
    assert (await street.get(f"/v1/spot-checks/{body['id']}", by=elsewhere)).status_code == 404
    assert (await street.get("/v1/spot-checks", by=elsewhere)).json()["items"] == []
    assert (await street.post("/v1/spot-checks", wanted(street), by=street.grid_worker)).status_code == 403
    refusals: tuple[tuple[dict[str, Any], str], ...] = (
        ({"since": due_in(2)}, "period_backwards"),
        ({"area_id": str(new_id())}, "unknown_area"),
        ({"since": due_in(0.5)}, "nothing_to_check"),
    )
    for wrong, code in refusals:
        assert (await street.post("/v1/spot-checks", wanted(street, **wrong), by=street.officer)).json()["code"] == code
    for bad in ({"percent": 0}, {"percent": 101}, {"percent": True}, {"seed": ""}):
        assert (await street.post("/v1/spot-checks", wanted(street, **bad), by=street.officer)).status_code == 422
    assert street.areas[GRID]
