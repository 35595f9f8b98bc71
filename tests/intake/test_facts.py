"""Facts over HTTP: what they say of a case's life, who sees them, and that checks find whatever is not so."""

import json
import secrets
from collections import Counter
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from services.intake.facts import checking, jobs
from services.intake.facts.rules import end_of
from shared.auth import Role
from shared.clock import CHINA, utc_now
from shared.db import Database
from shared.ids import new_id
from tests.intake.civic import Civic, key_of
from tests.intake.conftest import GRID, MEDIUM, NORTH, SIMPLE, MovedClock, Street
from tests.intake.counting import Counting
from tests.intake.importing import Desk, row, xlsx
from tests.intake.test_anonymous import filed_anonymously


@pytest.fixture
def counting(street: Street, databases: dict[str, Database], owner: Any) -> Counting:
    return Counting(street, databases["intake"], owner)


async def listed(street: Street, path: str, **query: Any) -> list[dict[str, Any]]:
    by = query.pop("by", street.officer)
    answer = await street.get(f"/v1/{path}", by=by, page_size=200, **query)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def test_a_case_is_told_as_its_history_tells_it(counting: Counting) -> None:
    street = counting.street
    case = await street.resolved()
    await street.joined(case, 2)
    case = await street.step(await street.read(case), "feedback", {"answer": "solved"}, by=street.owner)
    await counting.turn()
    (fact,) = await listed(street, "case-facts")
    history = {step["step"]: step for step in await street.history(case)}
    for name in ("category", "channel", "level", "state", "outcome", "area_path", "unit_id", "collective", "joiners"):
        assert fact[name] == case[name], name
    assert fact["accepted_at"] == history["accept"]["at"]
    assert fact["first_reply_at"] == fact["resolved_at"] == history["resolve"]["at"]
    assert (fact["filed_at"], fact["closed_at"]) == (case["filed_at"], history["feedback"]["at"])
    assert fact["version"] == case["version"]
    clocks = {clock["clock"]: clock for clock in (await street.read(case))["clocks"]}
    for name, clock in clocks.items():
        assert fact[f"{name}_s"] == clock["budget_s"] - clock["left_s"], name
        assert fact[f"{name}_kept"] is True
    steps = await listed(street, "transition-facts", case_id=case["id"])
    assert [step["step"] for step in reversed(steps)] == [step["step"] for step in await street.history(case)]
    assert [step["effect"] for step in reversed(steps)] == [
        "opened", "accepted", None, None, None, "resolved", None, None, "closed"
    ]  # fmt: skip
    assert {step["actor_kind"] for step in steps} == {"person"}
    ordered = list(reversed(steps))
    assert all(one["until_at"] == two["at"] for one, two in pairwise(ordered))
    assert ordered[-1]["until_at"] is None


async def test_days_are_counted_when_they_are_over_and_not_before(counting: Counting, moved: MovedClock) -> None:
    street = counting.street
    filed = await street.filed()
    await street.filed(category="parking")
    await counting.turn()
    assert await listed(street, "day-facts") == []
    assert (await street.get("/v1/facts", by=street.officer)).json()["frozen_through"] is None
    today = utc_now().astimezone(CHINA).date()
    moved.forward(timedelta(days=8))
    await street.step(filed, "accept", {}, by=street.grid_worker)
    await counting.turn()
    rows = await listed(street, "day-facts", category="drainage")
    assert [(row["day"], row["opened"], row["accepted"], row["backlog"]) for row in rows] == [
        ((today + timedelta(days=number)).isoformat(), int(number == 0), 0, 1) for number in range(8)
    ]
    # Until somebody accepts it, that is what is due first.
    due = min(datetime.fromisoformat(clock["due_at"]) for clock in filed["clocks"])
    assert [row["overdue"] for row in rows] == [int(due < end_of(today + timedelta(days=n))) for n in range(8)]
    assert rows[-1]["overdue"] == 1
    progress = (await street.get("/v1/facts", by=street.officer)).json()
    assert progress["frozen_through"] == (today + timedelta(days=7)).isoformat()
    assert {row["revision"] for row in rows} == {1}


async def test_facts_are_seen_by_those_who_see_the_cases_from_above(counting: Counting) -> None:
    street = counting.street
    here = await street.claimed()
    far = await street.filed(area_id=str(street.areas["county.south"]))
    await counting.turn()
    seen = {}
    for role, path in ((Role.OFFICER, "county.north"), (Role.GRID_WORKER, GRID), (Role.AUDITOR, "county")):
        rows = await listed(street, "case-facts", by=street.holding(role, path))
        seen[role] = {row["case_id"] for row in rows}
    assert seen == {
        Role.OFFICER: {here["id"]},
        Role.GRID_WORKER: {here["id"]},
        Role.AUDITOR: {here["id"], far["id"]},
    }
    steps = await listed(street, "transition-facts", by=street.holding(Role.SECRETARY, "county.south"))
    assert {step["case_id"] for step in steps} == {far["id"]}
    for path in ("facts", "case-facts", "transition-facts", "day-facts"):
        for by in (street.owner, street.works_clerk, street.neighbour):
            assert (await street.get(f"/v1/{path}", by=by)).status_code == 403, path


async def test_another_tenant_has_facts_of_its_own(counting: Counting, elsewhere: Street) -> None:
    await counting.street.filed()
    await counting.turn()
    assert await listed(elsewhere, "case-facts", by=elsewhere.administrator) == []
    answer = await elsewhere.get("/v1/facts", by=elsewhere.officer)
    assert answer.json() == {"read_through": None, "frozen_through": None, "filling": True}


async def test_lists_are_narrowed_by_area_day_category_and_level(counting: Counting, moved: MovedClock) -> None:
    street = counting.street
    old = await street.triaged(MEDIUM, category="parking")
    first = utc_now().astimezone(CHINA).date()
    moved.forward(timedelta(days=3))
    new = await street.filed(area_id=str(street.areas[NORTH]))
    await counting.turn()
    today = utc_now().astimezone(CHINA).date()
    for query, expected in (
        ({"category": "parking"}, {old["id"]}),
        ({"level": "council"}, {old["id"]}),
        ({"level": "unjudged"}, {new["id"]}),
        ({"level": "joint"}, set()),
        ({"under": str(street.areas[GRID])}, {old["id"]}),
        ({"under": str(street.areas[NORTH])}, {old["id"], new["id"]}),
        ({"to": first.isoformat()}, {old["id"]}),
        ({"from": (first + timedelta(days=1)).isoformat()}, {new["id"]}),
        ({"from": first.isoformat(), "to": today.isoformat()}, {old["id"], new["id"]}),
    ):
        assert {row["case_id"] for row in await listed(street, "case-facts", **query)} == expected, query
    steps = await listed(street, "transition-facts", to=first.isoformat(), level="unjudged")
    assert [step["step"] for step in steps] == ["accept", "file"]
    days = await listed(street, "day-facts", **{"from": today.isoformat()})
    assert days == []
    days = await listed(street, "day-facts", level="council", under=str(street.areas[GRID]))
    assert [(row["day"], row["backlog"]) for row in days] == [
        ((first + timedelta(days=number)).isoformat(), 1) for number in range(3)
    ]
    unknown = await street.get("/v1/case-facts", by=street.officer, under=str(new_id()))
    assert (unknown.status_code, unknown.json()["code"]) == (422, "unknown_area")
    for query in ({"from": "9999-12-31"}, {"to": "0001-01-01"}, {"level": "huge"}, {"from": "yesterday"}):
        for path in ("case-facts", "transition-facts", "day-facts"):
            assert (await street.get(f"/v1/{path}", by=street.officer, **query)).status_code == 422, (path, query)


async def test_pages_follow_each_other_without_gap_or_double(counting: Counting, moved: MovedClock) -> None:
    street = counting.street
    for category in ("parking", "drainage", "parking"):
        await street.triaged(SIMPLE, category=category)
        moved.forward(timedelta(days=1))
    moved.forward(timedelta(days=1))
    await counting.turn()
    for path in ("case-facts", "transition-facts", "day-facts"):
        whole = await listed(street, path)
        assert len(whole) >= 3
        paged: list[Any] = []
        cursor: dict[str, str] = {}
        while len(paged) <= len(whole):
            answer = (await street.get(f"/v1/{path}", by=street.officer, page_size=2, **cursor)).json()
            paged += answer["items"]
            if answer["next_cursor"] is None:
                break
            cursor = {"cursor": answer["next_cursor"]}
        assert paged == whole, path


async def test_however_a_case_comes_in_it_is_in_the_facts_and_nobody_is_named(counting: Counting) -> None:
    street = counting.street
    await Civic(street, *await key_of(street, NORTH)).filed()
    await filed_anonymously(street, token=secrets.token_urlsafe(32))
    synced = await pushed(street)
    desk = Desk(street, counting.database)
    rows = [
        row(状态="已办结", 办结时间="2025-03-04", 结果="不满意", 承办单位="works", 层级="大事"),
        row(状态="办理中", 编号="2"),
        row(类型="parking", 编号="3"),
    ]
    assert (await desk.done(xlsx(rows)))["counts"]["filed"] == 3
    await counting.turn()
    facts = await listed(street, "case-facts", by=street.administrator)
    assert Counter(fact["channel"] for fact in facts) == {"open311": 1, "app": 2, "import": 3}
    assert [fact["anonymous"] for fact in facts].count(True) == 1
    assert synced in {fact["case_id"] for fact in facts}
    imported = {fact["state"]: fact for fact in facts if fact["channel"] == "import"}
    closed = imported["closed"]
    assert (closed["filed_on"], closed["outcome"], closed["level"]) == ("2025-03-01", "not_satisfied", "council")
    assert closed["unit_id"] == str(street.works)
    # When it was accepted, and how long that took by whose calendar, the table does not tell.
    assert (closed["accepted_at"], closed["accept_s"], closed["resolve_kept"]) == (None, None, None)
    assert imported["accepted"]["accepted_at"] is None
    steps = await listed(street, "transition-facts", by=street.administrator)
    assert len(steps) == 3 + 2 * 3
    days = await listed(street, "day-facts", by=street.administrator, to="2025-03-05", category="drainage")
    told = [(one["day"], one["level"], one["opened"], one["closed"], one["backlog"]) for one in days]
    assert told == [
        ("2025-03-01", "unjudged", 2, 0, 2),
        ("2025-03-02", "unjudged", 0, 0, 2),
        ("2025-03-03", "unjudged", 0, 0, 2),
        ("2025-03-04", "council", 0, 1, 0),
        ("2025-03-04", "unjudged", 0, 0, 1),
        ("2025-03-05", "unjudged", 0, 0, 1),
    ]
    people = await counting.owner.fetch(
        "SELECT DISTINCT requester_id FROM intake.cases WHERE tenant_id = $1", counting.tenant
    )
    told_of = json.dumps([facts, steps, days], ensure_ascii=False)
    assert not [one for one in people if str(one["requester_id"]) in told_of]
    assert str(street.owner_id) not in told_of
    assert "污水" not in told_of


async def pushed(street: Street) -> str:
    """File a case as a phone does that was offline."""
    case_id = str(new_id())
    words = {name: value for name, value in street.words(category="parking").items() if name != "id"}
    operation = {
        "op_id": str(new_id()),
        "entity": "case",
        "id": case_id,
        "action": "file",
        "body": words,
        "made_at": utc_now().isoformat(),
    }
    answer = await street.post("/v1/sync", {"operations": [operation]})
    assert answer.json()["results"][0]["status"] == "done", answer.text
    return case_id


async def checked(counting: Counting, **wanted: Any) -> dict[str, Any]:
    """Ask for a check and let it be worked off."""
    street = counting.street
    asked = await street.post("/v1/fact-checks", wanted, by=street.administrator)
    assert (asked.status_code, asked.json()["state"]) == (202, "queued"), asked.text
    await counting.turn()
    answer = await street.get(asked.headers["Location"], by=street.administrator)
    found: dict[str, Any] = answer.json()
    assert found["state"] == "done"
    return found


async def test_a_check_of_what_is_right_finds_nothing_and_changes_nothing(
    counting: Counting, moved: MovedClock
) -> None:
    await counting.street.triaged(MEDIUM, category="parking")
    moved.forward(timedelta(days=4))
    await counting.turn()
    kept = await counting.rows()
    for repair in (False, True):
        found = await checked(counting, repair=repair)
        assert (found["cases"], found["unread"], found["differences"], found["found"]) == (1, 0, 0, [])
        assert found["days"] == len({one["day"] for one in kept["day_facts"]})
    assert await counting.rows() == kept
    assert await counting.revised() == 0


TAMPERED = {
    "case": "UPDATE intake.case_facts SET resolve_kept = true, joiners = 7 WHERE tenant_id = $1",
    "step": "UPDATE intake.transition_facts SET until_at = at WHERE tenant_id = $1 AND until_at IS NULL",
    "lost step": "DELETE FROM intake.transition_facts WHERE tenant_id = $1 AND position = 2",
    "invented step": "INSERT INTO intake.transition_facts SELECT (jsonb_populate_record(t, '{\"position\": 99}')).*"
    " FROM intake.transition_facts t WHERE tenant_id = $1 AND position = 1",
    "day": "UPDATE intake.day_facts SET backlog = backlog + 1 WHERE tenant_id = $1 AND opened = 0",
    "lost day": "DELETE FROM intake.day_facts WHERE tenant_id = $1 AND opened = 0",
    "invented day": "INSERT INTO intake.day_facts VALUES ($1, '2020-01-01', 'county.north', 'x', 'grid', 1, 0, 0, 0, 0,"
    " 1, 0, 1)",
    "day that is not over": "INSERT INTO intake.day_facts VALUES ($1, '2100-01-01', 'county.north', 'x', 'grid', 1, 0,"
    " 0, 0, 0, 1, 0, 1)",
}


@pytest.mark.parametrize("what", TAMPERED)
async def test_a_check_finds_what_somebody_has_changed_and_a_repair_mends_it(
    counting: Counting, moved: MovedClock, what: str
) -> None:
    case = await counting.street.triaged(MEDIUM, category="parking")
    moved.forward(timedelta(days=4))
    await counting.turn()
    kept = await counting.rows()
    await counting.owner.execute(TAMPERED[what], counting.tenant)
    wrong = await counting.rows()
    assert wrong != kept
    found = await checked(counting)
    assert found["differences"] >= 1
    about = found["found"][0]
    assert about["case_id"] == case["id"] if "day" not in what else about["day"]
    assert await counting.rows() == wrong, "it was only looked at"
    assert (await checked(counting, repair=True))["differences"] >= 1
    await counting.turn()
    assert await counting.rows() == kept
    assert (await checked(counting))["differences"] == 0


async def test_a_check_says_which_fields_differ_and_no_more_than_a_hundred_rows(counting: Counting) -> None:
    street = counting.street
    for _ in range(102):
        await street.filed(category="parking")
    await counting.turn()
    await counting.owner.execute(TAMPERED["case"], counting.tenant)
    found = await checked(counting)
    assert (found["cases"], found["differences"], len(found["found"])) == (102, 102, 100)
    assert found["found"][0]["fields"] == ["joiners", "resolve_kept"]
    assert found["found"][0]["steps"] == []


async def test_what_is_not_read_yet_is_not_wrong(counting: Counting, monkeypatch: pytest.MonkeyPatch) -> None:
    street = counting.street
    case = await street.filed()
    await counting.turn()
    await street.step(case, "accept", {}, by=street.grid_worker)
    monkeypatch.setattr(jobs, "_WORK", (checking.go_on,))
    found = await checked(counting)
    assert (found["cases"], found["unread"], found["differences"]) == (1, 1, 0)


async def test_only_an_administrator_asks_for_a_check_and_the_same_id_is_the_same_check(counting: Counting) -> None:
    street = counting.street
    for by in (street.officer, street.owner, street.holding(Role.AUDITOR, "county")):
        assert (await street.post("/v1/fact-checks", {}, by=by)).status_code == 403
        assert (await street.get("/v1/fact-checks", by=by)).status_code == 403
    administrator, wanted = street.administrator, {"id": str(new_id()), "repair": True}
    asked = [await street.post("/v1/fact-checks", wanted, by=administrator) for _ in range(2)]
    assert [answer.status_code for answer in asked] == [202, 200]
    assert asked[0].json() == asked[1].json()
    other = await street.post("/v1/fact-checks", {**wanted, "repair": False}, by=administrator)
    assert (other.status_code, other.json()["code"]) == (409, "id_taken")
    later = await street.post("/v1/fact-checks", {}, by=administrator)
    listing = (await street.get("/v1/fact-checks", by=administrator, page_size=1)).json()
    assert [item["id"] for item in listing["items"]] == [later.json()["id"]]
    rest = await street.get("/v1/fact-checks", by=administrator, page_size=1, cursor=listing["next_cursor"])
    assert [item["id"] for item in rest.json()["items"]] == [wanted["id"]]
    assert (await street.get(f"/v1/fact-checks/{new_id()}", by=administrator)).status_code == 404
