"""Tables as people send them and as we answer: read within limits, understood with patience, never calculated."""

from shared.tables.cells import as_harmless, as_meant
from shared.tables.encodings import UnreadableText, decoded
from shared.tables.meaning import Moment, as_key, as_moment, as_text
from shared.tables.problems import BrokenTable, OldSpreadsheet, TableTooLarge, UnknownTableType
from shared.tables.reading import Cell, FileFormat, Layout, Row, Table, format_of, header_key, read_table
from shared.tables.writing import WORKBOOK_OPTIONS, media_type, written_csv, written_table

__all__ = [
    "WORKBOOK_OPTIONS",
    "BrokenTable",
    "Cell",
    "FileFormat",
    "Layout",
    "Moment",
    "OldSpreadsheet",
    "Row",
    "Table",
    "TableTooLarge",
    "UnknownTableType",
    "UnreadableText",
    "as_harmless",
    "as_key",
    "as_meant",
    "as_moment",
    "as_text",
    "decoded",
    "format_of",
    "header_key",
    "media_type",
    "read_table",
    "written_csv",
    "written_table",
]
