"""From bytes to rows of cells. Pure; slow for large files, so callers run it in a thread.

A spreadsheet is a ZIP of XML and may be made to do harm: packed a thousandfold, lying about its sizes, or with a single
cell at the far end of the sheet, for which a reader reserves all that lies before. So every part is unpacked with a
limit, its cells are looked at one by one, and the reader gets a new container with nothing in it but what was seen.
"""

import csv
import io
import re
import zipfile
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Final, TypeAlias
from xml.parsers import expat

from python_calamine import CalamineError, CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

from shared.tables.cells import as_meant
from shared.tables.encodings import UnreadableText, decoded
from shared.tables.problems import BrokenTable, OldSpreadsheet, TableTooLarge, UnknownTableType

__all__ = ["Cell", "FileFormat", "Layout", "Row", "Table", "format_of", "header_key", "read_table"]

Cell: TypeAlias = str | int | float | bool | date | datetime | time | timedelta

_PARTS_MAX: Final = 2_000
_UNPACKED_MAX: Final = 256 * 1024 * 1024
_PIECE: Final = 1024 * 1024
_OLE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_WORKBOOK: Final = "xl/workbook.xml"
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_REFERENCE: Final = re.compile(r"\$?([A-Z]{1,3})\$?([0-9]{1,7})", re.IGNORECASE)
_CELL_MAX: Final = 100_000
# Above the rows there may be empty ones, the headers, and their explanation.
_LINES_ABOVE: Final = 10


class FileFormat(StrEnum):
    """What a table is written in."""

    XLSX = "xlsx"
    CSV = "csv"


@dataclass(frozen=True, slots=True)
class Layout:
    """What a table is made of, and how large it may be.

    Attributes:
        columns: our name of each column with the headers under which people know it; the first one is ours.
        required: the columns that a table must have.
        result_headers: what our own reports add; read past without a word.
        explanation_mark: how the row below the headers begins that explains them.
        bytes_max: of the file.
        rows_max: that are not empty.
        columns_max: of a line.
    """

    columns: Mapping[str, tuple[str, ...]]
    required: tuple[str, ...]
    result_headers: tuple[str, ...]
    explanation_mark: str
    bytes_max: int
    rows_max: int
    columns_max: int


@dataclass(frozen=True, slots=True)
class Row:
    """A row that is not empty; `line` is its number in the sheet, `cells` are by our names of the columns."""

    line: int
    cells: dict[str, Cell]
    original: list[Cell]


@dataclass(frozen=True, slots=True)
class Table:
    """A table as it was read.

    Attributes:
        headers: as they are written, in their order.
        unknown: headers that mean nothing to us; their cells are not read.
        rows: what is not empty.
    """

    headers: list[str]
    unknown: list[str]
    rows: list[Row]


def header_key(header: str) -> str:
    """Return a header as it is looked up: without case, spaces at its ends and the mark of a required column."""
    return header.strip().rstrip("*").strip().lower()


def format_of(content: bytes, *, bytes_max: int) -> FileFormat:
    """Tell by its content what a file is, without reading all of it.

    Raises:
        TableTooLarge: more bytes than that.
        OldSpreadsheet: a container of before 2007, or encrypted.
        UnknownTableType: neither XLSX nor CSV.
        BrokenTable: a ZIP that unpacks to more than anybody has typed.
    """
    if len(content) > bytes_max:
        raise TableTooLarge(limit=bytes_max)
    if content.startswith(_OLE):
        raise OldSpreadsheet
    if content.startswith(b"PK\x03\x04"):
        _parts(content)
        return FileFormat.XLSX
    try:
        text = decoded(content)
    except UnreadableText as error:
        raise UnknownTableType from error
    if _CONTROL.search(text) or not text.strip():
        raise UnknownTableType
    return FileFormat.CSV


def read_table(content: bytes, kind: FileFormat, layout: Layout) -> Table:
    """Read a table.

    Raises:
        BrokenTable: it cannot be read, has no rows or too many, or lacks a column that we need.
    """
    lines = _xlsx_lines(content, layout) if kind is FileFormat.XLSX else _csv_lines(content, layout)
    return _table(lines, layout)


def _parts(content: bytes) -> list[zipfile.ZipInfo]:
    """Return the parts of a container that hold XML, having looked at their declared sizes."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as container:
            parts = container.infolist()
    except (zipfile.BadZipFile, ValueError, OSError, RuntimeError) as error:
        raise UnknownTableType from error
    if not any(part.filename == _WORKBOOK for part in parts):
        raise UnknownTableType
    if len(parts) > _PARTS_MAX or sum(part.file_size for part in parts) > _UNPACKED_MAX:
        raise BrokenTable(reason="unpacks_too_large")
    return [part for part in parts if part.filename.endswith((".xml", ".rels"))]


def _xlsx_lines(content: bytes, layout: Layout) -> list[list[Cell]]:
    """Read the first sheet that can be seen."""
    seen = _looked_through(content, layout)
    try:
        with CalamineWorkbook.from_object(io.BytesIO(seen)) as book:
            for index, sheet in enumerate(book.sheets_metadata):
                if sheet.typ == SheetTypeEnum.WorkSheet and sheet.visible == SheetVisibleEnum.Visible:
                    lines = book.get_sheet_by_index(index).to_python(skip_empty_area=False)
                    return [list(line) for line in lines]
    except (CalamineError, ValueError, OSError) as error:
        raise BrokenTable(reason="xlsx") from error
    raise BrokenTable(reason="no_sheet")


def _looked_through(content: bytes, layout: Layout) -> bytes:
    """Unpack a container within limits, look at all cells, and pack what was seen anew."""
    output = io.BytesIO()
    left = _UNPACKED_MAX
    written: set[str] = set()
    parts = _parts(content)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as container, zipfile.ZipFile(output, "w") as clean:
            for part in parts:
                # Two parts of one name are a trick: what one reader sees, the other does not.
                if part.filename in written:
                    raise BrokenTable(reason="xlsx")
                written.add(part.filename)
                with container.open(part) as packed, clean.open(part.filename, "w") as kept:
                    bounds = _Bounds(layout)
                    while piece := packed.read(_PIECE):
                        left -= len(piece)
                        if left < 0:
                            raise BrokenTable(reason="unpacks_too_large")
                        bounds.look_at(piece)
                        kept.write(piece)
                    bounds.finish()
    except (zipfile.BadZipFile, zlib.error, expat.ExpatError, EOFError, OSError, RuntimeError, ValueError) as error:
        raise BrokenTable(reason="xlsx") from error
    return output.getvalue()


class _Bounds:
    """Looks at the XML of a part as it passes, and refuses cells beyond what we read."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._parser = expat.ParserCreate()
        self._parser.StartElementHandler = self._start
        self._row = 0
        self._column = 0

    def look_at(self, piece: bytes) -> None:
        """Look at the next piece."""
        self._parser.Parse(piece, False)  # noqa: FBT003 - expat takes no keyword

    def finish(self) -> None:
        """Find out whether the part is complete."""
        self._parser.Parse(b"", True)  # noqa: FBT003 - expat takes no keyword

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        tag = name.rpartition(":")[2]
        if tag == "row":
            self._row = int(attributes["r"]) if attributes.get("r", "").isdecimal() else self._row + 1
            self._column = 0
        elif tag == "c":
            found = _REFERENCE.fullmatch(attributes.get("r", ""))
            if found is None:
                self._column += 1
            else:
                self._column, self._row = _column_number(found[1]), int(found[2])
        elif tag in {"v", "is", "f"}:
            # Cells that are only coloured do not count: whole columns are, down to the end of the sheet.
            if self._column > self._layout.columns_max:
                raise BrokenTable(reason="too_many_columns", limit=self._layout.columns_max)
            if self._row > self._layout.rows_max + _LINES_ABOVE:
                raise BrokenTable(reason="too_many_rows", limit=self._layout.rows_max)


def _column_number(letters: str) -> int:
    number = 0
    for letter in letters.upper():
        number = number * 26 + ord(letter) - ord("A") + 1
    return number


def _csv_lines(content: bytes, layout: Layout) -> list[list[Cell]]:
    """Read a CSV file; its delimiter is the one that its first line has most of."""
    try:
        text = decoded(content)
    except UnreadableText as error:
        raise BrokenTable(reason="encoding") from error
    first = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = max(",\t;", key=first.count)
    lines: list[list[Cell]] = []
    try:
        for line in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter):
            if len(line) > layout.columns_max:
                raise BrokenTable(reason="too_many_columns", limit=layout.columns_max)
            if len(lines) >= layout.rows_max + _LINES_ABOVE:
                raise BrokenTable(reason="too_many_rows", limit=layout.rows_max)
            lines.append([as_meant(cell) for cell in line])
    except csv.Error as error:
        raise BrokenTable(reason="csv") from error
    return lines


def _is_empty(line: Iterable[Cell]) -> bool:
    return all(isinstance(cell, str) and not cell.strip() for cell in line)


def _table(lines: Sequence[list[Cell]], layout: Layout) -> Table:
    """Find the headers and put the cells under them."""
    top = next((place for place, line in enumerate(lines) if not _is_empty(line)), None)
    if top is None:
        raise BrokenTable(reason="empty")
    headers = [str(cell).strip() for cell in lines[top]]
    while headers and not headers[-1]:
        headers.pop()
    columns, unknown = _columns(headers, layout)
    rows = []
    for place, line in enumerate(lines[top + 1 :], start=top + 1):
        original = [cell[:_CELL_MAX] if isinstance(cell, str) else cell for cell in line[: len(headers)]]
        if _is_empty(original) or (place == top + 1 and _explains(original, layout)):
            continue
        cells = {name: original[index] for name, index in columns.items() if index < len(original)}
        rows.append(Row(place + 1, cells, original))
    if not rows:
        raise BrokenTable(reason="empty")
    if len(rows) > layout.rows_max:
        raise BrokenTable(reason="too_many_rows", limit=layout.rows_max)
    return Table(headers, unknown, rows)


def _explains(line: Sequence[Cell], layout: Layout) -> bool:
    """Tell whether this is the row of the template that explains its columns."""
    return any(isinstance(cell, str) and cell.startswith(layout.explanation_mark) for cell in line[:1])


def _columns(headers: Sequence[str], layout: Layout) -> tuple[dict[str, int], list[str]]:
    """Find the columns by their headers, in any order."""
    known = {alias: name for name, aliases in layout.columns.items() for alias in aliases}
    found: dict[str, int] = {}
    unknown: list[str] = []
    for index, header in enumerate(headers):
        name = known.get(header_key(header))
        if name is not None and name in found:
            raise BrokenTable(reason="column_twice", column=header)
        if name is not None:
            found[name] = index
        elif header and header not in layout.result_headers:
            unknown.append(header[:60])
    missing = [layout.columns[name][0] for name in layout.required if name not in found]
    if missing:
        raise BrokenTable(reason="columns_missing", missing=missing)
    return found, unknown
