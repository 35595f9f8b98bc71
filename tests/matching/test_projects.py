"""Projects over HTTP: from a claimed case to done, with a budget that the ledger answers."""

import asyncio
from collections import Counter
from typing import Any

import pytest
from sqlalchemy import text

from shared.auth import Role
from shared.clock import utc_now
from shared.contracts.ledger import GrantDecided, PaymentMade
from shared.db import Database
from shared.ids import new_id
from tests.matching.conftest import Json, Quarter

FUND = str(new_id())
ASKED = {"fund_id": FUND, "total_fen": 500_000, "own_fen": 200_000, "purpose": "道闸", "category": "parking"}


async def outbox(databases: dict[str, Database], tenant: str, subject: str) -> list[dict[str, Any]]:
    """Return what was told of a subject, once per event, oldest first."""
    async with databases["matching"].read(tenant) as session:
        found = await session.execute(
            text(
                "SELECT DISTINCT ON (min(position) OVER (PARTITION BY id)) body::jsonb FROM matching.outbox "
                "WHERE tenant_id = :t AND subject = :s ORDER BY min(position) OVER (PARTITION BY id)"
            ),
            {"t": tenant, "s": subject},
        )
        return list(found.scalars())


async def decide(quarter: Quarter, project: dict[str, Any], outcome: str, granted_fen: int) -> str:
    """Let the ledger answer a project's request; returns the grant."""
    grant_id = new_id()
    told = GrantDecided(
        grant_id=grant_id,
        project_id=project["id"],
        request_id=project["budget"]["request_id"],
        outcome=outcome,
        granted_fen=granted_fen,
        reason=None,
    )
    await quarter.pipe.publish("directory", quarter.caller.tenant, f"grant/{grant_id}", told)
    await quarter.pipe.rest()
    return str(grant_id)


async def pay(quarter: Quarter, project: dict[str, Any], grant_id: str, amount_fen: int) -> None:
    """Let the ledger pay something for a project."""
    told = PaymentMade(
        payment_id=new_id(),
        invoice_id=new_id(),
        grant_id=grant_id,
        project_id=project["id"],
        amount_fen=amount_fen,
        paid_at=utc_now(),
    )
    await quarter.pipe.publish("directory", quarter.caller.tenant, f"grant/{grant_id}", told)
    await quarter.pipe.rest()


async def asked(quarter: Quarter, project: dict[str, Any], **change: Json) -> dict[str, Any]:
    """Ask for a budget; returns the project."""
    path = f"/v1/projects/{project['id']}/budget-requests"
    return await quarter.made(path, {**ASKED, **change}, version=project["version"])


async def test_the_claiming_unit_opens_the_project_of_its_case(
    quarter: Quarter, databases: dict[str, Database]
) -> None:
    case_id = await quarter.case(claimed_by="builder")
    body = {
        "id": str(new_id()),
        "title": "修复污水管",
        "area_id": str(quarter.areas["d.z.c1"]),
        "case_id": str(case_id),
        "lead_unit_id": str(quarter.units["builder"]),
        "helping_unit_ids": [str(quarter.units["club"]), str(quarter.units["club"])],
        "milestones": [{"title": "开工"}, {"title": "完工", "due_on": "2030-01-31"}],
    }
    response = await quarter.post("/v1/projects", body, by=quarter.staff_of("builder"))
    project = response.json()
    assert response.status_code == 201, response.text
    assert response.headers["location"] == f"/v1/projects/{project['id']}"
    year = utc_now().year
    assert (project["number"], project["state"], project["version"]) == (f"P-{year}-000001", "running", 1)
    assert project["helping_unit_ids"] == [str(quarter.units["club"])]
    assert project["budget"]["state"] == "none"
    told = (await outbox(databases, quarter.caller.tenant, f"project/{project['id']}"))[0]
    assert told["type"] == "linli.project.opened.v1"
    assert (told["data"]["case_id"], told["data"]["number"]) == (str(case_id), project["number"])
    repeated = await quarter.post("/v1/projects", body, by=quarter.staff_of("builder"))
    assert (repeated.status_code, repeated.json()["id"]) == (200, project["id"])
    other = await quarter.post("/v1/projects", {**body, "title": "别的"}, by=quarter.staff_of("builder"))
    assert (other.status_code, other.json()["code"]) == (409, "id_taken")
    assert (await quarter.project())["number"] == f"P-{year}-000002"


async def test_nobody_else_opens_it(quarter: Quarter) -> None:
    case_id = str(await quarter.case(claimed_by="builder"))
    body = {"title": "修复", "area_id": str(quarter.areas["d.z.c1"]), "case_id": case_id}
    rule = "officers_or_claiming_unit_open_projects"
    for by in (quarter.staff_of("club"), quarter.holding(Role.OFFICER, "d.y")):
        response = await quarter.post("/v1/projects", body, by=by)
        assert (response.status_code, response.json()["rule"]) == (403, rule)
    assert (await quarter.post("/v1/projects", body, by=quarter.resident)).json()["rule"] == "role_required"
    # The claim is on a case, not on the whole map.
    away = await quarter.post(
        "/v1/projects", {**body, "area_id": str(quarter.areas["d.y"])}, by=quarter.staff_of("builder")
    )
    assert (away.status_code, away.json()["rule"]) == (403, rule)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"area_id": "00000000-0000-7000-8000-000000000000"}, "unknown_area"),
        ({"case_id": "00000000-0000-7000-8000-000000000000"}, "unknown_case"),
        ({"lead_unit_id": "00000000-0000-7000-8000-000000000000"}, "unknown_unit"),
        ({"helping_unit_ids": ["00000000-0000-7000-8000-000000000000"]}, "unknown_unit"),
        ({"milestones": [{"title": ""}]}, "invalid_request"),
        ({"milestones": [{"title": "x", "due_on": "2026-02-30"}]}, "invalid_request"),
        ({"title": None}, "invalid_request"),
        ({"number": "P-1"}, "invalid_request"),
    ],
)
async def test_a_wrong_project_is_refused(quarter: Quarter, change: dict[str, Json], code: str) -> None:
    body = {"title": "修复", "area_id": str(quarter.areas["d.z.c1"]), **change}
    response = await quarter.post("/v1/projects", body)
    assert (response.status_code, response.json()["code"]) == (422, code)
    assert (await quarter.read("/v1/projects"))["items"] == []


async def test_a_project_sent_five_times_at_once_is_one(quarter: Quarter) -> None:
    body = {"id": str(new_id()), "title": "修复", "area_id": str(quarter.areas["d.z.c1"])}
    responses = await asyncio.gather(*(quarter.post("/v1/projects", body) for _ in range(5)))
    assert sorted(response.status_code for response in responses) == [200, 200, 200, 200, 201]


async def test_numbers_are_given_once(quarter: Quarter) -> None:
    projects = await asyncio.gather(*(quarter.project() for _ in range(12)))
    assert len({project["number"] for project in projects}) == 12


async def test_from_the_first_milestone_to_done(quarter: Quarter, databases: dict[str, Database]) -> None:
    match = await quarter.match(self_confirming=True)
    body = {"lead_unit_id": str(quarter.units["builder"]), "milestones": [{"title": "首课"}, {"title": "结课"}]}
    project = await quarter.made(f"/v1/matches/{match['id']}/accept", body, version=1)
    path, lead = f"/v1/projects/{project['id']}", quarter.staff_of("builder")
    first, second = (f"{path}/milestones/{item['id']}/reach" for item in project["milestones"])
    seen = {"proof": "现场查看", "attachment_ids": [str(new_id())], "note": "验收"}
    early = await quarter.post(f"{path}/complete", seen, version=project["version"])
    assert (early.status_code, early.json()["code"], early.json()["open"]) == (409, "milestones_open", ["首课", "结课"])
    attachment = str(new_id())
    proof = {"proof": "签到表与照片", "attachment_ids": [attachment]}
    project = await quarter.made(first, proof, by=lead, version=project["version"])
    reached = project["milestones"][0]
    assert (reached["proof"], reached["attachment_ids"]) == ("签到表与照片", [attachment])
    assert reached["reached_at"] is not None
    twice = await quarter.post(first, proof, by=lead, version=project["version"])
    assert (twice.status_code, twice.json()["code"]) == (409, "milestone_already_reached")
    project = await quarter.made(second, {"proof": "完成"}, by=lead, version=project["version"])
    own = await quarter.post(f"{path}/complete", seen, by=lead, version=project["version"])
    assert (own.status_code, own.json()["rule"]) == (403, "lead_does_not_accept")
    bare = await quarter.post(f"{path}/complete", {"note": "验收"}, version=project["version"])
    assert (bare.status_code, bare.json()["code"]) == (422, "invalid_request")
    done = await quarter.made(f"{path}/complete", seen, version=project["version"])
    assert (done["acceptance_proof"], done["acceptance_attachment_ids"]) == ("现场查看", seen["attachment_ids"])
    assert done["state"] == "completed"
    assert done["completed_at"] is not None
    assert not any(action["allowed"] for action in done["next_actions"])
    assert (await quarter.read(f"/v1/needs/{match['need_id']}"))["state"] == "met"
    after = await quarter.post(f"{path}/complete", seen, version=done["version"])
    assert (after.status_code, after.json()["code"]) == (409, "wrong_state")
    told = await outbox(databases, quarter.caller.tenant, f"project/{project['id']}")
    kinds = [item["type"].split(".")[2] for item in told]
    assert kinds == ["opened", "progressed", "progressed", "completed"]
    history = (await quarter.read(f"{path}/history"))["items"]
    assert [item["step"] for item in history] == ["open", "attach", "reach", "reach", "complete"]
    assert [item["position"] for item in history] == [1, 2, 3, 4, 5]
    page = await quarter.read(f"{path}/history", page_size=3)
    rest = await quarter.read(f"{path}/history", page_size=3, cursor=page["next_cursor"])
    assert [*page["items"], *rest["items"]] == history


async def test_only_those_responsible_move_a_project(quarter: Quarter) -> None:
    project = await quarter.project()
    path = f"/v1/projects/{project['id']}"
    milestone = f"{path}/milestones/{project['milestones'][0]['id']}/reach"
    for by in (quarter.staff_of("club"), quarter.holding(Role.OFFICER, "d.y")):
        for step, body, rule in (
            (milestone, {"proof": "x"}, "lead_unit_or_officer"),
            (f"{path}/budget-requests", ASKED, "lead_unit_or_officer"),
            (f"{path}/cancel", {"reason": "x"}, "lead_unit_or_officer"),
            (f"{path}/needs", {"need_id": str(new_id())}, "lead_unit_or_officer"),
            (f"{path}/helping-units", {"unit_id": str(new_id())}, "lead_unit_or_officer"),
            (f"{path}/complete", {"proof": "x"}, "officers_accept"),
        ):
            response = await quarter.post(step, body, by=by, version=1)
            assert (response.status_code, response.json()["rule"]) == (403, rule), step
    stale = await quarter.post(milestone, {"proof": "x"}, version=9)
    assert (stale.status_code, stale.json()["current"]["version"]) == (412, 1)
    assert (await quarter.post(milestone, {"proof": "x"})).status_code == 428
    unknown = await quarter.post(f"{path}/milestones/{new_id()}/reach", {"proof": "x"}, version=1)
    assert unknown.status_code == 404


async def test_a_fund_is_asked_and_answers(quarter: Quarter, databases: dict[str, Database]) -> None:
    project = await asked(quarter, await quarter.project())
    budget = project["budget"]
    assert (budget["state"], budget["total_fen"], budget["own_fen"]) == ("requested", 500_000, 200_000)
    told = (await outbox(databases, quarter.caller.tenant, f"project/{project['id']}"))[-1]["data"]
    assert (told["asked_fen"], told["fund_id"], told["request_id"]) == (300_000, FUND, budget["request_id"])
    twice = await quarter.post(f"/v1/projects/{project['id']}/budget-requests", ASKED, version=project["version"])
    assert (twice.status_code, twice.json()["code"]) == (409, "budget_already_asked")
    grant_id = await decide(quarter, project, "approved", 300_000)
    await pay(quarter, project, grant_id, 480_000)
    project = await quarter.read(f"/v1/projects/{project['id']}")
    budget = project["budget"]
    assert (budget["state"], budget["granted_fen"], budget["paid_fen"]) == ("approved", 300_000, 480_000)
    assert (budget["grant_id"], budget["overspent_fen"]) == (grant_id, 0)
    await pay(quarter, project, grant_id, 20_001)
    project = await quarter.read(f"/v1/projects/{project['id']}")
    assert (project["budget"]["paid_fen"], project["budget"]["overspent_fen"]) == (500_001, 1)
    steps = (await quarter.read(f"/v1/projects/{project['id']}/history"))["items"]
    assert [item["step"] for item in steps] == ["open", "request_budget", "budget_decided", "payment", "payment"]
    assert project["version"] == len(steps)


async def test_after_a_refusal_one_may_ask_again_and_only_the_newest_answer_counts(quarter: Quarter) -> None:
    first = await asked(quarter, await quarter.project())
    await decide(quarter, first, "refused", 0)
    project = await quarter.read(f"/v1/projects/{first['id']}")
    assert project["budget"]["state"] == "refused"
    second = await asked(quarter, project, total_fen=400_000)
    assert second["budget"]["request_id"] != first["budget"]["request_id"]
    await decide(quarter, first, "approved", 300_000)
    assert (await quarter.read(f"/v1/projects/{first['id']}"))["budget"]["state"] == "requested"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"total_fen": 0}, "invalid_request"),
        ({"total_fen": 5.0}, "invalid_request"),
        ({"total_fen": "5"}, "invalid_request"),
        ({"total_fen": True}, "invalid_request"),
        ({"total_fen": 2**53}, "invalid_request"),
        ({"own_fen": -1}, "invalid_request"),
        ({"own_fen": 500_001}, "own_part_exceeds_total"),
        ({"fund_id": "x"}, "invalid_request"),
        ({"purpose": " "}, "invalid_request"),
    ],
)
async def test_a_wrong_request_is_refused(quarter: Quarter, change: dict[str, Json], code: str) -> None:
    project = await quarter.project()
    path = f"/v1/projects/{project['id']}/budget-requests"
    response = await quarter.post(path, {**ASKED, **change}, version=1)
    assert (response.status_code, response.json()["code"]) == (422, code)
    assert (await quarter.read(f"/v1/projects/{project['id']}"))["budget"]["state"] == "none"


async def test_twenty_requests_at_once_are_one(quarter: Quarter, databases: dict[str, Database]) -> None:
    project = await quarter.project()
    path = f"/v1/projects/{project['id']}/budget-requests"
    responses = await asyncio.gather(*(quarter.post(path, ASKED, version=1) for _ in range(20)))
    assert Counter(response.status_code for response in responses) == {200: 1, 412: 19}
    told = await outbox(databases, quarter.caller.tenant, f"project/{project['id']}")
    assert len([item for item in told if item["type"] == "linli.project.budget_requested.v1"]) == 1


async def test_the_project_list_is_filtered_and_paged(quarter: Quarter) -> None:
    case_id = str(await quarter.case())
    first = await quarter.project()
    second = await quarter.project(area_id=str(quarter.areas["d.y"]), title="口袋公园")
    third = await quarter.project(case_id=case_id)
    page = await quarter.read("/v1/projects", page_size=2, by=quarter.resident)
    rest = await quarter.read("/v1/projects", page_size=2, cursor=page["next_cursor"], by=quarter.resident)
    assert [item["id"] for item in (*page["items"], *rest["items"])] == [third["id"], second["id"], first["id"]]
    for filters, expected in (
        ({"under": str(quarter.areas["d.z"])}, [third, first]),
        ({"case_id": case_id}, [third]),
        ({"state": "completed"}, []),
        ({"q": "公园"}, [second]),
    ):
        found = await quarter.read("/v1/projects", **filters)
        assert [item["id"] for item in found["items"]] == [item["id"] for item in expected], filters


async def test_another_tenant_sees_none_of_it(quarter: Quarter, elsewhere: Quarter) -> None:
    project = await quarter.project()
    path = f"/v1/projects/{project['id']}"
    milestone = project["milestones"][0]["id"]
    assert (await elsewhere.get(path)).status_code == 404
    assert (await elsewhere.get(f"{path}/history")).status_code == 404
    for step, body in (
        (f"milestones/{milestone}/reach", {"proof": "x"}),
        ("complete", {"proof": "x"}),
        ("cancel", {"reason": "x"}),
        ("budget-requests", ASKED),
    ):
        assert (await elsewhere.post(f"{path}/{step}", body, version=1)).status_code == 404
    assert (await elsewhere.read("/v1/projects"))["items"] == []
