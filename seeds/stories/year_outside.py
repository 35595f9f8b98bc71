"""A year outside: visits with what was heard, inspections with their hazards, errands; all of it by phone.

What a household says is answered on the spot, noted, or becomes a case. A small one is settled by the grid worker who
heard it; a big or a hard one is accepted and judged, and goes on to the council or to the joint meeting.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import cycle
from typing import Any, Final
from uuid import UUID

from seeds.house import House
from seeds.ids import fresh_id
from seeds.png import photo
from seeds.stories.phones import Phone
from seeds.stories.threads import every
from seeds.stories.year_tally import COMMUNITY, GRIDS, Matter, Tally, moment
from seeds.story import Story
from seeds.together import together

__all__ = ["FoundHazard", "Heard", "tell_hazards_seen_again", "tell_year_outside"]

_DOORS, _MET, _ROUND, _LINES, _SHOPS = 70, 66, 78, 156, 12
_CHECKLIST: Final = "small_shops"
_INSPECTIONS: Final = (24, 24, 23, 23, 23, 23)
_ERRANDS: Final = 5
# Judged by these, nobody's case, and a case across a boundary, is hard; one of many households is big.
_FACTS: Final[dict[str, dict[str, Any]]] = {
    "grid": {"owner_is_clear": True, "crosses_boundary": False, "households": 2, "cost_fen": 0, "departments": 1},
    "council": {"owner_is_clear": True, "crosses_boundary": False, "households": 40, "cost_fen": 0, "departments": 1},
    "joint": {"owner_is_clear": False, "crosses_boundary": True, "households": 60, "cost_fen": 0, "departments": 2},
}


@dataclass(frozen=True, slots=True)
class Heard:
    """A matter of the pack as it became a case: its row, its grid, and the version in which the grid worker left it."""

    row: Any
    grid: str
    case_id: UUID
    version: int

    @property
    def path(self) -> str:
        """Where the case is."""
        return f"/v1/cases/{self.case_id}"


@dataclass(frozen=True, slots=True)
class FoundHazard:
    """A hazard that a shop has put right, and when; somebody else looks again."""

    hazard_id: UUID
    grid: str
    door: str
    rectified_at: datetime


async def tell_year_outside(story: Story, house: House, tally: Tally) -> tuple[list[Heard], list[FoundHazard]]:
    """Plan the year, go out, and send what was kept; returns the cases by matter and the hazards to be seen again."""
    plan_id = await _plan(story, house, tally)
    heard: list[Heard] = []
    found: list[FoundHazard] = []
    with story.step(
        "六个网格员走访一年，离线记录，分批同步", "six grid workers go out for a year, and send what they kept"
    ):
        workers = await together(house.staff(f"grid_{number}") for number in range(1, len(GRIDS) + 1))
        phones = {grid: tally.phone(worker) for grid, worker in zip(GRIDS, workers, strict=True)}
        for grid, count in zip(GRIDS, _INSPECTIONS, strict=True):
            heard += _visits(house, tally, phones[grid], grid, plan_id)
            _errands(house, tally, phones[grid], grid)
            found += await _inspections(story, house, tally, phones[grid], grid, count)
        came = sum(await together(phone.send(story) for phone in phones.values()), Counter())
        story.expect("everything is done 全部入账", set(came), {"done"})
        done = tally.total()
        story.note(
            f"{came['done']} operations 条 · {done['visits']} visits 次走访 · {done['heard']} opinions 条意见 · "
            f"{done['inspections']} inspections 次检查 · {done['errands']} errands 件代办"
        )
        counted = (done["heard"], done["inspections"], done["errands"], done["hazards"])
        story.expect("the year 全年", counted, (936, 140, 30, 40))
    return heard, found


async def _plan(story: Story, house: House, tally: Tally) -> UUID:
    with story.step("社区制定全年入户走访计划", "the community plans a year of home visits"):
        plan_id = fresh_id()
        body = {
            "id": plan_id,
            "kind": "home",
            "title": "全年入户走访",
            "area_id": house.id("areas", COMMUNITY),
            "first_on": moment(house, 365).date().isoformat(),
            "last_on": house.today().isoformat(),
            "targets": [{"area_id": house.id("areas", grid), "households": _DOORS} for grid in GRIDS],
        }
        planned = story.took(await (await house.staff("officer")).post("/v1/visit-plans", body), 201)
        story.expect("households 户数", planned["planned"], _DOORS * len(GRIDS))
        for grid in GRIDS:
            tally.done[grid].update(planned=_DOORS, covered=_MET)
    return plan_id


def _visits(house: House, tally: Tally, phone: Phone, grid: str, plan_id: UUID) -> list[Heard]:
    """Keep a grid's home visits: every door once, some of them twice, two where nobody was in."""
    matters = [row for row in house.pack.all("matters") if row.get("area", grid) == grid]
    heard = [Heard(row, grid, fresh_id(), 0) for row in matters]
    lines = _lines(house, grid, heard)
    done: list[Heard] = []
    rest = iter(heard)
    nobody_in = _ROUND - 2
    for number in range(_ROUND):
        at = moment(house, 364 - number * 4, number)
        reached = number < nobody_in
        door = f"{number % _MET + 1}号" if reached else f"{_MET + 1 + number - nobody_in}号"
        wanted = 3 if number < _LINES - 2 * nobody_in else 2
        said = [next(lines) for _ in range(wanted)] if reached else []
        body = {
            "kind": "home",
            "plan_id": plan_id,
            "area_id": house.id("areas", grid),
            "door": door,
            "visited_at": at.isoformat(),
            "reached": reached,
            "heard": said,
        }
        phone.note("visit", fresh_id(), "record", at, body)
        tally.visited(grid, door, reached=reached)
        for line in said:
            tally.heard(grid, line["disposition"])
            if line["disposition"] == "case":
                done.append(_taken_in(tally, phone, next(rest), at))
    return done


def _lines(house: House, grid: str, heard: list[Heard]) -> Iterator[dict[str, Any]]:
    """Return what is said in a grid: matters that become cases first, then what is answered or noted."""
    requester = house.id("residents", f"resident_{grid[-1]}")
    for matter in heard:
        yield {
            **{name: matter.row[name] for name in ("category", "text", "title")},
            "disposition": "case",
            "case_id": matter.case_id,
            "requester_id": requester,
        }
    for row in cycle(house.pack.all("opinions")):
        yield {name: row[name] for name in ("category", "text", "disposition", "answer") if name in row}


def _taken_in(tally: Tally, phone: Phone, matter: Heard, at: datetime) -> Heard:
    """Keep what a grid worker does with a case: filed and told of its visit, it has version 2."""
    level = matter.row["level"]
    phone.note("case", matter.case_id, "accept", at, {}, 2)
    phone.note("case", matter.case_id, "triage", at, _FACTS[level], 3)
    version = 4
    if level == "grid":
        phone.note("case", matter.case_id, "resolve", at, {"note": "已当场处理完毕"}, version)
        version += 1
    elif level == "council":
        need = {"category": matter.row["category"], "summary": _need_of(matter.row)}
        phone.note("case", matter.case_id, "needs", at, need, version)
        version += 1
    tally.cases[str(matter.case_id)] = Matter("visit", level, "closed", "satisfied")
    return Heard(matter.row, matter.grid, matter.case_id, version)


def _need_of(row: Any) -> str:  # noqa: ANN401 - a row of the pack
    return f"桥南社区{row['title']}，由居民自治小组承办"


def _errands(house: House, tally: Tally, phone: Phone, grid: str) -> None:
    for number, row in zip(range(_ERRANDS), cycle(house.pack.all("errands")), strict=False):
        at = moment(house, 300 - number * 50, 120)
        door = f"{number + 1}号"
        body = {
            "kind": "errand",
            "area_id": house.id("areas", grid),
            "door": door,
            "visited_at": at.isoformat(),
            "reached": True,
            "errands": [{"what": row["what"]}],
        }
        phone.note("visit", fresh_id(), "record", at, body)
        tally.visited(grid, door)
        tally.done[grid].update(errands=1)


async def _inspections(
    story: Story, house: House, tally: Tally, phone: Phone, grid: str, count: int
) -> list[FoundHazard]:
    """Keep a grid's inspections; two in seven find a hazard, which is put right within days, shown by a picture."""
    first = tally.total()["inspections"]
    newest = story.took(await phone.caller.get(f"/v1/checklists/{_CHECKLIST}"))
    items = [item["code"] for item in newest["items"]]
    found = []
    for number in range(first, first + count):
        at = moment(house, 350 - (number - first) * 14, 240)
        door = f"商铺{(number - first) % _SHOPS + 1}号"
        failed = items[number % len(items)] if number % 7 in {2, 5} else None
        hazard_id = fresh_id()
        results: list[dict[str, Any]] = [{"item": item, "result": "pass"} for item in items if item != failed]
        if failed is not None:
            hazard = {"id": hazard_id, "description": "检查不合格，当场下达整改通知"}
            results.append({"item": failed, "result": "fail", "hazard": hazard})
        checked = {"checklist_code": _CHECKLIST, "checklist_version": newest["version"], "results": results}
        visit_id = _to_a_shop(house, tally, phone, grid, door, at)
        phone.note("inspection", fresh_id(), "record", at, {"visit_id": visit_id, **checked})
        tally.done[grid].update(inspections=1)
        if failed is not None:
            tally.done[grid].update(hazards=1)
            found.append(FoundHazard(hazard_id, grid, door, at + timedelta(days=2)))
            await _put_right(story, phone, found[-1])
    return found


def _to_a_shop(house: House, tally: Tally, phone: Phone, grid: str, door: str, at: datetime) -> UUID:
    """Keep a visit to a shop; returns its id."""
    visit_id = fresh_id()
    body = {
        "kind": "inspection",
        "area_id": house.id("areas", grid),
        "door": door,
        "visited_at": at.isoformat(),
        "reached": True,
    }
    phone.note("visit", visit_id, "record", at, body)
    tally.visited(grid, door)
    return visit_id


async def _put_right(story: Story, phone: Phone, found: FoundHazard) -> None:
    """Keep with a picture that a shop has put right what was found.

    It was long ago, so both are sent at once: a hazard that is open after its time becomes a case by itself.
    """
    proof = story.took(await phone.caller.upload("/v1/attachments", photo(70, 140, 90), "image/png"))
    body = {
        "note": "商户已整改",
        "attachment_ids": [proof["id"]],
        "rectified_at": found.rectified_at.isoformat(),
    }
    phone.note("hazard", found.hazard_id, "rectify", found.rectified_at, body, 1, follows=True)


async def tell_hazards_seen_again(story: Story, house: House, tally: Tally, found: list[FoundHazard]) -> None:
    """Let somebody else look again at every hazard; only then is it closed."""
    officer = await house.staff("officer")
    with story.step("隐患整改后由另一人复查销号", "somebody else looks again at what was put right"):
        path = f"/v1/hazards/{found[0].hazard_id}"
        worker = await house.staff(f"grid_{found[0].grid[-1]}")
        own = await worker.act(path, "pass", {"visit_id": story.took(await worker.get(path))["visit_id"]})
        story.refused("looking again oneself 自己复查", own, 403, naming="not_ones_own_word")
        phone = tally.phone(officer)
        for one in found:
            at = one.rectified_at + timedelta(days=1)
            visit_id = _to_a_shop(house, tally, phone, one.grid, one.door, at)
            phone.note("hazard", one.hazard_id, "pass", at, {"visit_id": visit_id, "note": "复查合格"}, 2)
        await phone.send(story)
        left = await every(story, officer, "/v1/hazards", under=house.id("areas", COMMUNITY), open=True)
        ours = {str(one.hazard_id) for one in found}
        story.expect("none is open 全部销号", [one["id"] for one in left if one["id"] in ours], [])
