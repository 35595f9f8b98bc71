"""When it does not go well: a case that two units hand to and fro, and one that is claimed and left lying."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from seeds.client import Caller
from seeds.house import House
from seeds.ids import fresh_id
from seeds.png import photo
from seeds.stories.threads import Case
from seeds.story import Story

__all__ = ["tell_handed_to_and_fro", "tell_left_lying"]

# Whatever holidays lie in them, a lease of three working days is over.
_LEFT_LYING_DAYS: Final = 14
_COUNCIL: Final = {
    "owner_is_clear": True,
    "crosses_boundary": False,
    "households": 40,
    "cost_fen": 0,
    "departments": 1,
}


async def _judged(story: Story, house: House, requester: str, **words: Any) -> Case:  # noqa: ANN401 - parts of a body
    """File, accept and judge a case for the council."""
    resident, worker = await house.resident(requester), await house.staff("grid_worker")
    body = {"id": fresh_id(), "area_id": house.id("areas", "qingdao_street"), **words}
    filed = story.took(await resident.post("/v1/cases", body), 201)
    case = Case(filed["id"], filed["number"])
    story.took(await worker.act(case.path, "accept", {}))
    judged = story.took(await worker.act(case.path, "triage", _COUNCIL))
    story.expect("level 大事", judged["level"], "council")
    story.note(f"{case.number} · {words['title']}")
    return case


async def tell_handed_to_and_fro(story: Story, house: House) -> None:
    """Two units say in turn that it is the other's: the second time, a joint meeting is forced."""
    lead, clerk, officer = await house.staff("lead"), await house.staff("drainage_clerk"), await house.staff("officer")
    convenor = await house.staff("convenor")
    with story.step("沿街住户反映雨水篦子堵塞", "a resident reports a blocked storm drain"):
        case = await _judged(
            story,
            house,
            "neighbour_1",
            category="drainage",
            title="雨水篦子堵塞积水",
            description="下雨后路口积水没过脚面，雨水篦子被淤泥堵住。",
        )
    with story.step("指派排水管理所，对方转给街道，街道又退回", "assigned; handed on; handed back"):
        story.took(await officer.act(case.path, "assign", {"unit_id": house.id("units", "drainage")}))
        bare = await clerk.act(case.path, "hand-on", {"unit_id": house.id("units", "construction_lead")})
        story.refused("without a reason 不说明理由", bare, 422)
        first = {"reason": "支管属街道养护", "unit_id": house.id("units", "construction_lead")}
        moved = story.took(await clerk.act(case.path, "hand-on", first))
        story.expect("now the other's 转至街道", (moved["state"], moved["hand_overs"]), ("assigned", 1))
        second = {"reason": "主管堵塞，应由排水管理所清淤", "unit_id": house.id("units", "drainage")}
        story.refused("the first no longer sees it 原单位不再可见", await clerk.get(case.path), 404)
        left = await lead.act(case.path, "hand-on", second)
        story.expect("answer", left.status, 200)
    with story.step("两次转办，强制进入联席会议", "after two hand-overs a joint meeting is forced"):
        forced = story.took(await convenor.get(case.path))
        story.expect("level 难事", (forced["level"], forced["state"], forced["unit_id"]), ("joint", "triaged", None))
        steps = story.took(await convenor.get(f"{case.path}/history", page_size=200))["items"]
        story.expect("history 过程", [step["step"] for step in steps][-3:], ["hand_on", "hand_on", "forced_joint"])
    with story.step("会上由排水管理所认领并清淤", "at the meeting the drainage office takes it, and mends it"):
        await _taken_and_mended(story, house, case, clerk, "drainage", "neighbour_1")


async def _taken_and_mended(story: Story, house: House, case: Case, clerk: Caller, unit: str, requester: str) -> None:
    due_at = datetime.now(UTC) + timedelta(days=60)
    offer = {"unit_id": house.id("units", unit), "due_at": due_at.isoformat()}
    made = story.took(await clerk.post(f"{case.path}/offers", offer), 201)
    story.took(await (await house.staff("convenor")).act(case.path, "choose", {"offer_id": made["id"]}))
    await _mended(story, house, case, clerk, requester)


async def _mended(story: Story, house: House, case: Case, clerk: Caller, requester: str) -> None:
    proof = story.took(await clerk.upload("/v1/attachments", photo(60, 120, 200), "image/png"))
    story.took(await clerk.act(case.path, "resolve", {"note": "已处理完毕", "attachment_ids": [proof["id"]]}))
    closed = story.took(await (await house.resident(requester)).act(case.path, "feedback", {"answer": "solved"}))
    story.expect("case 诉求", (closed["state"], closed["outcome"]), ("closed", "satisfied"))


async def tell_left_lying(story: Story, house: House) -> None:
    """A unit claims a case and does nothing: the lease lapses, the case returns, the unit is asked in writing."""
    lead, officer = await house.staff("lead"), await house.staff("officer")
    with story.step("沿街住户反映路灯不亮", "a resident reports a dark street lamp"):
        case = await _judged(
            story,
            house,
            "neighbour_2",
            category="street_lighting",
            title="院门口路灯不亮",
            description="院门口的路灯一周没亮，老人晚上出门看不清台阶。",
        )
    with story.step("街道建设管理办公室认领", "the construction lead claims it"):
        due_at = datetime.now(UTC) + timedelta(days=60)
        unit_id = house.id("units", "construction_lead")
        claimed = story.took(await lead.act(case.path, "claim", {"unit_id": unit_id, "due_at": due_at.isoformat()}))
        story.expect("state", claimed["state"], "claimed")
    with story.step("两周过去，没有任何进展", "two weeks go by without a word"):
        house.let_pass(_LEFT_LYING_DAYS)

        async def seen() -> Any:  # noqa: ANN401 - a representation
            return story.took(await officer.get(case.path))

        back = await story.until("the case returns 诉求收回", seen, lambda now: now["state"] == "triaged")
        story.expect("nobody's 无承办单位", back["unit_id"], None)
        claims = story.took(await officer.get(f"{case.path}/claims"))["claims"]
        story.expect("the lease 租约", [claim["state"] for claim in claims], ["lapsed"])
    with story.step("逐级升级，超期节点各一次", "it climbs the ladder, each rung once"):

        async def rungs() -> list[tuple[str, int, int]]:
            shown = story.took(await officer.get(f"{case.path}/clocks"))
            story_rungs = [(rung["clock"], rung["run"], rung["rung"]) for rung in shown["rungs"]]
            return sorted(story_rungs)

        climbed = await story.until(
            "told up to the district 报至区级", rungs, lambda told: ("first_reply", 1, 3) in told
        )
        story.expect("no rung twice 不重复", len(climbed), len(set(climbed)))
        clocks = story.took(await officer.get(f"{case.path}/clocks"))
        story.expect("recounted from the history 由过程重算一致", clocks["recounted"], "equal")
    await _supervised(story, house, case)
    with story.step("重新指派，修好，住户认可", "assigned again, mended, and the resident agrees"):
        story.took(await officer.act(case.path, "assign", {"unit_id": unit_id, "note": "督办后重新办理"}))
        await _mended(story, house, case, lead, "neighbour_2")


async def _supervised(story: Story, house: House, case: Case) -> None:
    lead, officer = await house.staff("lead"), await house.staff("officer")
    with story.step(
        "督办单：限期书面说明，单位答复，干事认可", "a supervision order: answered in writing, and accepted"
    ):
        orders = story.took(await lead.get("/v1/supervision-orders", case_id=case.id))["items"]
        lapsed = [order for order in orders if order["cause"] == "claim_lapsed"]
        story.expect("one order to the unit 一张督办单", len(lapsed), 1)
        path = f"/v1/supervision-orders/{lapsed[0]['id']}"
        story.note(lapsed[0]["demand_zh"])
        own = await lead.act(path, "accept", {})
        story.refused("judging one's own answer 自审", own, 403)
        story.took(await lead.act(path, "answer", {"answer": "灯具缺货，已调货，三日内更换。"}))
        done = story.took(await officer.act(path, "accept", {"note": "请按期完成"}))
        story.expect("order 督办单", done["state"], "accepted")
