"""The hotline's table of a year, imported: wrong lines are told, mended and sent again; known ones stay as they are."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import cycle
from typing import Final

from seeds.house import House
from seeds.ids import fresh_id
from seeds.stories.tables import TableRow, imported, reported, written
from seeds.stories.threads import every
from seeds.stories.year_tally import GRIDS, Matter, Tally
from seeds.story import Story

__all__ = ["Table", "tell_again", "tell_table"]

_SMALL, _BIG, _WITHDRAWN, _DISPUTES = 220, 44, 10, 26
_OUTCOMES: Final = {"满意": "satisfied", "基本满意": "partly_satisfied"}
_LEVELS: Final = {"小事": "grid", "大事": "council"}


@dataclass(frozen=True, slots=True)
class Table:
    """The table as it was taken in: its source, its mended bytes, and the cases of the disputes that are in hand."""

    source: str
    content: bytes
    lines: int
    disputes: Sequence[str]


async def tell_table(story: Story, house: House, tally: Tally) -> Table:
    """Import the table with its wrong lines, then the mended one."""
    importer = await house.staff("secretary")
    source = f"hotline-{fresh_id().hex[-12:]}"
    rows = _rows(house)
    with story.step(
        "热线一年的工单表导入，错行逐一指出", "the hotline's table of a year is imported; wrong lines are told"
    ):
        spoilt = _spoilt(rows)
        done = await imported(story, importer, source, written([*spoilt, spoilt[-1]]))
        expected = {"filed": len(rows) - 3, "good": 0, "unchanged": 0, "changed_elsewhere": 0, "repeated": 1, "bad": 3}
        story.expect("lines by their fate 逐行结果", done["counts"], expected)
        told = await every(story, importer, f"/v1/imports/{done['id']}/lines", fate="bad")
        codes = {line["line"]: [one["code"] for one in line["complaints"]] for line in told}
        story.expect(
            "what is wrong 错在何处", codes, {2: ["unknown_area"], 3: ["unknown_category"], 4: ["closed_before_filed"]}
        )
        told_back = dict(await reported(story, importer, done["id"]))
        story.expect("the report 结果表", told_back, {"已导入": len(rows) - 3, "有误，未导入": 3, "与前面的行重复": 1})
    with story.step(
        "改正后再次导入：只补三行，其余不变", "mended and sent again: three lines are new, the others known"
    ):
        content = written(rows)
        mended = await imported(story, importer, source, content)
        counts = {name: count for name, count in mended["counts"].items() if count}
        story.expect("lines by their fate 逐行结果", counts, {"filed": 3, "unchanged": len(rows) - 3})
        cases = {
            line["line"]: line["case_id"] for line in await every(story, importer, f"/v1/imports/{mended['id']}/lines")
        }
        by_row = [(row, cases[line]) for line, row in enumerate(rows, start=2)]
    for row, case_id in by_row:
        tally.cases[case_id] = _matter(row)
        tally.opened[row.filed_on] += 1
        if row.closed_on is not None:
            tally.closed[row.closed_on] += 1
    disputes = [case_id for row, case_id in by_row if row.closed_on is None]
    story.expect("disputes in hand 在办纠纷", len(disputes), _DISPUTES)
    return Table(source, content, len(rows), disputes)


async def tell_again(story: Story, house: House, tally: Tally, table: Table) -> None:
    """Import the table once more, and send everybody's phone once more: nothing changes."""
    with story.step("整表再导一次、手机再传一次：什么也不变", "the table and all phones once more: nothing changes"):
        done = await imported(story, await house.staff("secretary"), table.source, table.content)
        counts = {name: count for name, count in done["counts"].items() if count}
        story.expect("every line is known 全部为已知行", counts, {"unchanged": table.lines})
        came: Counter[str] = Counter()
        for phone in tally.phones:
            came += await phone.send(story)
        story.expect("every operation is done already 全部为已办", set(came), {"already"})
        story.note(f"{done['rows']} rows 行 · {came.total()} operations 条")


def _rows(house: House) -> list[TableRow]:
    """Write the year down: small and big ones that are closed, some withdrawn, and the disputes that are in hand."""
    sorts = [row for row in house.pack.all("matters") if row["level"] != "joint"]
    place = {grid: house.pack.row("areas", grid)["name"] for grid in GRIDS}
    committee = house.pack.row("units", "committee")["name"]
    found: list[TableRow] = []
    for number, row, grid in zip(range(_SMALL + _BIG + _WITHDRAWN), cycle(sorts), cycle(GRIDS), strict=False):
        is_big = _SMALL <= number < _SMALL + _BIG
        is_withdrawn = number >= _SMALL + _BIG
        filed_on = house.today() - timedelta(days=360 - number)
        done = TableRow(
            f"R-{number + 1:04}", row["category"], row["title"], row["text"], place[grid], filed_on,
            "已撤回" if is_withdrawn else "已评价",
            "大事" if is_big else "小事",
            filed_on + timedelta(days=2 + number % 5),
            committee if is_big else "",
            "" if is_withdrawn else "基本满意" if number % 9 == 0 else "满意",
        )  # fmt: skip
        found.append(done)
    for number, row, grid in zip(range(_DISPUTES), cycle(house.pack.all("disputes")), cycle(GRIDS), strict=False):
        filed_on = house.today() - timedelta(days=30 - number)
        dispute = TableRow(
            f"D-{number + 1:04}", "neighbours", row["title"], row["text"], place[grid], filed_on, "办理中", "大事",
            unit=committee,
        )  # fmt: skip
        found.append(dispute)
    return found


def _spoilt(rows: Sequence[TableRow]) -> list[TableRow]:
    """Spoil the first three lines as offices do, and leave the rest: the line that is sent twice stands last."""
    wrong = [
        replace(rows[0], area="桥北社区"),
        replace(rows[1], category="奇怪的类型"),
        replace(rows[2], closed_on=rows[2].filed_on - timedelta(days=1)),
    ]
    return [*wrong, *rows[3:]]


def _matter(row: TableRow) -> Matter:
    """Return how a line's case is to stand once it is imported."""
    level = _LEVELS[row.level]
    if row.closed_on is None:
        return Matter("import", level, "assigned", None)
    return Matter("import", level, "closed", "withdrawn" if row.state == "已撤回" else _OUTCOMES[row.outcome])
