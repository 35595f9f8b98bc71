"""Tables that we write: the template to fill in, and the report to mend. Text is never taken for a formula."""

import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import xlsxwriter

from services.intake.imports.judging import levels, states
from services.intake.imports.models import ImportLine
from services.intake.imports.rules import COLUMNS, EXPLANATION_MARK, FATES, REQUIRED, RESULT_HEADERS, ROWS_MAX, Fate
from shared.tables import WORKBOOK_OPTIONS, Cell, Table, written_csv, written_table
from shared.tables import FileFormat as Format

__all__ = ["EXPLANATIONS", "HEADERS", "written_report", "written_template"]

HEADERS: Final = [names[0] for names in COLUMNS.values()]
EXPLANATIONS: Final = [
    f"{EXPLANATION_MARK}可不填；填写后重复导入不会重复立案",
    "必填；分类名称或代码，见“可选值”",
    "必填；不超过 200 字",
    "不填则同标题；不超过 4000 字",
    "必填；区域代码、全路径（甲街道/乙社区/丙网格）或唯一名称",
    "可不填",
    "必填；如 2025-03-01 或 2025-03-01 09:30",
    "、".join(states) + "；不填为未受理",
    "、".join(levels),
    "已办结的必填",
    "单位名称",
    "满意、基本满意、不满意；已评价的必填",
    "可不填",
]
_LISTED_MAX: Final = 20_000
_SHEET: Final = "诉求"


def written_template(
    kind: Format, categories: Sequence[tuple[str, str, str]], areas: Sequence[tuple[str, str]]
) -> bytes:
    """Write the table to fill in.

    Args:
        kind: its format; only XLSX has the sheet of what is allowed.
        categories: code, Chinese and English name.
        areas: path and full name.
    """
    if kind is Format.CSV:
        return written_csv([HEADERS, EXPLANATIONS])
    output = io.BytesIO()
    with xlsxwriter.Workbook(output, dict(WORKBOOK_OPTIONS)) as book:
        sheet = book.add_worksheet(_SHEET)
        allowed = book.add_worksheet("可选值")
        bold = book.add_format({"bold": True})
        grey = book.add_format({"italic": True, "font_color": "#808080"})
        required = book.add_format({"bold": True, "font_color": "#C00000"})
        for place, (name, header) in enumerate(zip(COLUMNS, HEADERS, strict=True)):
            sheet.write_string(0, place, header, required if name in REQUIRED else bold)
            sheet.write_string(1, place, EXPLANATIONS[place], grey)
        sheet.set_column(0, len(HEADERS) - 1, 18)
        sheet.freeze_panes(1, 0)
        for place, values in ((7, states), (8, levels)):
            sheet.data_validation(2, place, ROWS_MAX, place, {"validate": "list", "source": list(values)})
        _fill(allowed, ["分类代码", "分类名称", "Category"], categories, 0, bold)
        _fill(allowed, ["区域代码", "区域全路径"], areas[:_LISTED_MAX], 4, bold)
        allowed.set_column(0, 5, 28)
    return output.getvalue()


def _fill(sheet: Any, headers: Sequence[str], rows: Iterable[Sequence[str]], left: int, bold: Any) -> None:  # noqa: ANN401
    for place, header in enumerate(headers):
        sheet.write_string(0, left + place, header, bold)
    for line, row in enumerate(rows, start=1):
        for place, value in enumerate(row):
            sheet.write_string(line, left + place, value)


def written_report(kind: Format, table: Table | None, lines: Mapping[int, ImportLine]) -> bytes:
    """Write what became of each line: beside the original rows while the file is there, else by the lines' numbers."""
    if table is None:
        rows: list[list[Cell]] = [[line, *_result(row)] for line, row in lines.items()]
        return written_table(kind, ["行号", *RESULT_HEADERS], rows, sheet=_SHEET)
    kept = [place for place, header in enumerate(table.headers) if header not in RESULT_HEADERS]
    told: list[list[Cell]] = []
    for row in table.rows:
        original: list[Cell] = [row.original[place] if place < len(row.original) else "" for place in kept]
        told.append([*original, *_result(lines.get(row.line))])
    return written_table(kind, [*(table.headers[place] for place in kept), *RESULT_HEADERS], told, sheet=_SHEET)


def _result(line: ImportLine | None) -> list[str]:
    if line is None:
        return ["未处理", "", ""]
    complaints = "；".join(f"{COLUMNS[one['column']][0]}：{one['zh']}" for one in line.complaints)
    return [FATES[Fate(line.fate)].zh, complaints, line.number or ""]
