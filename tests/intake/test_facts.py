"""Facts over HTTP: what they say of a case's life, who sees them, and that nothing is lost or counted twice."""

from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from services.intake.facts.rules import end_of
from shared.clock import CHINA, utc_now
from shared.db import Database
from tests.intake.conftest import MovedClock, Street
from tests.intake.counting import Counting


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
