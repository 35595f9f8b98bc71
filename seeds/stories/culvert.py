"""The railway culvert that was flooded for twenty years: nobody's, across a boundary, and in the end the railway's."""

from datetime import timedelta
from typing import Any, Final

from seeds.house import House
from seeds.ids import fresh_id
from seeds.png import photo
from seeds.stories.threads import Case, Project, history_of, open_project, reach
from seeds.stories.year_tally import Matter, Tally
from seeds.story import Story

__all__ = ["tell_culvert"]

_GRID: Final = "qiaonan_g6"
_MILESTONES: Final = (("联合勘察与方案", 15), ("涵洞两侧截水沟", 45), ("泵站与管道接入", 75), ("汛期试运行验收", 90))
_DUE_DAYS: Final = 90


async def tell_culvert(story: Story, house: House, tally: Tally) -> None:
    """Tell it from the visit to the verdict."""
    case = await _hear(story, house, tally)
    await _judge(story, house, case)
    await _choose(story, house, case)
    project = await _project(story, house, case)
    await _build(story, house, case, project)
    await _end(story, house, tally, case, project)


async def _hear(story: Story, house: House, tally: Tally) -> Case:
    worker = await house.staff("grid_6")
    with story.step(
        "走访听到：铁路涵洞积水二十年", "heard on a visit: the railway culvert has been flooded for twenty years"
    ):
        case_id, door, at = fresh_id(), "6号", house.now()
        line = {
            "category": "roads",
            "title": "铁路涵洞逢雨积水二十年",
            "text": "铁路涵洞一下雨就积水，二十年来上学上班都要绕行，铁路、市政、社区都说不归自己管。",
            "disposition": "case",
            "case_id": case_id,
            "requester_id": house.id("residents", "resident_6"),
        }
        body = {
            "kind": "home",
            "area_id": house.id("areas", _GRID),
            "door": door,
            "visited_at": at.isoformat(),
            "reached": True,
            "heard": [line],
        }
        visit = story.took(await worker.post("/v1/visits", body), 201)
        tally.visited(_GRID, door)
        tally.heard(_GRID, "case")
        story.expect("the visit's case 走访生成诉求", [one["case_id"] for one in visit["heard"]], [str(case_id)])
        filed = story.took(await (await house.resident("resident_6")).get(f"/v1/cases/{case_id}"))
        story.note(f"{filed['number']} · {filed['title']}")
    return Case(filed["id"], filed["number"])


async def _judge(story: Story, house: House, case: Case) -> None:
    worker = await house.staff("grid_6")
    with story.step("研判为难事：权属不清、跨区域、涉及多部门", "triage: hard, and why"):
        story.took(await worker.act(case.path, "accept", {}))
        facts = {
            "owner_is_clear": False,
            "crosses_boundary": True,
            "households": 300,
            "cost_fen": 60_000_000,
            "departments": 3,
        }
        judged = story.took(await worker.act(case.path, "triage", facts))
        story.expect("level 难事", judged["level"], "joint")
        for reason in judged["triage"]["reasons"]:
            story.note(f"+{reason['points']}  {reason['detail_zh']} · {reason['detail_en']}")


async def _choose(story: Story, house: House, case: Case) -> None:
    due_at = house.now() + timedelta(days=_DUE_DAYS)
    with story.step(
        "联席会议：铁路部门认领，排水中心协助", "the joint meeting: the railway takes it, the drainage centre helps"
    ):
        convenor, railway = await house.staff("convenor"), await house.staff("railway")
        taking = {"unit_id": house.id("units", "railway"), "due_at": due_at.isoformat(), "cost_fen": 60_000_000}
        best = story.took(await railway.post(f"{case.path}/offers", taking), 201)
        later = {"unit_id": house.id("units", "drainage"), "due_at": (due_at + timedelta(days=90)).isoformat()}
        story.took(await (await house.staff("drainage")).post(f"{case.path}/offers", later), 201)
        helper = {"unit_id": house.id("units", "drainage"), "task": "泵站出水接入市政管网"}
        chosen = story.took(await convenor.act(case.path, "choose", {"offer_id": best["id"], "helpers": [helper]}))
        story.expect("claimed by 认领单位", chosen["unit_id"], str(house.id("units", "railway")))
        claims = story.took(await railway.get(f"{case.path}/claims"))
        helpers = [one["unit_id"] for one in claims["claims"][0]["helpers"]]
        story.expect("helping 协助单位", helpers, [str(house.id("units", "drainage"))])


async def _project(story: Story, house: House, case: Case) -> Project:
    with story.step("立项：四个节点，九十天", "a project: four milestones in ninety days"):
        body: dict[str, Any] = {
            "id": fresh_id(),
            "title": "铁路涵洞积水治理",
            "area_id": house.id("areas", _GRID),
            "case_id": case.id,
            "lead_unit_id": house.id("units", "railway"),
            "helping_unit_ids": [house.id("units", "drainage"), house.id("units", "supervisors")],
            "milestones": [
                {"title": title, "due_on": (house.today() + timedelta(days=days)).isoformat()}
                for title, days in _MILESTONES
            ],
        }
        project = await open_project(story, await house.staff("railway"), body)
        story.note(f"{project.number} · {body['title']}")
    return project


async def _build(story: Story, house: House, case: Case, project: Project) -> None:
    railway, resident = await house.staff("railway"), await house.resident("resident_6")
    with story.step("节点逐一完成，诉求人同步看到", "milestone by milestone, seen by who raised it"):
        for title, _ in _MILESTONES:
            await reach(story, railway, project, title, f"{title}：现场照片与签认单已存档")
        accepted = {"proof": "社区干事到场查看，验收单已存档", "note": "汛期试运行无积水"}
        story.took(await (await house.staff("officer")).act(project.path, "complete", accepted))
        steps = await history_of(story, resident, case, "milestone_reached", "project_completed")
        told = [step["data"]["milestone"] for step in steps if step["step"] == "milestone_reached"]
        story.expect("in order 依次", told, [title for title, _ in _MILESTONES])


async def _end(story: Story, house: House, tally: Tally, case: Case, project: Project) -> None:
    railway, resident = await house.staff("railway"), await house.resident("resident_6")
    with story.step("办结附照片，居民评价：解决了", "resolved with a photo; the resident says: solved"):
        proof = story.took(await railway.upload("/v1/attachments", photo(90, 110, 130), "image/png"))
        body = {"note": f"涵洞不再积水（{project.number}）", "attachment_ids": [proof["id"]]}
        story.took(await railway.act(case.path, "resolve", body))
        closed = story.took(
            await resident.act(case.path, "feedback", {"answer": "solved", "comment": "终于不用绕路了"})
        )
        story.expect("case 诉求", (closed["state"], closed["outcome"]), ("closed", "satisfied"))
        tally.cases[case.id] = Matter("visit", "joint", "closed", "satisfied")
