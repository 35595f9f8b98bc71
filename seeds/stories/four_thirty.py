"""The four-thirty class 四点半课堂: a parent's wish becomes two needs, two matches and one project."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from seeds.client import Caller
from seeds.house import House
from seeds.ids import fresh_id
from seeds.stories.matched import agree
from seeds.stories.threads import Case, Project, history_of, reach
from seeds.story import Story

__all__ = ["tell_four_thirty"]

_TUTORS: Final = 2
_MILESTONES: Final = (("志愿者上岗培训", 7), ("第一堂课", 14), ("家长反馈会", 30))
_CONFLICT: Final = 409
# Proposals are renewed every few seconds.
_RENEWED_S: Final = 30


async def tell_four_thirty(story: Story, house: House) -> None:
    """Tell the first half of the story."""
    offers = await _offer(story, house)
    case = await _raise_case(story, house)
    needs = await _state_needs(story, house, case)
    programme, tutors = await _look_at_matches(story, house, needs, offers)
    project = await _accept(story, house, programme, tutors)
    await _run(story, house, case, project)
    await _close(story, house, case, project, needs)


async def _offer(story: Story, house: House) -> tuple[str, str]:
    """Put this term's resources on the list; returns the ids of the programme and of the tutors."""
    with story.step(
        "妇联与志愿队各上一条资源", "the women's federation and a volunteer organisation each make an offer"
    ):
        programme = await _make_offer(
            story, house, await house.staff("federation"), "womens_federation", "service", 1,
            title="妇联四点半课堂托管课程", description="放学后课后托管与作业辅导课程，含师资培训和教案",
        )  # fmt: skip
        tutors = await _make_offer(
            story, house, await house.staff("volunteer_lead"), "volunteers", "people", _TUTORS,
            title="课后辅导志愿者", description="放学后到社区陪伴小学生、辅导作业的志愿者",
        )  # fmt: skip
    return programme, tutors


async def _make_offer(
    story: Story, house: House, giver: Caller, partner: str, kind: str, quantity: int, **texts: str
) -> str:
    body = {
        "id": fresh_id(),
        "partner_id": house.id("partners", partner),
        "kind": kind,
        "category": "after_school",
        "area_id": house.id("areas", "taihe"),
        "quantity": quantity,
        **texts,
    }
    offer = story.took(await giver.post("/v1/offers", body), 201)
    story.note(f"资源 offer · {offer['title']} × {offer['quantity']}")
    return str(offer["id"])


async def _raise_case(story: Story, house: House) -> Case:
    parent, worker = await house.resident("parent"), await house.staff("grid_worker")
    with story.step("学生家长提出课后托管的诉求", "a parent asks for somebody to look after the children after school"):
        body = {
            "id": fresh_id(),
            "category": "after_school",
            "title": "孩子四点半放学没人管",
            "description": "双职工家庭，孩子四点半放学后没有人照看和辅导作业，院里还有二十几家也是这样。",
            "area_id": house.id("areas", "taihe_g1"),
        }
        filed = story.took(await parent.post("/v1/cases", body), 201)
        story.note(f"{filed['number']} · {filed['title']}")
    case = Case(filed["id"], filed["number"])
    with story.step("网格员受理并研判为大事", "the grid worker accepts it; triage says: for the council"):
        story.took(await worker.act(case.path, "accept", {}))
        facts = {"owner_is_clear": True, "crosses_boundary": False, "households": 24, "cost_fen": 0, "departments": 1}
        judged = story.took(await worker.act(case.path, "triage", facts))
        story.expect("level 大事", judged["level"], "council")
    with story.step("社区指派县妇联牵头", "the community's officer assigns the women's federation"):
        body = {"unit_id": house.id("units", "womens_federation"), "note": "请妇联牵头"}
        assigned = story.took(await (await house.staff("officer")).act(case.path, "assign", body))
        story.expect("state", assigned["state"], "assigned")
    return case


async def _state_needs(story: Story, house: House, case: Case) -> tuple[str, str]:
    """Let the case give birth to two lines of the demand list."""
    worker = await house.staff("grid_worker")
    with story.step("两条需求列入需求清单", "two needs go on the demand list"):
        place = house.pack.row("areas", "taihe")["name"]
        summaries = ((f"{place}课后托管与作业辅导课程", 1), (f"{place}课后辅导志愿者", _TUTORS))
        raised = []
        for summary, quantity in summaries:
            body = {"category": "after_school", "summary": summary, "quantity": quantity}
            raised.append(story.took(await worker.act(case.path, "needs", body), 201)["need_id"])

        async def demand_list() -> dict[str, Any]:
            page = story.took(await worker.get("/v1/needs", under=house.id("areas", "taihe"), page_size=200))
            return {need["id"]: need for need in page["items"]}

        listed = await story.until("on the demand list 需求清单", demand_list, lambda lines: set(raised) <= set(lines))
        story.expect("both open 待对接", [listed[need]["state"] for need in raised], ["open", "open"])
        story.expect("from the case 来自诉求", {listed[need]["case_id"] for need in raised}, {case.id})
    return raised[0], raised[1]


async def _look_at_matches(
    story: Story, house: House, needs: tuple[str, str], offers: tuple[str, str]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Read the proposals; each explains itself by terms that add up to its score."""
    officer = await house.staff("officer")
    chosen = []
    for what, need, offer in zip(("课程 the programme", "人员 the people"), needs, offers, strict=True):
        with story.step(f"智能对接：{what}", "matched, and every score explained"):

            async def proposals(path: str = f"/v1/needs/{need}/matches") -> dict[str, Any]:
                return dict(story.took(await officer.get(path)))

            def is_right(seen: dict[str, Any], wanted: str = offer) -> bool:
                return bool(seen["matches"]) and seen["matches"][0]["offer_id"] == wanted

            # The first need was alone when it was matched; beside the second, what suits it better stands out.
            found = await story.until(
                "best match is the right offer 首选正确", proposals, is_right, deadline_s=_RENEWED_S
            )
            best = found["matches"][0]
            sums = {match["id"]: sum(term["points"] for term in match["terms"]) for match in found["matches"]}
            scores = {match["id"]: match["score"] for match in found["matches"]}
            story.expect("terms sum to the score 分项之和等于得分", sums, scores)
            told = " + ".join(f"{term['name']} {term['points']}" for term in best["terms"])
            story.note(f"{best['score']} = {told}")
            passed_over = {item["offer_id"]: item["failed"] for item in found["passed_over"]}
            room = str(house.id("offers", "reading_room"))
            story.expect("the reading room is elsewhere 阅览室不在本社区", passed_over.get(room), "area")
            chosen.append(best)
    return chosen[0], chosen[1]


async def _accept(story: Story, house: House, programme: dict[str, Any], tutors: dict[str, Any]) -> Project:
    officer = await house.staff("officer")
    today = datetime.now(UTC).date()
    with story.step("确认对接，立项“四点半课堂”", "both matches are accepted into one project"):
        body: dict[str, Any] = {
            "title": "四点半课堂",
            "lead_unit_id": house.id("units", "womens_federation"),
            "milestones": [
                {"title": title, "due_on": (today + timedelta(days=days)).isoformat()} for title, days in _MILESTONES
            ],
        }
        accepting = f"/v1/matches/{programme['id']}/accept"
        opened = story.took(await officer.post(accepting, body, version=programme["version"]))
        project = Project.of(opened)
        story.note(f"{project.number} · {opened['title']}")
        again = await officer.post(accepting, body, version=programme["version"] + 1)
        story.refused("accepting it again 重复确认", again, _CONFLICT, naming="wrong_state")
        joined = story.took(
            await officer.post(
                f"/v1/matches/{tutors['id']}/accept", {"project_id": project.id}, version=tutors["version"]
            )
        )
        story.expect("same project 同一项目", joined["id"], project.id)
        story.expect("needs of the project 项目需求", len(joined["need_ids"]), 2)
        story.expect(
            "offers of the project 项目资源", set(joined["offer_ids"]), {programme["offer_id"], tutors["offer_id"]}
        )
        story.expect("both givers are asked 等待双方确认", set(joined["waiting_offer_ids"]), set(joined["offer_ids"]))
    with story.step("妇联与志愿队各自确认", "the federation and the volunteers say yes, each for its own"):
        for key, match in (("federation", programme), ("volunteer_lead", tutors)):
            await agree(story, await house.staff(key), match["need_id"], match["offer_id"])
        agreed = story.took(await officer.get(project.path))
        story.expect("nobody is waited for 全部确认", agreed["waiting_offer_ids"], [])
    return project


async def _run(story: Story, house: House, case: Case, project: Project) -> None:
    parent, federation = await house.resident("parent"), await house.staff("federation")
    with story.step("项目推进，家长在诉求里看到每个节点", "progress reaches the parent's case, milestone by milestone"):
        await history_of(story, parent, case, "need_opened", "project_opened")
        for title, _ in _MILESTONES:
            await reach(story, federation, project, title, f"{title}：签到表与照片已存档")

        async def told() -> list[str]:
            steps = story.took(await parent.get(f"{case.path}/history", page_size=200))["items"]
            return [step["data"]["milestone"] for step in steps if step["step"] == "milestone_reached"]

        titles = [title for title, _ in _MILESTONES]
        await story.until("the parent sees them in order 家长依次看到", told, lambda seen: seen == titles)


async def _close(story: Story, house: House, case: Case, project: Project, needs: tuple[str, str]) -> None:
    parent, federation = await house.resident("parent"), await house.staff("federation")
    with story.step("项目验收，需求已满足", "the project is completed and its needs are met"):
        accepted = {"proof": "开班一周签到表", "note": "四点半课堂已常态开课"}
        done = story.took(await (await house.staff("officer")).act(project.path, "complete", accepted))
        story.expect("project 项目", done["state"], "completed")
        states = [story.took(await federation.get(f"/v1/needs/{need}"))["state"] for need in needs]
        story.expect("needs 需求", states, ["met", "met"])
        await history_of(story, parent, case, "project_completed")
    with story.step("办结，家长评价：解决了", "resolved; the parent says: solved"):
        said = {"note": "四点半课堂已开课，欢迎来接孩子", "public_note": "社区四点半课堂已开课"}
        story.took(await federation.act(case.path, "resolve", said))
        seen = story.took(await parent.get(case.path))["resolution"]
        told = {name: seen[name] for name in said}
        story.expect("the parent reads how it was solved 家长看到办理结果", told, said)
        closed = story.took(await parent.act(case.path, "feedback", {"answer": "solved", "comment": "放心上班了"}))
        story.expect("case 诉求", (closed["state"], closed["outcome"]), ("closed", "satisfied"))
