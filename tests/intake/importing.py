"""A worker's turn, and tables as offices write them."""

import io
import time
from collections.abc import Sequence
from typing import Any

import httpx
import xlsxwriter

from services.intake.imports.jobs import run_imports
from shared.clock import utc_now
from shared.db import Database
from tests.intake.conftest import Headers, Street

HEADERS = [
    "编号",
    "类型",
    "标题",
    "内容",
    "区域",
    "地点",
    "提出时间",
    "状态",
    "层级",
    "办结时间",
    "承办单位",
    "结果",
    "备注",
]


def row(**cells: Any) -> list[Any]:
    """Return a good row, with some cells changed."""
    good = {"类型": "drainage", "标题": "污水外溢", "区域": "county/north/c1/g1", "提出时间": "2025-03-01"} | cells
    return [good.get(header, "") for header in HEADERS]


def xlsx(rows: Sequence[Sequence[Any]], headers: Sequence[str] = HEADERS) -> bytes:
    """Write a spreadsheet."""
    output = io.BytesIO()
    options = {
        "in_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "default_date_format": "yyyy-mm-dd",
    }
    with xlsxwriter.Workbook(output, options) as book:
        sheet = book.add_worksheet()
        for line, cells in enumerate([headers, *rows]):
            for column, cell in enumerate(cells):
                if cell != "":
                    sheet.write(line, column, cell)
    return output.getvalue()


class Desk:
    """Sends tables as an officer of the north, and works them off as a worker would."""

    def __init__(self, street: Street, database: Database) -> None:
        self.street = street
        self.database = database
        self.officer = street.officer

    async def send(
        self, content: bytes, *, by: Headers | None = None, source: str = "hotline-2025", **query: Any
    ) -> httpx.Response:
        return await self.street.http.post(
            "/v1/imports", content=content, params={"source": source, **query}, headers=by or self.officer
        )

    async def turn(self) -> None:
        await run_imports(self.database, self.street.caller.tenant, utc_now())

    async def done(self, content: bytes, **options: Any) -> dict[str, Any]:
        """Send a table and work it off."""
        sent = await self.send(content, **options)
        assert sent.status_code == 202, sent.text
        await self.turn()
        return await self.read(sent.json()["id"])

    async def read(self, import_id: str) -> dict[str, Any]:
        found: dict[str, Any] = (await self.street.get(f"/v1/imports/{import_id}", by=self.officer)).json()
        return found

    async def lines(self, import_id: str, *fates: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        query: dict[str, Any] = {"fate": list(fates)} if fates else {}
        cursor: str | None = None
        while True:
            more = {"cursor": cursor} if cursor else {}
            path = f"/v1/imports/{import_id}/lines"
            page = (await self.street.get(path, by=self.officer, page_size=200, **query, **more)).json()
            found += page["items"]
            cursor = page["next_cursor"]
            if cursor is None:
                return found

    async def report(self, import_id: str, kind: str) -> bytes:
        answer = await self.street.get(f"/v1/imports/{import_id}/report", by=self.officer, format=kind)
        assert answer.status_code == 200, answer.text
        return answer.content


def moment() -> float:
    """Return the monotonic clock."""
    return time.monotonic()
