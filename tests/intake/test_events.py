"""What the intake tells, in which order, and what it hears."""

from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import text

from shared.auth import Role
from shared.clock import utc_now
from shared.contracts.directory import AreaChanged
from shared.contracts.matching import (
    NeedOpened,
    NoticeWanted,
    ProjectCancelled,
    ProjectCompleted,
    ProjectOpened,
    ProjectProgressed,
    ProofShown,
)
from shared.db import Database
from shared.ids import new_id
from shared.testing import Pipe
from tests.intake.conftest import GRID, NORTH, Street, picture
from tests.intake.test_filing import outbox


async def test_a_life_is_told_in_order_without_a_gap(street: Street, databases: dict[str, Database]) -> None:
    case = await street.triaged()
    body = {"category": "labour", "summary": "需要疏通设备", "quantity": 2, "urgent": True}
    need = (await street.act(case, "needs", body, by=street.officer)).json()["need_id"]
    other = await street.step(await street.resolved(), "feedback", {"answer": "solved"}, by=street.owner)
    told = await outbox(databases["intake"], street.caller.tenant)
    first = [event for event in told if event["subject"] == f"case/{case['id']}"]
    assert [(event["type"], event["sequence"]) for event in first] == [
        ("linli.case.filed.v1", 1),
        ("linli.case.triaged.v1", 2),
        ("linli.case.need_raised.v1", 3),
    ]
    assert first[2]["data"] == {
        "case_id": case["id"],
        "need_id": need,
        **body,
        "latitude": None,
        "longitude": None,
        "area_id": str(street.areas[GRID]),
        "area_path": GRID,
    }
    second = [event for event in told if event["subject"] == f"case/{other['id']}"]
    assert [(event["type"], event["sequence"]) for event in second] == [
        ("linli.case.filed.v1", 1),
        ("linli.case.triaged.v1", 2),
        ("linli.case.claimed.v1", 3),
        ("linli.case.resolved.v1", 4),
        ("linli.case.closed.v1", 5),
    ]
    assert second[2]["data"]["unit_id"] == str(street.works)
    assert second[4]["data"]["outcome"] == "satisfied"


async def test_a_refused_step_tells_nothing(street: Street, databases: dict[str, Database]) -> None:
    case = await street.claimed()
    before = await outbox(databases["intake"], street.caller.tenant)
    assert (await street.act(case, "resolve", {"note": "x"}, by=street.works_clerk)).status_code == 422
    assert (await street.act(case, "accept", {}, by=street.grid_worker)).status_code == 409
    assert await outbox(databases["intake"], street.caller.tenant) == before
    assert len(await street.history(case)) == case["version"]


async def test_needs_and_projects_write_into_the_history(street: Street, pipe: Pipe) -> None:
    case = await street.triaged()
    case_id, project_id, need_id = UUID(case["id"]), new_id(), new_id()
    now = utc_now()
    opened = NeedOpened(need_id=need_id, case_id=case_id, category="labour", area_id=street.areas[GRID], area_path=GRID)
    project = ProjectOpened(
        project_id=project_id,
        number="P-2026-000007",
        title="管网整治",
        case_id=case_id,
        need_ids=[need_id],
        area_id=street.areas[GRID],
        area_path=GRID,
        lead_unit_id=street.works,
    )
    reached = ProjectProgressed(
        project_id=project_id, case_id=case_id, milestone_id=new_id(), title="勘查", reached_at=now
    )
    done = ProjectCompleted(project_id=project_id, case_id=case_id, completed_at=now)
    tenant = street.caller.tenant
    await pipe.publish("matching", tenant, f"need/{need_id}", opened)
    await pipe.rest()
    await pipe.publish("matching", tenant, f"project/{project_id}", project, reached, done)
    await pipe.rest()
    steps = (await street.history(case))[3:]
    assert [step["step"] for step in steps] == [
        "need_opened",
        "project_opened",
        "milestone_reached",
        "project_completed",
    ]
    assert [step["to_state"] for step in steps] == ["triaged"] * 4
    assert steps[0]["data"] == {"need_id": str(need_id), "category": "labour"}
    assert steps[1]["data"] == {"project_id": str(project_id), "number": "P-2026-000007", "title": "管网整治"}
    assert steps[2]["data"]["milestone"] == "勘查"
    assert steps[3]["data"] == {"project_id": str(project_id)}
    now_seen = (await street.get(f"/v1/cases/{case['id']}")).json()
    assert (now_seen["state"], now_seen["version"]) == ("triaged", 7)


async def test_a_cancelled_project_is_told_to_the_case_and_its_officers(street: Street, pipe: Pipe) -> None:
    case = await street.triaged()
    told = ProjectCancelled(project_id=new_id(), case_id=UUID(case["id"]), request_id=None, cancelled_at=utc_now())
    await pipe.publish("matching", street.caller.tenant, f"project/{told.project_id}", told)
    await pipe.rest()
    assert (await street.history(case))[-1]["step"] == "project_cancelled"
    for by in (street.owner, street.caller("intake", (Role.OFFICER, GRID))):
        heard = (await street.get("/v1/notifications", by=by)).json()["items"]
        assert heard[0]["kind"] == "project_cancelled"


async def test_what_is_shown_as_proof_elsewhere_is_looked_at_and_may_be_seen_where_it_counts(
    street: Street, pipe: Pipe, databases: dict[str, Database]
) -> None:
    own = UUID((await street.upload(picture())).json()["id"])
    others = UUID((await street.upload(picture(), by=street.neighbour)).json()["id"])
    project, unknown = new_id(), new_id()
    staff = street.caller("intake", (Role.OFFICER, NORTH))
    assert (await street.get(f"/v1/attachments/{own}", by=staff)).status_code == 404
    shown = ProofShown(
        owner_kind="project",
        owner_id=project,
        attachment_ids=[own, others, unknown],
        shown_by=street.owner_id,
        area_path=GRID,
        unit_id=None,
    )
    for _ in range(2):
        await pipe.publish("matching", street.caller.tenant, f"proof/{project}", shown)
        await pipe.rest()
    told = text("SELECT DISTINCT body::jsonb->'data' FROM intake.outbox WHERE tenant_id = :t AND subject = :s")
    async with databases["intake"].read(street.caller.tenant) as session:
        (refused,) = (await session.scalars(told, {"t": street.caller.tenant, "s": f"proof/{project}"})).all()
    assert refused["attachment_ids"] == [str(others), str(unknown)]
    assert (await street.get(f"/v1/attachments/{own}", by=staff)).status_code == 200
    assert (await street.get(f"/v1/attachments/{others}", by=staff)).status_code == 404


async def test_what_others_want_to_be_told_goes_into_the_inboxes(street: Street, pipe: Pipe) -> None:
    person, unit = new_id(), new_id()
    wanted = NoticeWanted(
        kind="order_accepted",
        number="O-2026-000001",
        title="理发",
        people=[person],
        units=[unit],
        staff_of=[GRID],
        due_at=datetime(2026, 12, 1, 2, 30, tzinfo=UTC),
    )
    await pipe.publish("matching", street.caller.tenant, f"order/{new_id()}", wanted)
    await pipe.rest()
    readers = (
        street.caller("intake", person=person),
        street.caller("intake", (Role.UNIT_STAFF, GRID, unit)),
        street.caller("intake", (Role.OFFICER, GRID)),
        street.caller("intake", (Role.SECRETARY, GRID)),
    )
    for by in readers:
        (line,) = (await street.get("/v1/notifications", by=by)).json()["items"]
        assert line["text_zh"] == "点单 O-2026-000001“理发”已接单，预计 2026-12-01 10:30 前完成"
    nobody = street.caller("intake", (Role.GRID_WORKER, GRID))
    assert (await street.get("/v1/notifications", by=nobody)).json()["items"] == []


async def test_what_concerns_no_case_of_ours_changes_nothing(street: Street, elsewhere: Street, pipe: Pipe) -> None:
    case = await street.filed()
    done = ProjectCompleted(project_id=new_id(), case_id=UUID(case["id"]), completed_at=utc_now())
    nobody = ProjectCompleted(project_id=new_id(), case_id=None, completed_at=utc_now())
    await pipe.publish("matching", elsewhere.caller.tenant, f"project/{done.project_id}", done)
    await pipe.publish("matching", street.caller.tenant, f"project/{nobody.project_id}", nobody)
    await pipe.rest()
    assert (await street.get(f"/v1/cases/{case['id']}")).json() == case


async def test_a_closed_area_takes_no_new_cases_and_keeps_its_old_ones(street: Street, pipe: Pipe) -> None:
    case = await street.filed()
    area_id = street.areas[GRID]
    closed = AreaChanged(area_id=area_id, path=GRID, kind="grid", name="g1", parent_id=None, closed_on=utc_now().date())
    await pipe.publish("directory", street.caller.tenant, f"area/{area_id}", closed)
    await pipe.rest()
    refused = await street.post("/v1/cases", street.words())
    assert (refused.status_code, refused.json()["code"]) == (422, "unknown_area")
    kept = await street.step(case, "accept", {}, by=street.grid_worker)
    assert (kept["state"], kept["area_path"]) == ("accepted", GRID)


async def test_a_filed_case_reaches_the_matching(street: Street, pipe: Pipe, databases: dict[str, Database]) -> None:
    case = await street.claimed()
    await pipe.rest()
    async with databases["matching"].read(street.caller.tenant) as session:
        connection = await session.connection()
        found = await connection.exec_driver_sql(
            "SELECT last_sequence FROM matching.inbox_subjects WHERE tenant_id = $1 AND subject = $2",
            (street.caller.tenant, f"case/{case['id']}"),
        )
        # Filed, triaged, claimed.
        assert found.scalar_one() == 3
