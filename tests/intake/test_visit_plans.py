"""Plans and coverage: every figure is the count that anybody would make by hand."""

from collections import defaultdict
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.visit_plans.rules import Every, lies_within, overlapping, percent, rounds
from services.intake.visits.rules import same_door
from shared.auth import Role
from shared.clock import today
from shared.ids import new_id
from shared.testing import Places
from tests.intake.conftest import GRID, NORTH, Json, MovedClock, Street
from tests.intake.field import done, hazard, heard, made, plan, seen, visit, worker

DAYS = st.dates(date(2020, 1, 1), date(2030, 12, 31))


@given(first=DAYS, length=st.integers(0, 400), every=st.sampled_from(Every))
def test_rounds_follow_each_other_and_fill_the_period(first: date, length: int, every: Every) -> None:
    last = first + timedelta(days=length)
    found = rounds(first, last, every)
    days = [day for begins, ends in found for day in range(begins.toordinal(), ends.toordinal() + 1)]
    assert days == list(range(first.toordinal(), last.toordinal() + 1))
    most = {Every.ONCE: length + 1, Every.WEEK: 7, Every.MONTH: 31, Every.QUARTER: 92}[every]
    least = {Every.ONCE: length + 1, Every.WEEK: 7, Every.MONTH: 28, Every.QUARTER: 89}[every]
    sizes = [(ends - begins).days + 1 for begins, ends in found]
    assert max(sizes) <= most
    assert all(size >= least for size in sizes[:-1])


def test_a_month_begins_on_the_plans_own_day() -> None:
    found = rounds(date(2026, 1, 31), date(2026, 5, 1), Every.MONTH)
    assert [begins.isoformat() for begins, _ in found] == ["2026-01-31", "2026-02-28", "2026-03-31", "2026-04-30"]
    assert found[-1][1] == date(2026, 5, 1)


LABELS = st.lists(st.sampled_from(["a", "b", "ab"]), min_size=1, max_size=3).map(".".join)


@given(st.lists(LABELS, max_size=8))
def test_an_overlap_is_found_when_there_is_one(paths: list[str]) -> None:
    pairs = [
        (one, two)
        for one in range(len(paths))
        for two in range(len(paths))
        if one != two and lies_within(paths[two], paths[one])
    ]
    found = overlapping(paths)
    assert (found is None) is (not pairs)
    assert found is None or any(two == found for _, two in pairs)


@pytest.mark.parametrize(
    ("one", "two"), [("3-2-501", "3－2－501"), ("3 / 501", "3-501"), ("３号楼", "3号楼"), ("A座501", " a座501 ")]
)
def test_a_door_is_known_in_other_spellings(one: str, two: str) -> None:
    assert same_door(one) == same_door(two)
    assert same_door("3-2-501") != same_door("32-501")


def test_only_all_is_a_hundred_percent() -> None:
    assert (percent(0, 0), percent(0, 3), percent(999, 1000), percent(3, 3)) == (None, 0, 99, 100)


async def test_reached_twice_counts_once_and_not_reached_not_at_all(street: Street) -> None:
    where = await made(street, "/v1/visit-plans", plan(street), by=street.officer)
    assert (where["planned"], where["rounds"]) == (10, 1)
    by = worker(street)
    for door, reached in (("1-101", True), ("1－101", True), ("1-102", False), ("1-103", True)):
        await made(street, "/v1/visits", visit(street, plan_id=where["id"], door=door, reached=reached), by=by)
    progress = (await seen(street, "visit-plans", where, by=street.officer))["progress"][0]
    assert (progress["planned"], progress["covered"], progress["coverage_percent"]) == (10, 2, 20)
    assert [(one["visited"], one["covered"]) for one in progress["targets"]] == [(2, 2)]


async def test_only_the_doors_of_a_list_count_where_there_is_one(street: Street) -> None:
    doors = ["1-101", "1-102", "1－102"]
    body = plan(street, targets=[{"area_id": str(street.areas[GRID]), "doors": doors}])
    where = await made(street, "/v1/visit-plans", body, by=street.officer)
    assert where["planned"] == 2
    by = worker(street)
    counted = await made(street, "/v1/visits", visit(street, plan_id=where["id"], door="1-101"), by=by)
    beyond = await made(street, "/v1/visits", visit(street, plan_id=where["id"], door="9-999"), by=by)
    assert (counted["on_plan"], beyond["on_plan"]) == (True, False)
    assert (await seen(street, "visit-plans", where, by=by))["progress"][0]["covered"] == 1
    listed = await street.get(f"/v1/visit-plans/{where['id']}/doors", by=by, purpose="入户走访", page_size=1)
    first = listed.json()
    assert [(one["door"], one["reached"]) for one in first["items"]] == [("1-101", True)]
    rest = await street.get(
        f"/v1/visit-plans/{where['id']}/doors", by=by, purpose="入户走访", page_size=1, cursor=first["next_cursor"]
    )
    assert [(one["door"], one["reached"]) for one in rest.json()["items"]] == [("1-102", False)]
    refused = await street.get(f"/v1/visit-plans/{where['id']}/doors", by=street.administrator, purpose="看看")
    assert refused.status_code == 403
    secretary = street.holding(Role.SECRETARY, "county")
    log = (await street.get("/v1/door-disclosures", by=secretary)).json()["items"]
    assert [line["plan_id"] for line in log] == [where["id"]] * 2


async def test_a_round_that_is_over_and_not_covered_is_overdue(street: Street, moved: MovedClock) -> None:
    first = today()
    body = plan(
        street,
        first_on=first.isoformat(),
        last_on=(first + timedelta(days=13)).isoformat(),
        every="week",
        targets=[{"area_id": str(street.areas[GRID]), "households": 2}],
    )
    where = await made(street, "/v1/visit-plans", body, by=street.officer)
    by = worker(street)

    async def overdue() -> tuple[bool, list[str]]:
        shown = await seen(street, "visit-plans", where, by=street.officer)
        rows = (await street.get("/v1/visit-plans", by=street.officer, overdue=True)).json()["items"]
        assert shown["overdue"] is bool(rows), "a list and its line tell the same"
        return shown["overdue"], [row["id"] for row in rows]

    await made(street, "/v1/visits", visit(street, plan_id=where["id"], door="1"), by=by)
    assert await overdue() == (False, [])
    moved.forward(timedelta(days=7))
    assert await overdue() == (True, [where["id"]])
    # Brought in later from a phone that was offline; the day of the visit counts.
    late = visit(street, plan_id=where["id"], door="2", visited_at=f"{first.isoformat()}T18:00:00+08:00")
    assert (await made(street, "/v1/visits", late, by=by))["round"] == 1
    assert await overdue() == (False, [])
    for door in ("1", "2"):
        told = await made(street, "/v1/visits", visit(street, plan_id=where["id"], door=door), by=by)
        assert told["round"] == 2
    shown = await seen(street, "visit-plans", where, by=street.officer)
    assert [one["covered"] for one in shown["progress"]] == [2, 2]
    await done(street, "visits", told, "void", {"reason": "走错"}, by=street.officer)
    moved.forward(timedelta(days=8))
    assert await overdue() == (True, [where["id"]])
    shown = await seen(street, "visit-plans", where, by=street.officer)
    await done(street, "visit-plans", shown, "finish", {"note": "居民外出"}, by=street.officer)
    assert await overdue() == (False, [])


async def test_a_visit_belongs_to_its_plan_or_is_refused(street: Street, places: Places) -> None:
    block, other = await places.area(f"{GRID}.b1"), await places.area(f"{GRID}.b2")
    body = plan(street, targets=[{"area_id": str(block), "households": 3}])
    where = await made(street, "/v1/visit-plans", body, by=street.officer)
    by = worker(street)
    fits = {"plan_id": where["id"], "area_id": str(block)}
    for members, code, reason in (
        (fits | {"area_id": str(other)}, "outside_of_plan", "area"),
        (
            fits | {"visited_at": f"{(today() - timedelta(days=4)).isoformat()}T10:00:00+08:00"},
            "outside_of_plan",
            "period",
        ),
        (fits | {"kind": "errand"}, "wrong_plan_kind", None),
    ):
        refused = await street.post("/v1/visits", visit(street, **members), by=by)
        assert (refused.status_code, refused.json()["code"], refused.json().get("reason")) == (422, code, reason)
    await made(street, "/v1/visits", visit(street, **fits), by=by)
    await done(street, "visit-plans", where, "cancel", {}, by=street.officer)
    refused = await street.post("/v1/visits", visit(street, **fits, note="再次"), by=by)
    assert (refused.status_code, refused.json()["code"]) == (422, "plan_is_over")
    again = await street.post(f"/v1/visit-plans/{where['id']}/finish", {}, by=street.officer, version=2)
    assert (again.status_code, again.json()["code"]) == (409, "wrong_state")


async def test_a_plan_sent_twice_is_one_plan(street: Street) -> None:
    officer = street.holding(Role.OFFICER, NORTH, person=new_id())
    body = plan(street, id=str(new_id()))
    one = await made(street, "/v1/visit-plans", body, by=officer)
    two = await made(street, "/v1/visit-plans", body, by=officer, status=200)
    assert one["id"] == two["id"]
    for other, who in ((body | {"title": "另一个"}, officer), (body, street.officer)):
        refused = await street.post("/v1/visit-plans", other, by=who)
        assert (refused.status_code, refused.json()["code"]) == (409, "id_taken")


@pytest.mark.parametrize(
    ("members", "code"),
    [
        ({"last_on": "2020-01-01"}, "bad_period"),
        ({"last_on": "2036-01-01"}, "bad_period"),
        ({"first_on": "2026-01-01", "last_on": "2028-01-01", "every": "week"}, "too_many_rounds"),
        ({"targets": []}, "invalid_request"),
        ({"area_id": str(new_id())}, "unknown_area"),
        ({"unit_ids": [str(new_id())]}, "unknown_unit"),
        ({"checklist_code": "nothing"}, "unknown_checklist"),
        ({"every": "hour"}, "invalid_request"),
    ],
)
async def test_what_cannot_be_planned_is_refused(street: Street, members: Json, code: str) -> None:
    refused = await street.post("/v1/visit-plans", plan(street, **members), by=street.officer)
    assert (refused.status_code, refused.json()["code"]) == (422, code), refused.text


async def test_targets_lie_in_the_area_and_do_not_overlap(street: Street, places: Places) -> None:
    block = await places.area(f"{GRID}.b1")
    grid, south = str(street.areas[GRID]), str(street.areas["county.south"])
    for targets, code, pointer in (
        ([{"area_id": south, "households": 1}], "target_elsewhere", "/targets/0/area_id"),
        (
            [{"area_id": grid, "households": 1}, {"area_id": str(block), "households": 1}],
            "targets_overlap",
            "/targets/1/area_id",
        ),
        ([{"area_id": grid, "households": 1}] * 2, "targets_overlap", "/targets/1/area_id"),
        ([{"area_id": grid}], "invalid_request", "/targets/0"),
        ([{"area_id": grid, "households": 1, "doors": ["1"]}], "invalid_request", "/targets/0"),
    ):
        refused = await street.post("/v1/visit-plans", plan(street, targets=targets), by=street.officer)
        assert (refused.status_code, refused.json()["code"]) == (422, code), refused.text
        assert refused.json()["errors"][0]["pointer"] == pointer


async def test_officers_of_the_area_plan_and_see(street: Street) -> None:
    for who in (street.grid_worker, street.owner, street.works_clerk):
        assert (await street.post("/v1/visit-plans", plan(street), by=who)).status_code == 403
    south = street.holding(Role.OFFICER, "county.south")
    refused = await street.post("/v1/visit-plans", plan(street), by=south)
    assert (refused.status_code, refused.json()["rule"]) == (403, "officers_plan_visits")
    where = await made(street, "/v1/visit-plans", plan(street), by=street.officer)
    for who in (south, street.owner, worker(street, path="county.south")):
        assert (await street.get(f"/v1/visit-plans/{where['id']}", by=who)).status_code == 404
        assert (await street.get("/v1/visit-plans", by=who)).json()["items"] == []
    refused = await street.post(f"/v1/visit-plans/{where['id']}/finish", {}, by=south, version=1)
    assert refused.status_code == 404
    for narrowed, count in (
        ({"kind": "home"}, 1),
        ({"kind": "errand"}, 0),
        ({"on": today().isoformat()}, 1),
        ({"on": (today() + timedelta(days=9)).isoformat()}, 0),
        ({"state": "finished"}, 0),
        ({"under": str(street.areas[GRID])}, 1),
        ({"visitor_id": str(new_id())}, 0),
        ({"overdue": True}, 0),
    ):
        rows = (await street.get("/v1/visit-plans", by=street.officer, **narrowed)).json()["items"]
        assert len(rows) == count, narrowed


VISITS = st.lists(
    st.tuples(
        st.integers(0, 2),  # in which block
        st.integers(0, 4),  # at which door
        st.booleans(),  # reached
        st.booleans(),  # of the plan
        st.sampled_from(["keep", "keep", "void"]),
        st.lists(st.sampled_from(["noted", "answered"]), max_size=2),
    ),
    max_size=14,
)


async def test_figures_equal_what_is_counted_by_hand(street: Street, places: Places) -> None:
    blocks = [f"{GRID}.b{number}" for number in range(3)]
    areas = {path: await places.area(path, name=path[-2:]) for path in blocks}
    planned = dict(zip(blocks, (2, 3, 4), strict=True))
    # The strategy gives the same few handfuls each time: the database is asked for each of them.
    for number, made_up in enumerate(_handfuls()):
        targets = [{"area_id": str(areas[path]), "households": count} for path, count in planned.items()]
        where = await made(street, "/v1/visit-plans", plan(street, targets=targets), by=street.officer)
        before = await _coverage(street)
        reference = await _record(street, made_up, blocks, areas, where["id"], prefix=f"{number}-")
        after = await _coverage(street)
        for path in blocks:
            expected, was, now = reference[path], before[path], after[path]
            for name in ("visits", "reached", "heard", "noted", "answered"):
                assert now[name] - was[name] == expected[name], (name, made_up)
            assert now["households"] - was["households"] == len(expected["doors"])
            assert now["covered"] - was["covered"] == min(planned[path], len(expected["on_plan"]))
            assert now["planned"] == planned[path] * (number + 1)
        for name in ("planned", "covered", "visits", "households", "heard"):
            assert after["total"][name] == sum(after[path][name] for path in blocks)


def _handfuls() -> list[list[tuple[int, int, bool, bool, str, list[str]]]]:
    """Return handfuls of visits, drawn once."""
    drawn: list[list[tuple[int, int, bool, bool, str, list[str]]]] = []

    @given(VISITS)
    def draw(visits: list[tuple[int, int, bool, bool, str, list[str]]]) -> None:
        drawn.append(visits)

    draw()
    return sorted(drawn, key=len, reverse=True)[:: max(1, len(drawn) // 8)][:8]


async def _record(
    street: Street,
    visits: list[tuple[int, int, bool, bool, str, list[str]]],
    blocks: list[str],
    areas: Any,
    plan_id: str,
    *,
    prefix: str,
) -> dict[str, dict[str, Any]]:
    by = worker(street, person=new_id())
    found: dict[str, dict[str, Any]] = {path: defaultdict(int) | {"doors": set(), "on_plan": set()} for path in blocks}
    for block, door, reached, of_plan, fate, lines in visits:
        path = blocks[block]
        words = [heard(disposition=line, **({"answer": "已答复"} if line == "answered" else {})) for line in lines]
        body = visit(
            street,
            area_id=str(areas[path]),
            door=f"{prefix}{door}",
            reached=reached,
            heard=words if reached else [],
            **({"plan_id": plan_id} if of_plan else {}),
        )
        told = await made(street, "/v1/visits", body, by=by)
        if fate == "void":
            await done(street, "visits", told, "void", {"reason": "误登"}, by=by)
            continue
        counted = found[path]
        counted["visits"] += 1
        if reached:
            counted["reached"] += 1
            counted["doors"].add(door)
            counted["heard"] += len(lines)
            for line in lines:
                counted[line] += 1
            if of_plan:
                counted["on_plan"].add(door)
    return found


async def _coverage(street: Street) -> dict[str, Any]:
    answer = await street.get("/v1/visit-coverage", by=street.officer, under=str(street.areas[GRID]))
    assert answer.status_code == 200, answer.text
    told = answer.json()
    return {row["area_path"]: defaultdict(int, row) for row in told["parts"]} | {"total": told["total"]}


async def test_coverage_tells_of_cases_errands_inspections_and_hazards(street: Street) -> None:
    by = worker(street, person=new_id())
    lines = [heard(disposition="case"), heard(disposition="answered", answer="已答复"), heard()]
    errands = [{"what": "代买药"}, {"what": "代缴费", "done": False}]
    await made(street, "/v1/visits", visit(street, heard=lines, errands=errands), by=by)
    found, _ = await hazard(street, by)
    body = {"reason": "不属隐患"}
    other, _ = await hazard(street, by)
    await done(street, "hazards", other, "withdraw", body, by=street.officer)
    answer = await street.get("/v1/visit-coverage", by=street.officer, under=str(street.areas[NORTH]))
    total = answer.json()["total"]
    named = {name: total[name] for name in ("visits", "heard", "cases", "noted", "answered", "errands")}
    assert named == {"visits": 3, "heard": 3, "cases": 1, "noted": 1, "answered": 1, "errands": 1}
    assert [total[name] for name in ("hazards", "hazards_open", "hazards_overdue")] == [1, 1, 0]
    (part,) = [row for row in answer.json()["parts"] if row["visits"]]
    assert (part["area_path"], part["name"]) == ("county.north.c1", "c1")
    assert found["state"] == "noticed"
    only = await street.get("/v1/visit-coverage", by=street.officer, under=str(street.areas[NORTH]), kind="home")
    assert (only.json()["total"]["visits"], only.json()["total"]["hazards"]) == (1, 0)
    yesterday = (today() - timedelta(days=1)).isoformat()
    past = await street.get("/v1/visit-coverage", by=street.officer, under=str(street.areas[NORTH]), until=yesterday)
    assert (past.json()["total"]["visits"], past.json()["total"]["hazards"]) == (0, 0)


async def test_an_enterprise_that_was_met_in_two_places_is_one(street: Street, places: Places) -> None:
    by, south = worker(street), worker(street, path="county.south")
    for who, path in ((by, GRID), (by, GRID), (south, "county.south")):
        body = visit(street, kind="enterprise", door=None, unit_id=str(street.works), area_id=str(street.areas[path]))
        await made(street, "/v1/visits", body, by=who)
    officer = street.holding(Role.OFFICER, "county")
    told = (await street.get("/v1/visit-coverage", by=officer, under=str(street.areas["county"]))).json()
    assert (told["total"]["visits"], told["total"]["households"]) == (3, 1)
    assert {row["area_path"]: row["households"] for row in told["parts"]} == {NORTH: 1, "county.south": 1}


async def test_coverage_is_for_who_works_there(street: Street) -> None:
    north = str(street.areas[NORTH])
    for who in (street.owner, street.works_clerk):
        assert (await street.get("/v1/visit-coverage", by=who, under=north)).status_code == 403
    refused = await street.get("/v1/visit-coverage", by=street.grid_worker, under=north)
    assert (refused.status_code, refused.json()["rule"]) == (403, "staff_sees_coverage")
    unknown = await street.get("/v1/visit-coverage", by=street.officer, under=str(new_id()))
    assert (unknown.status_code, unknown.json()["code"]) == (422, "unknown_area")
