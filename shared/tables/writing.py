"""Tables that we write. Text is never taken for a formula, and what is written reads back as the same cells."""

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import date, datetime, time
from typing import Final

import xlsxwriter

from shared.tables.cells import as_harmless
from shared.tables.meaning import as_text
from shared.tables.reading import Cell, FileFormat

__all__ = ["WORKBOOK_OPTIONS", "media_type", "written_csv", "written_table"]

_TYPES: Final = {
    FileFormat.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    FileFormat.CSV: "text/csv; charset=utf-8",
}
WORKBOOK_OPTIONS: Final = {
    "in_memory": True,
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
}


def media_type(kind: FileFormat) -> str:
    """Return the media type of a table."""
    return _TYPES[kind]


def written_table(kind: FileFormat, headers: Sequence[str], rows: Iterable[Sequence[Cell]], *, sheet: str) -> bytes:
    """Write a table that reads back as the same cells."""
    if kind is FileFormat.CSV:
        return written_csv([headers, *([as_text(cell) for cell in row] for row in rows)])
    output = io.BytesIO()
    with xlsxwriter.Workbook(output, dict(WORKBOOK_OPTIONS)) as book:
        page = book.add_worksheet(sheet)
        day = book.add_format({"num_format": "yyyy-mm-dd"})
        moment = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
        for line, row in enumerate([headers, *rows]):
            for place, cell in enumerate(row):
                if isinstance(cell, datetime):
                    page.write_datetime(line, place, cell, moment)
                elif isinstance(cell, date):
                    page.write_datetime(line, place, cell, day)
                elif isinstance(cell, int | float) and not isinstance(cell, bool):
                    page.write_number(line, place, cell)
                elif not isinstance(cell, str) or cell:
                    page.write_string(line, place, as_text(cell) if isinstance(cell, time) else str(cell))
    return output.getvalue()


def written_csv(rows: Iterable[Sequence[str]]) -> bytes:
    """Write lines as CSV that spreadsheets open rightly."""
    output = io.StringIO(newline="")
    csv.writer(output).writerows([as_harmless(cell) for cell in row] for row in rows)
    # The mark makes spreadsheets read it as UTF-8.
    return output.getvalue().encode("utf-8-sig")
