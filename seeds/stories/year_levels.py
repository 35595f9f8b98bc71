"""Small, big and hard 小事·大事·难事: where each is settled, and by whom.

Small matters end in the grid. Big ones are for the council's three lists: the need on the demand list, what a
self-governing group can do on the resource list, and a project of that group, under the eyes of a supervising one, on
the responsibility list. Hard ones are taken by departments, which the convenor of the joint meeting chooses.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import timedelta
from typing import Any, Final

from seeds.client import Caller
from seeds.house import House
from seeds.ids import fresh_id
from seeds.png import photo
from seeds.stories.matched import accept_into, offered
from seeds.stories.phones import Phone
from seeds.stories.threads import Project, every, history_of_many, open_project
from seeds.stories.year_outside import Heard
from seeds.stories.year_tally import COMMUNITY, GRIDS, Tally
from seeds.story import Story
from seeds.together import together

__all__ = ["tell_big", "tell_hard", "tell_small"]

_MILESTONE: Final = "项目完成并公示"


async def tell_small(story: Story, house: House, tally: Tally, heard: list[Heard]) -> None:
    """The grid workers have settled the small ones; those who spoke of them say so."""
    small = [one for one in heard if one.row["level"] == "grid"]
    with story.step("小事不出网格，居民评价", "small matters end in the grid, and who raised them says so"):
        await _judge(story, house, tally, small)
        await _check_closed(story, house, small, "grid")


async def tell_hard(story: Story, house: House, tally: Tally, heard: list[Heard]) -> None:
    """Departments offer, the convenor chooses, the departments mend, the residents judge."""
    hard = [one for one in heard if one.row["level"] == "joint"]
    by_unit = _by_unit(hard)
    now = house.now()
    with story.step(
        "难事交部门：联席会议上各部门提出认领", "hard matters: departments offer to take them at the joint meeting"
    ):
        staff = dict(zip(by_unit, await together(house.staff(unit) for unit in by_unit), strict=True))
        await together(_offer(story, house, tally.phone(staff[unit]), unit, by_unit[unit]) for unit in by_unit)
        convenor = await house.staff("convenor")
        claims = await together(convenor.get(f"{one.path}/claims") for one in hard)
        phone = tally.phone(convenor)
        for one, answer in zip(hard, claims, strict=True):
            offers = story.took(answer)["offers"]
            phone.note("case", one.case_id, "choose", now, {"offer_id": offers[0]["id"]}, one.version + 1)
        came = await phone.send(story)
        story.expect("chosen 择定", came["done"], len(hard))
        for unit, ones in by_unit.items():
            story.note(f"{len(ones):>2} · {house.pack.row('units', unit)['name']}")
    with story.step(
        "各部门办结并附照片，居民评价", "the departments mend them, with a photo of each; the residents judge"
    ):
        await together(_mend(story, tally.phone(staff[unit]), by_unit[unit], house, 2) for unit in by_unit)
        await _judge(story, house, tally, hard, after=3)
        await _check_closed(story, house, hard, "joint")
        sorts = Counter(
            "sewer" if "塌陷" in one.row["title"] else "shaft" if "检查井" in one.row["title"] else "" for one in hard
        )
        story.expect("collapsed sewers, leaking shafts 塌陷与渗漏", (sorts["sewer"], sorts["shaft"]), (4, 8))


async def tell_big(story: Story, house: House, tally: Tally, heard: list[Heard]) -> None:
    """Three lists, twelve projects: each of a self-governing group, with a supervising one beside it."""
    big = [one for one in heard if one.row["level"] == "council"]
    by_unit = _by_unit(big)
    officer = await house.staff("officer")
    groups = dict(zip(by_unit, await together(house.staff(unit) for unit in by_unit), strict=True))
    with story.step("需求清单：大事列入议事会清单", "the demand list: what is needed, from the big matters"):
        needs = await _needs(story, house, officer, big)
    with story.step("资源清单：自治小组各尽所能", "the resource list: what the self-governing groups can do"):
        offers = await together(_group_offer(story, house, groups[unit], unit, by_unit[unit]) for unit in by_unit)
        of_unit = dict(zip(by_unit, offers, strict=True))
    with story.step(
        "责任清单：自治小组认领立项，监督小组监督", "the responsibility list: projects of a group, with a supervisor"
    ):
        await together(_claim(story, house, tally.phone(groups[unit]), unit, by_unit[unit]) for unit in by_unit)
        projects = await together(_project(story, house, groups[one.row["unit"]], one) for one in big)
        joined = await together(
            accept_into(
                story, officer, groups[one.row["unit"]], needs[str(one.case_id)], of_unit[one.row["unit"]], project
            )
            for one, project in zip(big, projects, strict=True)
        )
        helping = {unit for project in joined for unit in project["helping_unit_ids"]}
        story.expect("under the supervising group 监督小组监督", helping, {str(house.id("units", "supervisors"))})
        listed = await every(story, officer, "/v1/projects", under=house.id("areas", COMMUNITY))
        ours = [row for row in listed if row["id"] in {project.id for project in projects}]
        leads = Counter(row["lead_unit_id"] for row in ours)
        expected = {str(house.id("units", unit)): len(ones) for unit, ones in by_unit.items()}
        story.expect("listed by group 责任清单", dict(leads), expected)
    with story.step("项目完成，需求销号，居民评价", "the projects are done, the needs met, and the residents judge"):
        await together(
            _complete(story, groups[one.row["unit"]], officer, project)
            for one, project in zip(big, projects, strict=True)
        )
        met = await together(officer.get(f"/v1/needs/{need}") for need in needs.values())
        story.expect("needs met 需求已满足", {story.took(answer)["state"] for answer in met}, {"met"})
        await history_of_many(story, officer, [one.path for one in big], "project_completed")
        await together(_mend(story, tally.phone(groups[unit]), by_unit[unit], house, 0) for unit in by_unit)
        await _judge(story, house, tally, big)
        await _check_closed(story, house, big, "council")


def _by_unit(ones: Iterable[Heard]) -> dict[str, list[Heard]]:
    found: defaultdict[str, list[Heard]] = defaultdict(list)
    for one in ones:
        found[one.row["unit"]].append(one)
    return dict(found)


async def _offer(story: Story, house: House, phone: Phone, unit: str, ones: list[Heard]) -> None:
    now = house.now()
    for one in ones:
        body = {
            "unit_id": house.id("units", unit),
            "due_at": (now + timedelta(days=60)).isoformat(),
            "cost_fen": 300_000,
        }
        phone.note("case", one.case_id, "offer", now, body)
    await phone.send(story)


async def _claim(story: Story, house: House, phone: Phone, unit: str, ones: list[Heard]) -> None:
    now = house.now()
    body = {"unit_id": house.id("units", unit), "due_at": (now + timedelta(days=60)).isoformat()}
    for one in ones:
        phone.note("case", one.case_id, "claim", now, body, one.version)
    await phone.send(story)


async def _mend(story: Story, phone: Phone, ones: list[Heard], house: House, after: int) -> None:
    """Resolve cases, each with a photo; `after` is how many steps there were since the grid worker's last."""
    now = house.now()
    pictures = await together(phone.caller.upload("/v1/attachments", photo(60, 120, 160), "image/png") for _ in ones)
    for one, picture in zip(ones, pictures, strict=True):
        body = {"note": "已办结，见照片", "attachment_ids": [story.took(picture)["id"]]}
        phone.note("case", one.case_id, "resolve", now, body, one.version + after)
    await phone.send(story)


async def _judge(story: Story, house: House, tally: Tally, ones: list[Heard], after: int = 0) -> None:
    """Let those who raised the cases say that they are solved."""
    now = house.now()

    async def judge(grid: str) -> None:
        phone = tally.phone(await house.resident(f"resident_{grid[-1]}"))
        for one in ones:
            if one.grid == grid:
                phone.note("case", one.case_id, "feedback", now, {"answer": "solved"}, one.version + after)
        await phone.send(story)

    await together(judge(grid) for grid in GRIDS)


async def _check_closed(story: Story, house: House, ones: list[Heard], level: str) -> None:
    """Compare the list of cases of a level with what was settled."""
    officer = await house.staff("officer")
    listed = await every(story, officer, "/v1/cases", under=house.id("areas", COMMUNITY), level=level, open=False)
    ends = {row["id"]: row["outcome"] for row in listed}
    seen = Counter(ends.get(str(one.case_id)) for one in ones)
    story.expect(f"closed, to their satisfaction 办结且满意 ({level})", dict(seen), {"satisfied": len(ones)})


async def _needs(story: Story, house: House, officer: Caller, big: list[Heard]) -> dict[str, str]:
    """Wait until the needs are on the list; returns them by case."""
    wanted = {str(one.case_id) for one in big}

    async def look() -> dict[str, str]:
        listed = await every(story, officer, "/v1/needs", under=house.id("areas", COMMUNITY))
        return {row["case_id"]: row["id"] for row in listed if row["case_id"] in wanted}

    return await story.until(f"{len(big)} needs 条需求", look, lambda seen: set(seen) == wanted)


async def _group_offer(story: Story, house: House, group: Caller, unit: str, ones: list[Heard]) -> str:
    name = house.pack.row("units", unit)["name"]
    body = {
        "partner_id": house.id("partners", unit),
        "kind": "people",
        "category": ones[0].row["category"],
        "title": f"{name}承办" + "、".join(one.row["title"] for one in ones),
        "description": f"桥南社区居民自治小组承办{'、'.join(one.row['title'] for one in ones)}",
        "area_id": house.id("areas", COMMUNITY),
        "quantity": len(ones),
    }
    return await offered(story, group, body)


async def _project(story: Story, house: House, group: Caller, one: Heard) -> Project:
    body: dict[str, Any] = {
        "id": fresh_id(),
        "title": one.row["title"],
        "area_id": house.id("areas", one.grid),
        "case_id": one.case_id,
        "lead_unit_id": house.id("units", one.row["unit"]),
        "helping_unit_ids": [house.id("units", "supervisors")],
        "milestones": [{"title": _MILESTONE, "due_on": (house.today() + timedelta(days=60)).isoformat()}],
    }
    return await open_project(story, group, body)


async def _complete(story: Story, group: Caller, officer: Caller, project: Project) -> None:
    """Let the group do it, and an officer accept it: nobody accepts the own unit's work."""
    reached = await group.act(
        project.path, f"milestones/{project.milestones[_MILESTONE]}/reach", {"proof": "照片与签到表已公示"}
    )
    story.took(reached)
    accepted = {"proof": "监督小组与社区干事到场查看，照片已公示", "note": "验收合格"}
    story.took(await officer.act(project.path, "complete", accepted))
