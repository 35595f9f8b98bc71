"""How long the same trouble took before: last year's table is imported, and the facts of both years are compared."""

from datetime import date, datetime, timedelta
from statistics import median
from typing import Any, Final

from seeds.client import Caller
from seeds.house import House
from seeds.stories.tables import TableRow, imported, written
from seeds.stories.threads import Case, every
from seeds.story import Story

__all__ = ["compare_with_last_year", "import_last_year"]

_AREA: Final = "qingdao_street"
_BASELINE: Final = timedelta(days=30)
_OURS: Final = timedelta(days=7)
# Counted by a schedule of 15 seconds.
_COUNTED_S: Final = 90.0


async def import_last_year(story: Story, house: House) -> list[str]:
    """Bring in last year's overflows of the street as the office kept them; returns their cases."""
    officer = await house.staff("officer")
    with story.step("导入去年同类诉求台账", "last year's cases of the same kind are imported"):
        done = await imported(story, officer, "overflows-2025", written(_rows(house)))
        known = done["counts"]["filed"] + done["counts"]["unchanged"]
        story.expect("lines 行", known, len(house.pack.all("past_cases")))
        lines = await every(story, officer, f"/v1/imports/{done['id']}/lines")
    return [line["case_id"] for line in lines]


async def compare_with_last_year(story: Story, house: House, case: Case, past: list[str]) -> None:
    """Read how long last year's took and how long this one did, out of the facts."""
    officer = await house.staff("officer")
    with story.step("与去年同类诉求对比办理时长", "how long it took, against last year's"):
        wanted = {*past, case.id}

        async def look() -> dict[str, timedelta]:
            return await _lasted(story, house, officer, wanted)

        lasted = await story.until(
            "facts counted 统计完成", look, lambda seen: set(seen) == wanted, deadline_s=_COUNTED_S
        )
        before = timedelta(seconds=median(lasted[case_id].total_seconds() for case_id in past))
        story.note(
            f"median of last year 去年中位数 {before.days} days 天 · this one 本件 {lasted[case.id].days} days 天"
        )
        story.holds("last year: more than thirty days 去年三十天以上", before > _BASELINE, str(before))
        story.holds("this one: less than seven 本件七天内", lasted[case.id] < _OURS, str(lasted[case.id]))


def _rows(house: House) -> list[TableRow]:
    place = house.pack.row("areas", _AREA)["name"]
    return [
        TableRow(
            row["key"], row["category"], row["title"], row["title"], place, date.fromisoformat(row["filed_on"]),
            "已评价", "难事", date.fromisoformat(row["closed_on"]), outcome=row["outcome"],
        )
        for row in house.pack.all("past_cases")
    ]  # fmt: skip


async def _lasted(story: Story, house: House, officer: Caller, wanted: set[str]) -> dict[str, timedelta]:
    """Return how long the wanted cases took that are closed, by what is counted so far."""
    rows: list[dict[str, Any]] = await every(
        story, officer, "/v1/case-facts", under=house.id("areas", _AREA), category="drainage"
    )
    return {
        row["case_id"]: datetime.fromisoformat(row["closed_at"]) - datetime.fromisoformat(row["filed_at"])
        for row in rows
        if row["case_id"] in wanted and row["closed_at"] is not None
    }
