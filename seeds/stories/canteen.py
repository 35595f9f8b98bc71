"""A canteen in three months 议事会: three visits, one case, an idle room, and a project of which everybody hears."""

from collections import Counter
from datetime import timedelta
from typing import Any, Final

from seeds.client import Caller
from seeds.house import House
from seeds.ids import fresh_id
from seeds.png import photo
from seeds.stories.matched import accept_into, offer_of, offered
from seeds.stories.phones import Phone
from seeds.stories.threads import Case, Project, open_project, reach
from seeds.story import Story

__all__ = ["tell_canteen"]

# Who was visited, where, and what they said.
_HEARD: Final = (
    ("elder", "heping_g1", "一个人做饭不方便，希望社区有个食堂"),
    ("elder_2", "heping_g2", "腿脚不好，买菜做饭困难，想有地方吃午饭"),
    ("elder_3", "heping_g3", "子女白天上班，中午没有热饭吃"),
)
_MILESTONES: Final = (
    ("三方协商达成一致", 14),
    ("库房改造完工", 44),
    ("食品经营许可取得", 74),
    ("食堂开业", 90),
)
# A lease is three working days; whoever works tells before it ends.
_PROGRESS_DAYS: Final = 2
_DUE_DAYS: Final = 100


async def tell_canteen(story: Story, house: House) -> None:
    """Tell it from the first visit to the opening, three months later."""
    cases = await _visits(story, house)
    case = await _merge(story, house, cases)
    need, offer = await _need(story, house, case)
    project = await _project(story, house, case, need, offer)
    await _ninety_days(story, house, case, project)
    await _open(story, house, case, project, need)


async def _visits(story: Story, house: House) -> list[Case]:
    """Write three visits down on the phone, and send them twice by mistake."""
    worker = await house.staff("grid_1")
    with story.step("网格员走访三户老人，离线记录，误传两次", "three home visits kept on the phone, and sent twice"):
        phone, case_ids = Phone(worker), []
        for number, (key, area, text) in enumerate(_HEARD):
            case_ids.append(fresh_id())
            line = {
                "category": "elder_meals",
                "text": text,
                "title": "希望开办社区食堂",
                "disposition": "case",
                "case_id": case_ids[-1],
                "requester_id": house.id("residents", key),
            }
            at = house.now() - timedelta(minutes=90 - 20 * number)
            body = {
                "kind": "home",
                "area_id": house.id("areas", area),
                "door": f"{number + 1}号",
                "visited_at": at.isoformat(),
                "reached": True,
                "heard": [line],
            }
            phone.note("visit", fresh_id(), "record", at, body)
        first, again = await phone.send(story), await phone.send(story)
        story.expect("sent twice, recorded once 重复上传不重复", (first["done"], again["already"]), (3, 3))
        cases = []
        for (key, *_), case_id in zip(_HEARD, case_ids, strict=True):
            filed = story.took(await (await house.resident(key)).get(f"/v1/cases/{case_id}"))
            cases.append(Case(filed["id"], filed["number"]))
        story.note(" · ".join(case.number for case in cases))
    return cases


async def _merge(story: Story, house: House, cases: list[Case]) -> Case:
    """Let the other cases go into the first."""
    secretary, whole = await house.staff("secretary"), cases[0]
    with story.step("同一需求，三件并为一件", "the same need: three cases become one"):
        for case in cases:
            story.took(await secretary.act(case.path, "accept", {}))
        for case in cases[1:]:
            body = {"into_case_id": whole.id, "reason": "同为开办社区食堂"}
            story.took(await secretary.act(case.path, "merge", body))
        seen = story.took(await secretary.get(whole.path))
        story.expect("joined 并入人数", seen["joiners"], len(cases) - 1)
        merged = [story.took(await secretary.get(case.path)) for case in cases[1:]]
        story.expect("the others 其余各件", {one["outcome"] for one in merged}, {"merged"})
        facts = {
            "owner_is_clear": True,
            "crosses_boundary": False,
            "households": 120,
            "cost_fen": 0,
            "departments": 1,
        }
        judged = story.took(await secretary.act(whole.path, "triage", facts))
        story.expect("level 大事", judged["level"], "council")
    return whole


async def _need(story: Story, house: House, case: Case) -> tuple[str, str]:
    """Put the need on the demand list and the storage room on the resource list."""
    secretary, property_clerk = await house.staff("secretary"), await house.staff("property_clerk")
    with story.step(
        "需求清单：食堂用房；资源清单：物业闲置库房", "a room is needed; the property company has an idle one"
    ):
        body = offer_of(
            house, "heping", "property_company", "venue", "elder_meals", "物业闲置库房，可改造为社区食堂", 1
        )
        offer = await offered(story, property_clerk, body)
        wanted = {"category": "elder_meals", "summary": "开办社区食堂的用房"}
        need = str(story.took(await secretary.act(case.path, "needs", wanted), 201)["need_id"])

        async def look() -> str | None:
            return (await secretary.get(f"/v1/needs/{need}")).code

        await story.until("on the demand list 需求清单", look, lambda problem: problem is None)
    return need, offer


async def _project(story: Story, house: House, case: Case, need: str, offer: str) -> Project:
    """Let the committee take it, with the property company and the owners beside it."""
    secretary, clerk = await house.staff("secretary"), await house.staff("committee_clerk")
    with story.step("社区牵头，物业与业委会协同，立项九十天", "the community leads, with property and owners: 90 days"):
        committee = house.id("units", "heping_committee")
        due_at = house.now() + timedelta(days=_DUE_DAYS)
        story.took(await secretary.act(case.path, "assign", {"unit_id": committee, "note": "社区牵头"}))
        story.took(await clerk.act(case.path, "claim", {"unit_id": committee, "due_at": due_at.isoformat()}))
        body: dict[str, Any] = {
            "id": fresh_id(),
            "title": "和平社区食堂",
            "area_id": house.id("areas", "heping"),
            "case_id": case.id,
            "lead_unit_id": committee,
            "helping_unit_ids": [house.id("units", key) for key in ("property_company", "owners_committee")],
            "milestones": [
                {"title": title, "due_on": (house.today() + timedelta(days=days)).isoformat()}
                for title, days in _MILESTONES
            ],
        }
        project = await open_project(story, secretary, body)
        property_clerk = await house.staff("property_clerk")
        joined = await accept_into(story, secretary, property_clerk, need, offer, project)
        story.expect("three parties 三方", len(joined["helping_unit_ids"]) + 1, 3)
    return project


async def _ninety_days(story: Story, house: House, case: Case, project: Project) -> None:
    """Let three months pass; whoever asked hears of each milestone."""
    clerk = await house.staff("committee_clerk")
    day = 0
    for title, days in _MILESTONES:
        with story.step(f"第 {days} 天：{title}", f"day {days}"):
            while day < days:
                house.let_pass(_PROGRESS_DAYS)
                day += _PROGRESS_DAYS
                story.took(await clerk.act(case.path, "progress", {"note": f"第 {day} 天，按计划推进"}))
            await reach(story, clerk, project, title, f"{title}：纪要与照片已公示")
            for key, *_ in _HEARD:
                await _heard(story, await house.resident(key), case, title)
    with story.step("三户人家依次听到每一个节点", "each of the three has heard each milestone, in order"):
        for key, *_ in _HEARD:
            told = await _told(story, await house.resident(key), case)
            heard = [title for text in told for title, _ in _MILESTONES if title in text]
            story.expect(house.pack.row("residents", key)["name"], heard, [title for title, _ in _MILESTONES])
        claims = story.took(await clerk.get(f"{case.path}/claims"))["claims"]
        story.expect("the lease held 认领未失效", [claim["state"] for claim in claims], ["active"])


async def _told(story: Story, resident: Caller, case: Case) -> list[str]:
    """Return what somebody was told of milestones of a case, the oldest first."""
    inbox = story.took(await resident.get("/v1/notifications", page_size=200))["items"]
    return [
        one["text_zh"] for one in reversed(inbox) if one["kind"] == "milestone_reached" and one["case_id"] == case.id
    ]


async def _heard(story: Story, resident: Caller, case: Case, title: str) -> None:
    async def look() -> list[str]:
        return await _told(story, resident, case)

    await story.until("heard 已告知", look, lambda texts: any(title in text for text in texts))


async def _open(story: Story, house: House, case: Case, project: Project, need: str) -> None:
    secretary, clerk = await house.staff("secretary"), await house.staff("committee_clerk")
    with story.step("验收、办结，老人评价：解决了", "accepted, resolved, and the residents say: solved"):
        accepted = {"proof": "片区书记到场就餐查看，三方签认", "note": "食堂正常营业"}
        done = story.took(await secretary.act(project.path, "complete", accepted))
        story.expect("project 项目", done["state"], "completed")
        story.expect("need 需求", story.took(await secretary.get(f"/v1/needs/{need}"))["state"], "met")
        picture = story.took(await clerk.upload("/v1/attachments", photo(190, 120, 70), "image/png"))
        story.took(await clerk.act(case.path, "resolve", {"note": "食堂已开业", "attachment_ids": [picture["id"]]}))
        for key, *_ in _HEARD[1:]:
            joiner = await house.resident(key)
            story.took(await joiner.post(f"{case.path}/confirm", {"answer": "solved"}))
        closed = story.took(await (await house.resident("elder")).act(case.path, "feedback", {"answer": "solved"}))
        story.expect("case 诉求", (closed["state"], closed["outcome"]), ("closed", "satisfied"))
        states = Counter(one["state"] for one in story.took(await clerk.get(f"{case.path}/claims"))["claims"])
        story.note(f"claims 认领 {dict(states)}")
