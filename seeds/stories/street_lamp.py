"""A lamp at the compound gate 微心愿: noted on a visit, claimed by the city's lighting centre, lit, and rated."""

from datetime import timedelta
from typing import Final

from seeds.house import House
from seeds.ids import fresh_id
from seeds.png import photo
from seeds.stories.phones import Phone
from seeds.stories.threads import Case, every
from seeds.story import Story

__all__ = ["tell_street_lamp"]

_DUE_DAYS: Final = 7
_GRID: Final = "heping_g2"


async def tell_street_lamp(story: Story, house: House) -> None:
    """Tell it from the doorstep to the verdict."""
    case = await _wish(story, house)
    await _claimed(story, house, case)
    await _lit(story, house, case)


async def _wish(story: Story, house: House) -> Case:
    """Write the wish down without a line, and send it twice by mistake."""
    worker, resident = await house.staff("grid_1"), await house.resident("elder_2")
    with story.step("入户走访记下微心愿，信号恢复后误传两次", "a wish is noted on a visit, and sent twice by mistake"):
        phone, case_id = Phone(worker), fresh_id()
        before = len(await every(story, resident, "/v1/cases"))
        line = {
            "category": "street_lighting",
            "text": "院门口没有灯，晚上出门看不清台阶，希望装一盏路灯。",
            "title": "小区门口装一盏路灯",
            "disposition": "case",
            "case_id": case_id,
            "requester_id": house.id("residents", "elder_2"),
        }
        at = house.now() - timedelta(minutes=40)
        body = {
            "kind": "home",
            "area_id": house.id("areas", _GRID),
            "door": "2号",
            "visited_at": at.isoformat(),
            "reached": True,
            "heard": [line],
        }
        phone.note("visit", fresh_id(), "record", at, body)
        first, again = await phone.send(story), await phone.send(story)
        story.expect("recorded once 只记一次", (first["done"], again["already"]), (1, 1))
        mine = await every(story, resident, "/v1/cases")
        story.expect("one case 只立一案", len(mine) - before, 1)
        filed = story.took(await resident.get(f"/v1/cases/{case_id}"))
        story.note(f"{filed['number']} · {filed['title']}")
    return Case(filed["id"], filed["number"])


async def _claimed(story: Story, house: House, case: Case) -> None:
    """Let the secretary judge it, and the lighting centre take it."""
    worker, secretary = await house.staff("grid_1"), await house.staff("secretary")
    centre, unit_id = await house.staff("lighting_clerk"), house.id("units", "lighting_centre")
    with story.step("网格员受理研判，市路灯管理中心认领", "accepted and judged; the city's lighting centre claims it"):
        story.took(await worker.act(case.path, "accept", {"note": "已到现场查看"}))
        facts = {
            "owner_is_clear": True,
            "crosses_boundary": False,
            "households": 60,
            "cost_fen": 300_000,
            "departments": 1,
        }
        judged = story.took(await worker.act(case.path, "triage", facts))
        story.expect("level 大事", judged["level"], "council")
        story.took(await secretary.act(case.path, "assign", {"unit_id": unit_id, "note": "请路灯管理中心承办"}))
        due_at = house.now() + timedelta(days=_DUE_DAYS)
        claimed = story.took(await centre.act(case.path, "claim", {"unit_id": unit_id, "due_at": due_at.isoformat()}))
        story.expect("claimed 认领", (claimed["state"], claimed["unit_id"]), ("claimed", str(unit_id)))


async def _lit(story: Story, house: House, case: Case) -> None:
    centre, resident = await house.staff("lighting_clerk"), await house.resident("elder_2")
    with story.step(
        "路灯点亮，附照片办结，老人评价：解决了", "the lamp is lit, with a photo; the resident says: solved"
    ):
        story.took(await centre.act(case.path, "progress", {"note": "灯杆已立，今晚通电"}))
        picture = story.took(await centre.upload("/v1/attachments", photo(250, 220, 120), "image/png"))
        done = {"note": "路灯已点亮", "attachment_ids": [picture["id"]]}
        story.took(await centre.act(case.path, "resolve", done))
        rated = {"answer": "solved", "comment": "晚上出门放心了"}
        closed = story.took(await resident.act(case.path, "feedback", rated))
        story.expect("case 诉求", (closed["state"], closed["outcome"]), ("closed", "satisfied"))
