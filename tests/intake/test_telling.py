"""Who hears of which step: no step without a line or a reason, and what each audience reads."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import services.intake
from services.intake.cases.drawing import edges
from services.intake.cases.telling import JUDGED, RULES, TOLD_ELSEWHERE
from services.intake.cases.terms import Action, State
from services.intake.notifications.rules import TEMPLATES
from shared.auth import Role
from shared.contracts.directory import ReachabilityChanged
from shared.db import Database
from shared.ids import new_id
from shared.testing import Pipe
from tests.intake.conftest import GRID, HARD, MEDIUM, SIMPLE, Headers, Street, due_in
from tests.intake.test_filing import outbox
from tests.intake.test_notifications import inbox, kinds

FOLDER = Path(services.intake.__file__).parent
# Functions that write a step, and which of their arguments names it.
WRITERS = {"Move": 0, "OutsideStep": 1, "_record": 2, "_tell_case": 3}


def written_steps() -> Iterator[str]:
    """Yield the names of steps that stand in the code as words."""
    for path in sorted(FOLDER.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            named = [keyword.value for keyword in node.keywords if keyword.arg == "step"]
            place = WRITERS.get(name)
            if place is not None and place < len(node.args):
                named.append(node.args[place])
            yield from (
                one.value
                for one in named
                if isinstance(one, ast.Constant) and isinstance(one.value, str) and name in {*WRITERS, "close_case"}
            )


def test_every_step_has_its_line_or_a_reason() -> None:
    written = set(written_steps())
    assert {"lapse", "escalate", "silence", "appeal_late", "hazard_closed", "need_opened", "merged_in"} <= written
    ended = {"mediation_failed", "mediation_withdrawn"}
    steps = written | ended | {action.value for action in Action} | {name for _, name, _ in edges()}
    assert steps == {*RULES, *TOLD_ELSEWHERE}
    assert not set(RULES) & set(TOLD_ELSEWHERE)
    assert all(len(reason) > 10 for reason in TOLD_ELSEWHERE.values())
    assert {rule.kind for rule in (*RULES.values(), *JUDGED.values())} <= set(TEMPLATES)
    assert set(JUDGED) == {State.CLOSED, State.REOPENED, State.RESOLVED}


def test_every_line_reaches_somebody() -> None:
    for step, rule in RULES.items():
        assert rule.concerned or rule.requester or rule.unit or rule.left_unit or rule.roles, step


async def test_a_filed_case_is_told_to_its_requester_and_to_the_grid(street: Street) -> None:
    case = await street.filed()
    due_on = next(clock["due_at"] for clock in case["clocks"] if clock["clock"] == "accept")[:10]
    (line,) = await inbox(street, street.owner)
    assert (line["kind"], line["audience"], line["case_id"]) == ("case_registered", "person", case["id"])
    assert line["text_zh"] == f"您的诉求 {case['number']}“{case['title']}”已登记，所在网格将于 {due_on} 前受理"
    (line,) = await inbox(street, street.grid_worker)
    assert (line["kind"], line["audience"], line["case_id"]) == ("case_filed", "role", case["id"])
    assert case["number"] in line["text_en"]
    for by in (street.neighbour, street.officer, street.works_clerk, street.holding(Role.GRID_WORKER, "county.south")):
        assert await kinds(street, by) == []
    # Sent again, it is filed once and told once.
    body = street.words(id=str(new_id()))
    for _ in range(3):
        assert (await street.post("/v1/cases", body)).status_code in {200, 201}
    assert await kinds(street, street.owner) == ["case_registered"] * 2


async def test_for_whom_somebody_else_files_hears_of_it_outside_too(
    street: Street, pipe: Pipe, databases: dict[str, Database]
) -> None:
    tenant = street.caller.tenant
    wish = ReachabilityChanged(person_id=street.owner_id, push=True, sms=False)
    await pipe.publish("directory", tenant, f"person/{street.owner_id}", wish)
    await pipe.rest()

    async def due() -> list[Any]:
        return [
            one["data"]
            for one in await outbox(databases["intake"], tenant)
            if one["type"] == "linli.notification.due.v1"
        ]

    await street.filed()
    assert await due() == [], "who files knows"
    body = street.words(person_id=str(street.owner_id), channel="hotline")
    written = await street.post("/v1/cases/on-behalf", body, by=street.officer)
    assert written.status_code == 201, written.text
    (told,) = await due()
    assert (told["kind"], told["case_id"]) == ("case_registered", written.json()["id"])
    assert UUID(told["notification_id"]) in {UUID(line["id"]) for line in await inbox(street, street.owner)}


async def test_the_requester_hears_of_the_first_who_joins_and_that_many_are_concerned(street: Street) -> None:
    await street.handle(collective_from=4)
    case = await street.filed()
    people = await street.joined(case, 4)
    assert await kinds(street, street.owner) == ["case_registered", "case_joined", "case_collective"]
    assert (await kinds(street, street.officer)) == ["case_collective"]
    assert await kinds(street, people[0]) == []
    await street.post(f"/v1/cases/{case['id']}/leave", by=people[3])
    assert (await kinds(street, street.owner))[-1] == "case_left"
    speaker = street.holding(Role.RESIDENT, GRID, person=(speaker_id := new_id()))
    await street.post(f"/v1/cases/{case['id']}/join", by=speaker)
    named = await street.call(
        "PUT",
        f"/v1/cases/{case['id']}/representatives",
        {"person_ids": [str(speaker_id)]},
        by=street.owner,
        version=(await street.read(case))["version"],
    )
    assert named.status_code == 200, named.text
    assert (await kinds(street, speaker))[-1] == "case_represented"


async def test_what_is_filled_in_is_told_to_the_other_side(street: Street) -> None:
    case = await street.triaged(SIMPLE, category="parking")
    path = f"/v1/cases/{case['id']}/answers"
    for by, version in ((street.owner, case["version"]), (street.grid_worker, case["version"] + 1)):
        answer = await street.call("PUT", path, {"answers": {}}, by=by, version=version)
        assert answer.status_code == 200, answer.text
    assert (await kinds(street, street.owner)).count("answers_given") == 1, "the own answers are no news"
    assert (await kinds(street, street.grid_worker)).count("answers_given") == 2


async def test_units_that_help_or_were_passed_over_hear_of_it(street: Street) -> None:
    case, offer_id = await with_offers(street)
    body: dict[str, Any] = {"offer_id": offer_id, "helpers": [{"unit_id": str(street.water), "task": "供水"}]}
    case = await street.step(case, "choose", body, by=street.holding(Role.CONVENOR, "county"))
    assert await kinds(street, street.water_clerk) == ["case_helping"]
    case = await street.step(case, "progress", {"note": "开挖"}, by=street.works_clerk)
    await street.step(case, "hand-on", {"reason": "不属本单位"}, by=street.works_clerk)
    assert await kinds(street, street.water_clerk) == ["case_helping", "case_progress", "case_handed_on"]
    # Passed over: by a choice without them, and by whatever else decides.
    for decide in ("choose", "assign"):
        case, offer_id = await with_offers(street)
        bodies = {"choose": {"offer_id": offer_id}, "assign": {"unit_id": str(street.works)}}
        await street.step(case, decide, bodies[decide], by=street.holding(Role.CONVENOR, "county"))
        assert (await kinds(street, street.water_clerk))[-1] == "offer_passed_over"
        history = await street.history(case, by=street.officer)
        assert str(street.water) in history[-1]["data"]["passed_over"]


async def with_offers(street: Street) -> tuple[dict[str, Any], str]:
    """Bring a hard case to where two units have offered to take it; returns the offer of the works with it."""
    case, made = await street.triaged(HARD), []
    for unit, by in ((street.works, street.works_clerk), (street.water, street.water_clerk)):
        body = {"unit_id": str(unit), "due_at": due_in(5)}
        answer = await street.act(await street.read(case, by=street.officer), "offers", body, by=by)
        assert answer.status_code == 201, answer.text
        made.append(answer.json()["id"])
    return await street.read(case, by=street.officer), made[0]


async def test_an_order_about_a_case_is_told_to_whom_it_concerns(street: Street) -> None:
    case = await street.given_to(await street.triaged(MEDIUM), street.works, by=street.works_clerk)
    (joiner,) = await street.joined(case, 1)
    body = {"unit_id": str(street.works), "demand": "请说明进度", "minutes": 60}
    issued = await street.post(f"/v1/cases/{case['id']}/supervision-orders", body, by=street.officer)
    assert issued.status_code == 201, issued.text
    people: list[Headers] = [street.owner, joiner]
    for by in people:
        assert (await kinds(street, by))[-1] == "case_supervised"
