"""Random lives of cases over HTTP, by whoever may do something: their clocks follow from their histories alone."""

import random
from datetime import timedelta
from typing import Any

import pytest

from services.intake.escalation.jobs import climb_ladders, follow_calendar
from shared.auth import Role
from shared.clock import utc_now
from shared.db import Database
from tests.intake.conftest import GRID, HARD, MEDIUM, NORTH, SIMPLE, MovedClock, Street, due_in
from tests.intake.test_clocks import free, workdays
from tests.sizes import IS_LONG

ROUTES = {"change_level": "level", "hand_on": "hand-on", "appeal": "appeals", "answer_appeal": "appeals/answer"}
RARE = {"decline": 0.05, "withdraw": 0.0, "comment": 0.3, "reply": 0.3, "reopen": 1.0}
LEFT_OUT = {
    "merge",
    "unmerge",
    "supervise",
    "check",
    "needs",
    "join",
    "represent",
    "offer",
    "choose",
    "leave",
    "answers",
}


class Life:
    """A case that lives at random, by whoever may do something."""

    def __init__(self, street: Street, chance: random.Random) -> None:
        self.street, self.chance = street, chance
        clerk = street.caller(
            "intake", (Role.UNIT_STAFF, NORTH, street.works), (Role.UNIT_STAFF, "county", street.water)
        )
        self.people = {"owner": street.owner, "worker": street.grid_worker, "officer": street.officer, "clerk": clerk}
        self.people["other"] = street.holding(Role.OFFICER, NORTH)

    def body(self, action: str) -> dict[str, Any]:
        chance, street = self.chance, self.street
        unit = str(chance.choice([street.works, street.water]))
        bodies: dict[str, dict[str, Any]] = {
            "decline": {"reason": "x"},
            "triage": chance.choice([SIMPLE, MEDIUM, HARD]),
            "level": {"level": chance.choice(["grid", "council", "joint"]), "reason": "x"},
            "assign": {"unit_id": unit},
            "claim": {"unit_id": unit, "due_at": due_in(9)},
            "hand-on": {"reason": "x", **({"unit_id": unit} if chance.random() < 0.5 else {})},
            "pause": {"reason": chance.choice(["weather", "waiting_for_parts"])},
            "resolve": {"note": "x"},
            "feedback": {"answer": chance.choice(["solved", "partly", "not_solved", "not_solved"])},
            "reopen": {"reason": "x"},
            "withdraw": {},
            "appeals": {"reason": "x"},
            "appeals/answer": {"decision": chance.choice(["upheld", "rejected"]), "answer": "x"},
        }
        return bodies.get(action, {} if action in {"accept", "resume"} else {"note": "x"})

    async def take_a_step(self, case: dict[str, Any]) -> int:
        by = self.people[self.chance.choice(list(self.people))]
        now = await self.street.get(f"/v1/cases/{case['id']}", by=by)
        if now.status_code == 404:
            return 404
        seen = now.json()
        allowed = [item["action"] for item in seen["next_actions"] if item["allowed"]]
        possible = [one for one in allowed if one not in LEFT_OUT and self.chance.random() < RARE.get(one, 1)]
        if not possible:
            return 0
        action = self.chance.choice(possible)
        route = ROUTES.get(action, action)
        answer = await self.street.act(seen, route, self.body(route), by=by)
        assert answer.status_code in {200, 201, 403, 404, 409, 422}, f"{action}: {answer.text}"
        return answer.status_code


@pytest.mark.parametrize("seed", range(20 if IS_LONG else 1))
async def test_clocks_are_counted_again_from_a_random_life_of_two_hundred_steps(
    street: Street, databases: dict[str, Database], moved: MovedClock, seed: int
) -> None:
    chance = random.Random(seed)
    life, tenant = Life(street, chance), street.caller.tenant
    await street.handle(pauses_max=20)
    case = await street.filed(category="parking")
    tries = done = 0
    while done < 200 and tries < 2_000:
        tries += 1
        moved.forward(timedelta(minutes=chance.choice([1, 10, 100, 1_000]) * chance.random()))
        if chance.random() < 0.05:
            await climb_ladders(databases["intake"], tenant, utc_now())
        if chance.random() < 0.02:
            await free(street, chance.choice(workdays(5)))
            await follow_calendar(databases["intake"], tenant, utc_now())
        done += await life.take_a_step(case) in {200, 201}
        if done % 50 == 0:
            assert (await street.clocks(case))["recounted"] == "equal"
    told = await street.clocks(case)
    assert done == 200, (tries, done, (await street.read(case))["state"])
    assert told["recounted"] == "equal"
    assert len({(one["clock"], one["run"]) for one in told["intervals"]}) > 4
    assert GRID in case["area_path"]
