"""The manhole that nobody owned: from a resident's photo to a paid bill and a closed case.

联席会议 · 认领 · 公益金. Sewage overflows where two pipe networks meet and no office owns the spot: a hard case. Two
units offer to take it at the joint meeting, the subdistrict's construction lead is chosen, a welfare fund pays for the
repair under four eyes, and the owner judges with the neighbours. Two more cases do not go so well: one is handed to and
fro until a joint meeting is forced, another is claimed and left lying until it is taken back. Beside it a community
gives an idle room against hours of service, and the use of all venues is a figure.
"""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from seeds.house import House
from seeds.ids import fresh_id
from seeds.png import photo
from seeds.stories.baseline import compare_with_last_year, import_last_year
from seeds.stories.left_lying import tell_handed_to_and_fro, tell_left_lying
from seeds.stories.space_for_service import tell_space_for_service
from seeds.stories.threads import Case, Project, history_of, open_project, reach
from seeds.stories.welfare_fund import Money, ask_and_approve, close_money, pay, raise_welfare_fund
from seeds.story import Story

__all__ = ["tell_huancui"]

_DUE_DAYS: Final = 7
_NEIGHBOURS: Final = ("neighbour_1", "neighbour_2", "neighbour_3")
_MILESTONES: Final = (("现场勘查与疏通", 1), ("更换井盖与改造接口", 4), ("恢复路面与验收", 6))
_FORBIDDEN, _NOT_FOUND, _UNPROCESSABLE = 403, 404, 422
_CASE_STEPS: Final = (
    *("file", "join", "join", "join", "accept", "triage", "offer", "offer", "choose", "project_opened"),
    *("milestone_reached", "milestone_reached", "milestone_reached", "project_completed", "resolve"),
    *("confirm", "confirm", "confirm", "feedback"),
)
_PROJECT_STEPS: Final = ("open", "request_budget", "budget_decided", "reach", "reach", "reach", "complete", "payment")


async def tell_huancui(story: Story, house: House) -> None:
    """Tell the whole story."""
    story.chapter("一、诉求", "the case")
    past = await import_last_year(story, house)
    case = await _report(story, house)
    await _join(story, house, case)
    await _accept_and_triage(story, house, case)
    await _claim(story, house, case)
    story.chapter("二、项目", "the project")
    project = await _project(story, house, case)
    story.chapter("三、公益金", "the welfare fund")
    fund = await raise_welfare_fund(story, house)
    money = await ask_and_approve(story, house, fund, project)
    story.chapter("四、施工与付款", "repair and payment")
    await _repair(story, house, case, project)
    await pay(story, house, project, money)
    await close_money(story, house, money)
    story.chapter("五、办结与评价", "the verdict")
    await _verdict(story, house, case, project)
    await _chain(story, house, case, project, money)
    await _foreigner(story, house, case, money)
    story.chapter("六、推来推去的一件", "handed to and fro")
    await tell_handed_to_and_fro(story, house)
    story.chapter("七、认领后搁置的一件", "claimed and left lying")
    await tell_left_lying(story, house)
    story.chapter("八、与去年相比", "against last year")
    await compare_with_last_year(story, house, case, past)
    story.chapter("九、空间换服务", "space for service")
    await tell_space_for_service(story, house)


async def _report(story: Story, house: House) -> Case:
    owner = await house.resident("restaurant")
    with story.step("餐馆经营者上报污水外溢，附照片", "the restaurant owner reports a sewage overflow, with a photo"):
        picture = story.took(await owner.upload("/v1/attachments", photo(96, 84, 60), "image/png"))
        body = {
            "id": fresh_id(),
            "category": "drainage",
            "title": "两套管网交汇处污水外溢",
            "description": "两套管网交汇处的井盖冒污水，流到店门口和人行道，已经持续几天。",
            "area_id": house.id("areas", "qingdao_street"),
            "place_text": f"{house.pack.row('areas', 'qingdao_street')['name']}，两套管网交汇处",
            "attachment_ids": [picture["id"]],
        }
        filed = story.took(await owner.post("/v1/cases", body), 201)
        story.expect("state", filed["state"], "filed")
        story.expect("photo kept 照片已存", filed["attachment_ids"], [picture["id"]])
        again = await owner.post("/v1/cases", body)
        story.expect("sent twice, filed once 重复提交只立一案", (again.status, again.body["id"]), (200, filed["id"]))
        story.note(f"{filed['number']} · {filed['title']}")
    return Case(filed["id"], filed["number"])


async def _join(story: Story, house: House, case: Case) -> None:
    with story.step("三位邻居加入同一诉求", "three neighbours join instead of filing it again"):
        for key in _NEIGHBOURS:
            neighbour = await house.resident(key)
            story.took(await neighbour.post(f"{case.path}/join"))
        seen = story.took(await (await house.resident("restaurant")).get(case.path))
        story.expect("joined 已加入", seen["joiners"], len(_NEIGHBOURS))
        twice = await (await house.resident("neighbour_1")).post(f"{case.path}/join")
        story.refused("joining twice 重复加入", twice, _FORBIDDEN, naming="already_concerned")


async def _accept_and_triage(story: Story, house: House, case: Case) -> None:
    worker = await house.staff("grid_worker")
    with story.step("网格员一小时内受理", "the grid worker accepts it within the hour"):
        taken = story.took(await worker.act(case.path, "accept", {"note": "已到现场查看"}))
        story.expect("state", taken["state"], "accepted")
        waited = house.now() - datetime.fromisoformat(taken["filed_at"])
        story.holds("within the hour 一小时内", waited < timedelta(hours=1), str(waited))
        clock = next(one for one in taken["clocks"] if one["clock"] == "accept")
        story.expect(
            "its clock stopped in time 受理时限内停表", (clock["state"], clock["left_s"] > 0), ("stopped", True)
        )
        allowed = {step["action"] for step in taken["next_actions"] if step["allowed"]}
        story.holds("triage is possible now 可以研判", "triage" in allowed, f"{sorted(allowed)}")
    with story.step("研判为难事，逐条说明理由", "triage: hard, with every reason"):
        facts = {
            "owner_is_clear": False,
            "crosses_boundary": True,
            "households": 60,
            "cost_fen": 1_500_000,
            "departments": 2,
        }
        judged = story.took(await worker.act(case.path, "triage", facts))
        story.expect("level 难事", judged["level"], "joint")
        reasons = judged["triage"]["reasons"]
        for reason in reasons:
            story.note(f"+{reason['points']}  {reason['detail_zh']} · {reason['detail_en']}")
        story.expect("reasons sum to the score 分项之和", sum(r["points"] for r in reasons), judged["triage"]["points"])
        codes = {reason["code"] for reason in reasons}
        story.holds(
            "ownership and boundary named 权属与跨界", {"owner_unclear", "crosses_boundary"} <= codes, f"{codes}"
        )


async def _claim(story: Story, house: House, case: Case) -> None:
    lead, clerk, convenor = (
        await house.staff("lead"),
        await house.staff("drainage_clerk"),
        await house.staff("convenor"),
    )
    due_at = datetime.now(UTC) + timedelta(days=_DUE_DAYS)
    with story.step(
        "难事不能自行认领，须在联席会议上择定", "a hard case is not simply claimed: the joint meeting chooses"
    ):
        alone = await clerk.act(
            case.path, "claim", {"unit_id": house.id("units", "drainage"), "due_at": due_at.isoformat()}
        )
        story.refused("claiming it alone 自行认领", alone, _FORBIDDEN, naming="joint_meeting_chooses")
    with story.step("联席会议：两家单位提出认领意向", "the joint meeting: two units say by when and at what cost"):
        slower = _offer_of(house, "drainage", due_at + timedelta(days=14), 3_000_000)
        other = story.took(await clerk.post(f"{case.path}/offers", slower), 201)
        best = story.took(
            await lead.post(f"{case.path}/offers", _offer_of(house, "construction_lead", due_at, 1_500_000)), 201
        )
        for offer in (other, best):
            story.note(f"{offer['unit_name']} · {offer['cost_fen'] / 100:.0f} 元 · {offer['due_at'][:10]}")
    with story.step(
        "召集人择定街道建设管理办公室，七天办结",
        "the convenor chooses the subdistrict's construction lead, due in seven days",
    ):
        chosen = story.took(await convenor.act(case.path, "choose", {"offer_id": best["id"], "note": "工期短、费用低"}))
        story.expect("state", chosen["state"], "claimed")
        story.expect("unit 承办单位", chosen["unit_id"], str(house.id("units", "construction_lead")))
        story.expect("due 期限", datetime.fromisoformat(chosen["due_at"]), due_at)
        claims = story.took(await lead.get(f"{case.path}/claims"))
        fates = {offer["unit_name"]: offer["state"] for offer in claims["offers"]}
        story.expect("what came of the offers 意向结果", sorted(fates.values()), ["chosen", "passed_over"])
        story.expect("one lease 认领租约", [claim["state"] for claim in claims["claims"]], ["active"])
    with story.step("另一家单位不再看到该诉求", "it is no longer open to the other unit"):
        story.refused("reading it 查看", await clerk.get(case.path), _NOT_FOUND)


def _offer_of(house: House, unit: str, due_at: datetime, cost_fen: int) -> dict[str, Any]:
    return {"unit_id": house.id("units", unit), "due_at": due_at.isoformat(), "cost_fen": cost_fen}


async def _project(story: Story, house: House, case: Case) -> Project:
    lead = await house.staff("lead")
    with story.step("立项：施工队、三个里程碑", "a project with a contractor and three milestones"):
        today = datetime.now(UTC).date()
        body = {
            "id": fresh_id(),
            "title": "两套管网交汇处污水外溢整治",
            "area_id": house.id("areas", "qingdao_street"),
            "case_id": case.id,
            "lead_unit_id": house.id("units", "construction_lead"),
            "helping_unit_ids": [house.id("units", "contractor")],
            "milestones": [
                {"title": title, "due_on": (today + timedelta(days=days)).isoformat()} for title, days in _MILESTONES
            ],
        }
        project = await open_project(story, lead, body)
        story.expect("milestones 里程碑", list(project.milestones), [title for title, _ in _MILESTONES])
        story.note(f"{project.number} · {body['title']}")
    return project


async def _repair(story: Story, house: House, case: Case, project: Project) -> None:
    lead = await house.staff("lead")
    with story.step("施工：里程碑逐一完成，诉求人同步看到", "the repair, milestone by milestone, seen by the owner"):
        for title, _ in _MILESTONES:
            await reach(story, lead, project, title, f"{title}：现场照片与签认单已存档")
        steps = await history_of(story, await house.resident("restaurant"), case, "project_opened", "milestone_reached")
        story.note(f"{steps[-1]['at']} · {steps[-1]['step']}")
        accepted = {"proof": "片区书记到场查看，签认单与照片已存档", "note": "验收合格"}
        own = await lead.act(project.path, "complete", accepted)
        story.refused("the lead accepts its own work 牵头单位自行验收", own, _FORBIDDEN, naming="lead_does_not_accept")
        done = story.took(await (await house.staff("secretary")).act(project.path, "complete", accepted))
        story.expect("project 项目", done["state"], "completed")


async def _verdict(story: Story, house: House, case: Case, project: Project) -> None:
    lead, owner = await house.staff("lead"), await house.resident("restaurant")
    with story.step("办结须附照片：没有则被拒，附上则通过", "resolved only with a proof"):
        await history_of(story, owner, case, "project_completed")
        bare = await lead.act(case.path, "resolve", {"note": "已修复"})
        story.refused("without a photo 无照片", bare, _UNPROCESSABLE, naming="proof_required")
        proof = story.took(await lead.upload("/v1/attachments", photo(70, 150, 90), "image/png"))
        body = {"note": f"井盖与接口已改造（{project.number}）", "attachment_ids": [proof["id"]]}
        story.expect("state", story.took(await lead.act(case.path, "resolve", body))["state"], "resolved")
    with story.step("三位邻居联名确认", "the three neighbours confirm it"):
        for key in _NEIGHBOURS:
            neighbour = await house.resident(key)
            story.took(await neighbour.post(f"{case.path}/confirm", {"answer": "solved"}))
        seen = story.took(await owner.get(f"{case.path}/verdicts"))
        story.expect("confirmed 已确认", (seen["solved"], seen["joiners"]), (len(_NEIGHBOURS), len(_NEIGHBOURS)))
    with story.step("诉求人评价：解决了", "the owner says: solved"):
        meddling = await neighbour.act(case.path, "feedback", {"answer": "solved"})
        story.refused("somebody else's verdict 他人代评", meddling, _FORBIDDEN, naming="requester_only")
        closed = story.took(await owner.act(case.path, "feedback", {"answer": "solved", "comment": "不冒水了"}))
        story.expect("case 诉求", (closed["state"], closed["outcome"]), ("closed", "satisfied"))
        took = datetime.fromisoformat(closed["closed_at"]) - datetime.fromisoformat(closed["filed_at"])
        story.holds("within seven days 七日内", took < timedelta(days=_DUE_DAYS), str(took))


async def _chain(story: Story, house: House, case: Case, project: Project, money: Money) -> None:
    """Follow the whole chain: the steps of the case, those of its project, and the bank line."""
    owner, auditor = await house.resident("restaurant"), await house.staff("auditor")
    with story.step(
        "全链条：诉求 → 项目 → 资助 → 冻结 → 付款 → 评价", "the chain, from the first word to the bank line"
    ):
        steps = await history_of(story, owner, case, "feedback")
        story.expect("steps of the case 诉求步骤", [step["step"] for step in steps], list(_CASE_STEPS))
        opened = next(step for step in steps if step["step"] == "project_opened")
        story.expect("its project 所立项目", opened["data"]["project_id"], project.id)
        done = story.took(await owner.get(f"{project.path}/history", page_size=200))["items"]
        story.expect("steps of the project 项目步骤", [step["step"] for step in done], list(_PROJECT_STEPS))
        grant = story.took(await owner.get(money.grant.path))
        story.expect("grant and hold 资助与冻结", (grant["project_id"], grant["hold_id"]), (project.id, money.hold_id))
        paid = story.took(await auditor.get(f"{money.grant.path}/invoices"))["items"]
        payment = next(step["data"] for step in done if step["step"] == "payment")
        story.expect("bank line 付款流水", [bill["payment_id"] for bill in paid], [payment["payment_id"]])
        for step in steps:
            story.note(f"{step['position']:>2}  {step['step']:<18}{step['from_state'] or '':>9} → {step['to_state']}")


async def _foreigner(story: Story, house: House, case: Case, money: Money) -> None:
    with story.step("外区县的工作人员什么也看不到", "another tenant's officer sees nothing of it"):
        stranger = await house.elsewhere("chengkou").staff("officer")
        for path in (case.path, money.fund.path, money.grant.path):
            story.refused(path.split("/")[2], await stranger.get(path), _NOT_FOUND)
