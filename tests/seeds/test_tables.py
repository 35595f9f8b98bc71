"""Tables are written as the importer of the house reads them."""

from datetime import date

from seeds.stories.tables import TableRow, written
from services.intake.imports.rules import LAYOUT
from shared.tables.reading import FileFormat, read_table

CLOSED = TableRow(
    "R-1", "parking", "乱停", "堵住了“出口”,\n请管", "某网格", date(2026, 3, 1), "已评价", "大事", date(2026, 3, 4), "居委会", "满意"
)  # fmt: skip


def test_every_column_is_one_that_the_importer_knows_and_reads_back_as_it_was() -> None:
    open_one = TableRow("D-1", "neighbours", "漏水", "漏水", "某网格", date(2026, 3, 2), "办理中", "大事")
    table = read_table(written([CLOSED, open_one]), FileFormat.CSV, LAYOUT)
    assert not table.unknown
    first, second = table.rows
    assert first.cells == {
        "external_ref": "R-1",
        "category": "parking",
        "title": "乱停",
        "description": "堵住了“出口”,\n请管",
        "area": "某网格",
        "filed_at": "2026-03-01",
        "state": "已评价",
        "level": "大事",
        "closed_at": "2026-03-04",
        "unit": "居委会",
        "outcome": "满意",
    }
    assert (second.cells["closed_at"], second.cells["outcome"]) == ("", "")
