"""An enterprise visit: a food lift that was never registered, inspected before the regulator is back."""

from datetime import UTC, datetime, time, timedelta
from typing import Any, Final

from seeds.house import House
from seeds.ids import fresh_id
from seeds.pdf import document
from seeds.stories.matched import accept_into, offered
from seeds.stories.threads import Case, Project, history_of, open_project
from seeds.stories.year_tally import Matter, Tally
from seeds.story import Story

__all__ = ["tell_food_lift"]

_GRID: Final = "qiaonan_g3"
_BACK_DAYS: Final = 15
_REPORT: Final = "出具检验报告"
_EVENING: Final = time(9, 0, tzinfo=UTC)


async def tell_food_lift(story: Story, house: House, tally: Tally) -> None:
    """Tell it from the visit to the owner's verdict."""
    back_at = datetime.combine(house.today() + timedelta(days=_BACK_DAYS), _EVENING)
    case = await _visit(story, house, tally)
    project = await _find_agency(story, house, case, back_at)
    await _inspect(story, house, tally, case, project, back_at)


async def _visit(story: Story, house: House, tally: Tally) -> Case:
    officer = await house.staff("enterprise_officer")
    with story.step(
        "企业服务专员走访：门店食梯从未登记", "the enterprise officer visits: the shop's food lift was never registered"
    ):
        case_id = fresh_id()
        line = {
            "category": "special_equipment",
            "title": "食梯未登记，监管部门限期整改",
            "text": "后厨食梯从未办理使用登记，监管部门已检查一次，半个月后复查，不知道找谁检验。",
            "disposition": "case",
            "case_id": case_id,
            "requester_id": house.id("residents", "shopkeeper"),
        }
        body = {
            "kind": "enterprise",
            "area_id": house.id("areas", _GRID),
            "unit_id": house.id("units", "restaurant"),
            "visited_at": house.now().isoformat(),
            "reached": True,
            "heard": [line],
        }
        story.took(await officer.post("/v1/visits", body), 201)
        tally.visited(_GRID, "restaurant")
        tally.heard(_GRID, "case")
        filed = story.took(await (await house.resident("shopkeeper")).get(f"/v1/cases/{case_id}"))
        story.expect("channel 企业走访", filed["channel"], "enterprise")
        case = Case(filed["id"], filed["number"])
        story.note(f"{case.number} · {filed['title']}")
        story.took(await officer.act(case.path, "accept", {}))
        facts = {
            "owner_is_clear": True,
            "crosses_boundary": False,
            "households": 1,
            "cost_fen": 80_000,
            "departments": 1,
        }
        judged = story.took(await officer.act(case.path, "triage", facts))
        story.expect("level 小事", judged["level"], "grid")
    return case


async def _find_agency(story: Story, house: House, case: Case, back_at: datetime) -> Project:
    """Let the matcher bring the need and the agency together."""
    officer, agency = await house.staff("enterprise_officer"), await house.staff("inspection_agency")
    with story.step("智能对接检测机构，立项限期", "matched with an inspection agency; a project with a due day"):
        offer = await offered(
            story,
            agency,
            {
                "partner_id": house.id("partners", "inspection_agency"),
                "kind": "service",
                "category": "special_equipment",
                "title": "食梯与电梯检验及使用登记代办",
                "description": "餐饮门店食梯、电梯等特种设备检验，出具检验报告并代办使用登记",
                "area_id": house.id("areas", "zhuji"),
                "quantity": 1,
            },
        )
        need = {"category": "special_equipment", "summary": "餐饮门店食梯检验与使用登记", "urgent": True}
        need_id = story.took(await officer.act(case.path, "needs", need), 201)["need_id"]

        async def look() -> str | None:
            return (await officer.get(f"/v1/needs/{need_id}")).code

        await story.until("on the demand list 需求清单", look, lambda problem: problem is None)
        assigned = {"unit_id": house.id("units", "inspection_agency"), "note": "请在监管复查前完成"}
        story.took(await officer.act(case.path, "assign", assigned))
        claim = {"unit_id": house.id("units", "inspection_agency"), "due_at": back_at.isoformat()}
        story.took(await agency.act(case.path, "claim", claim))
        body: dict[str, Any] = {
            "id": fresh_id(),
            "title": "餐饮门店食梯检验",
            "area_id": house.id("areas", _GRID),
            "case_id": case.id,
            "lead_unit_id": house.id("units", "inspection_agency"),
            "milestones": [{"title": _REPORT, "due_on": back_at.date().isoformat()}],
        }
        project = await open_project(story, officer, body)
        joined = await accept_into(story, officer, agency, need_id, offer, project)
        story.expect(
            "the agency leads 检测机构牵头", joined["lead_unit_id"], str(house.id("units", "inspection_agency"))
        )
    return project


async def _inspect(story: Story, house: House, tally: Tally, case: Case, project: Project, back_at: datetime) -> None:
    agency, owner = await house.staff("inspection_agency"), await house.resident("shopkeeper")
    with story.step(
        "检验报告附件入档，监管复查前办结", "the report is attached, and solved before the regulator returns"
    ):
        report = story.took(
            await agency.upload("/v1/attachments", document("Food lift: inspected and fit for use"), "application/pdf")
        )
        reaching = {"proof": "检验合格，报告见附件", "attachment_ids": [report["id"]]}
        milestone = f"milestones/{project.milestones[_REPORT]}/reach"
        reached = story.took(await agency.act(project.path, milestone, reaching))
        story.expect("report 检验报告", reached["milestones"][0]["attachment_ids"], [report["id"]])
        accepted = {"proof": "检验报告与使用登记证已核对", "note": "已登记"}
        story.took(await (await house.staff("enterprise_officer")).act(project.path, "complete", accepted))
        await history_of(story, owner, case, "project_completed")
        done = {"note": "食梯已检验并办理使用登记", "attachment_ids": [report["id"]]}
        story.took(await agency.act(case.path, "resolve", done))
        closed = story.took(await owner.act(case.path, "feedback", {"answer": "solved", "comment": "放心营业"}))
        story.expect("case 诉求", (closed["state"], closed["outcome"]), ("closed", "satisfied"))
        kept = closed["attachment_ids"]
        story.holds("the owner reads the report 经营者可见", report["id"] in kept, str(kept))
        closed_at = datetime.fromisoformat(closed["closed_at"])
        story.holds("before the regulator returns 复查之前", closed_at < back_at, f"{closed_at} {back_at}")
        tally.cases[case.id] = Matter("enterprise", "grid", "closed", "satisfied")
