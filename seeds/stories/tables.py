"""Tables of cases as offices keep them: written as CSV, imported, and waited for."""

import csv
import io
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from seeds.client import Caller
from seeds.story import Story

__all__ = ["TableRow", "imported", "reported", "written"]

_HEADERS: Final = ("编号", "类型", "标题", "内容", "区域", "提出时间", "状态", "层级", "办结时间", "承办单位", "结果")
_RESULT: Final = "导入结果"
_ENDED: Final = frozenset({"done", "failed", "cancelled"})
_DEADLINE_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class TableRow:
    """One line of a table; an open case has no day on which it was closed."""

    number: str
    category: str
    title: str
    text: str
    area: str
    filed_on: date
    state: str
    level: str
    closed_on: date | None = None
    unit: str = ""
    outcome: str = ""

    def cells(self) -> tuple[str, ...]:
        """Write it down as an office does."""
        closed = self.closed_on.isoformat() if self.closed_on else ""
        return (
            *(self.number, self.category, self.title, self.text, self.area, self.filed_on.isoformat()),
            *(self.state, self.level, closed, self.unit, self.outcome),
        )


def written(rows: Iterable[TableRow]) -> bytes:
    """Return the file."""
    output = io.StringIO(newline="")
    csv.writer(output).writerows([_HEADERS, *(row.cells() for row in rows)])
    return output.getvalue().encode("utf-8-sig")


async def imported(story: Story, importer: Caller, source: str, content: bytes) -> dict[str, Any]:
    """Send a table and wait until the worker is through with it; returns the import."""
    taken = story.took(await importer.upload(f"/v1/imports?source={source}", content, "text/csv"), 202)

    async def look() -> dict[str, Any]:
        return dict(story.took(await importer.get(f"/v1/imports/{taken['id']}")))

    done = await story.until("imported 导入完成", look, lambda seen: seen["state"] in _ENDED, deadline_s=_DEADLINE_S)
    story.expect("state", (done["state"], done["problem"]), ("done", None))
    return done


async def reported(story: Story, importer: Caller, import_id: str) -> Counter[str]:
    """Download the table with its results, and count its lines by what it says of them."""
    answer = await importer.get(f"/v1/imports/{import_id}/report", format="csv")
    story.took(answer)
    rows = csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"), newline=""))
    return Counter(row[_RESULT] for row in rows)
