"""Every figure of the house against the story's own count, told as what has come on top since the telling began."""

from collections import Counter
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

from seeds.client import Caller
from seeds.house import House
from seeds.stories.threads import every
from seeds.stories.year_tally import COMMUNITY, GRIDS, Matter, Tally
from seeds.story import Story

__all__ = ["Before", "look_before", "tell_at_a_glance", "tell_figures"]

# Figures that add up; percents and different households do not.
_ADDING: Final = (
    *("planned", "covered", "visits", "reached", "heard", "cases", "noted", "answered"),
    *("errands", "inspections", "hazards", "hazards_open", "hazards_overdue"),
)
# Counted by a schedule of 15 seconds, and a second time for the days that an import changes.
_COUNTED_S: Final = 90.0


@dataclass(frozen=True, slots=True)
class Before:
    """What the house counted before this telling."""

    coverage: dict[str, Counter[str]]
    days: dict[date, tuple[int, int]]


async def look_before(story: Story, house: House) -> Before:
    """Read the figures as they are now."""
    officer = await house.staff("officer")
    coverage = story.took(await officer.get("/v1/visit-coverage", under=house.id("areas", COMMUNITY)))
    return Before(_by_grid(house, coverage), await _days(story, house, officer))


async def tell_figures(story: Story, house: House, tally: Tally, before: Before) -> None:
    """Compare coverage, lists of cases and facts with the tally."""
    officer = await house.staff("officer")
    with story.step("走访覆盖：每个网格的数字与所做一致", "coverage: each grid's figures are what was done there"):
        await _check_coverage(story, house, officer, tally, before)
    with story.step("诉求清单：按层级、按结果逐件一致", "lists of cases: each as it is to stand, level by level"):
        await _check_lists(story, house, officer, tally)
    with story.step("统计事实：逐件、逐日一致", "facts: case by case, and day by day"):
        await _check_case_facts(story, house, officer, tally)
        await _check_day_facts(story, house, officer, tally, before)


def tell_at_a_glance(story: Story, tally: Tally) -> None:
    """Say what the year was, in the numbers with which it is reported."""
    with story.step("全年一览", "the year at a glance"):
        done = tally.total()
        levels = Counter(matter.level for matter in tally.cases.values() if matter.channel != "import")
        ended = Counter(matter.outcome for matter in tally.cases.values() if matter.channel != "import")
        story.expect("opinions from visits 走访意见", done["heard"], 938)
        story.expect("inspections, errands 检查与代办", (done["inspections"], done["errands"]), (140, 30))
        story.expect("hard matters, by departments 难事", levels["joint"], 30)
        story.expect("big ones, by self-governing groups 大事", levels["council"], 12)
        story.expect("small ones, in the grid 小事", levels["grid"], 85)
        story.expect("all of them to their satisfaction 全部满意", dict(ended), {"satisfied": 127})


def _by_grid(house: House, coverage: dict[str, Any]) -> dict[str, Counter[str]]:
    parts = {part["area_id"]: part for part in coverage["parts"]}
    of_grid = {grid: parts.get(str(house.id("areas", grid)), {}) for grid in GRIDS}
    return {grid: Counter({name: part.get(name, 0) for name in _ADDING}) for grid, part in of_grid.items()}


async def _check_coverage(story: Story, house: House, officer: Caller, tally: Tally, before: Before) -> None:
    told = story.took(await officer.get("/v1/visit-coverage", under=house.id("areas", COMMUNITY)))
    total = told["total"]
    for grid, figures in _by_grid(house, told).items():
        figures.subtract(before.coverage[grid])
        expected = {name: tally.done[grid][name] for name in _ADDING}
        story.expect(f"{house.pack.row('areas', grid)['name']}", dict(figures), expected)
    sums = {name: sum(part[name] for part in told["parts"]) for name in _ADDING}
    story.expect("the whole is the sum of its parts 合计等于分项之和", {name: total[name] for name in _ADDING}, sums)
    met = sum(len(doors) for doors in tally.households.values())
    story.expect("different households and shops 不同户数", total["households"], met)
    percent = total["covered"] * 100 // total["planned"]
    story.expect(f"coverage 覆盖率 {percent}%", total["coverage_percent"], percent)


async def _check_lists(story: Story, house: House, officer: Caller, tally: Tally) -> None:
    under = house.id("areas", COMMUNITY)
    for level in ("grid", "council", "joint"):
        listed = await every(story, officer, "/v1/cases", under=under, level=level)
        wanted = {case_id: matter for case_id, matter in tally.cases.items() if matter.level == level}
        seen = {row["id"]: _matter(row) for row in listed if row["id"] in tally.cases}
        story.expect(f"{level} {len(wanted)}", _differing(seen, wanted), {})
    new = await every(story, officer, "/v1/cases", under=under, since=tally.begun.isoformat())
    own = {case_id for case_id, matter in tally.cases.items() if matter.channel != "import"}
    story.expect(f"raised since the telling began 本轮新立 {len(own)}", {row["id"] for row in new}, own)


async def _check_case_facts(story: Story, house: House, officer: Caller, tally: Tally) -> None:
    under, first = house.id("areas", COMMUNITY), house.today() - timedelta(days=366)

    async def look() -> dict[str, Any]:
        rows = await every(story, officer, "/v1/case-facts", under=under, **{"from": first})
        seen = {row["case_id"]: _matter(row) for row in rows if row["case_id"] in tally.cases}
        return _differing(seen, tally.cases)

    what = f"facts of {len(tally.cases)} cases 件诉求事实"
    await story.until(what, look, lambda seen: not seen, deadline_s=_COUNTED_S)


async def _check_day_facts(story: Story, house: House, officer: Caller, tally: Tally, before: Before) -> None:
    expected = {day: (tally.opened[day], tally.closed[day]) for day in sorted({*tally.opened, *tally.closed})}

    async def look() -> dict[date, tuple[int, int]]:
        days = await _days(story, house, officer)
        return {
            day: (days.get(day, (0, 0))[0] - before.days.get(day, (0, 0))[0],
                  days.get(day, (0, 0))[1] - before.days.get(day, (0, 0))[1])
            for day in expected
        }  # fmt: skip

    what = f"facts of {len(expected)} days 天日事实"
    await story.until(what, look, lambda seen: seen == expected, deadline_s=_COUNTED_S)
    story.expect("opened and closed 立案与办结", (tally.opened.total(), tally.closed.total()), (300, 274))


async def _days(story: Story, house: House, officer: Caller) -> dict[date, tuple[int, int]]:
    """Return how many cases the days of the past year opened and closed."""
    span = {"from": house.today() - timedelta(days=366), "to": house.today() - timedelta(days=1)}
    found: Counter[tuple[date, str]] = Counter()
    for row in await every(story, officer, "/v1/day-facts", under=house.id("areas", COMMUNITY), **span):
        for name in ("opened", "closed"):
            found[date.fromisoformat(row["day"]), name] += row[name]
    return {day: (found[day, "opened"], found[day, "closed"]) for day, _ in found}


def _matter(row: dict[str, Any]) -> Matter:
    return Matter(row["channel"], row["level"], row["state"], row["outcome"])


def _differing(seen: dict[str, Matter], wanted: dict[str, Matter]) -> dict[str, tuple[Matter | None, Matter]]:
    """Return the cases that do not stand as they should, as they are and as they should be."""
    return {case_id: (seen.get(case_id), matter) for case_id, matter in wanted.items() if seen.get(case_id) != matter}
