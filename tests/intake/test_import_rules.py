"""Reading and writing tables are each other's opposite, and times are read in one way only."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.intake.imports.rules import BYTES_MAX, COLUMNS, LAYOUT
from services.intake.imports.writing import EXPLANATIONS, HEADERS
from shared.clock import CHINA
from shared.tables import BrokenTable, Cell, FileFormat, as_moment, as_text, format_of, read_table, written_table

# What a spreadsheet can hold: no control characters, no halves of characters.
WORDS = st.text(
    st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\ufffe\uffff\ufeff"), min_size=1, max_size=40
)
SHOWN = WORDS.filter(lambda text: text.strip() == text and "_x" not in text)
DATES = st.dates(date(2000, 1, 1), date(2099, 12, 31))
TIMES = st.datetimes(datetime.fromisoformat("2000-01-01"), datetime.fromisoformat("2099-12-31")).map(
    # A spreadsheet does not tell midnight from the day itself.
    lambda at: at.replace(microsecond=0, second=at.second or 1)
)
CELLS = st.one_of(st.just(""), SHOWN, DATES, TIMES, st.integers(-(10**12), 10**12))
ROWS = st.lists(st.lists(CELLS, min_size=len(HEADERS), max_size=len(HEADERS)), min_size=1, max_size=5)


def same(cell: Any) -> tuple[str, Any]:
    return as_text(cell), as_moment(cell) if not isinstance(cell, str) else None


@settings(max_examples=60)
@given(rows=ROWS, kind=st.sampled_from(FileFormat))
def test_what_is_written_is_read_back(rows: list[list[Any]], kind: FileFormat) -> None:
    kept = [row for row in rows if any(cell != "" for cell in row)]
    content = written_table(kind, HEADERS, [EXPLANATIONS, *rows], sheet="x")
    assert format_of(content, bytes_max=BYTES_MAX) is kind
    if not kept:
        with pytest.raises(BrokenTable):
            read_table(content, kind, LAYOUT)
        return
    table = read_table(content, kind, LAYOUT)
    assert table.unknown == []
    read = [[as_text(row.cells.get(name, "")) for name in COLUMNS] for row in table.rows]
    assert read == [[as_text(cell) for cell in row] for row in kept]
    lines = [place for place, row in enumerate(rows, start=3) if any(cell != "" for cell in row)]
    assert [row.line for row in table.rows] == lines


@given(at=TIMES)
def test_a_time_is_the_same_however_it_is_written(at: datetime) -> None:
    written: list[Cell] = [
        at,
        f"{at:%Y-%m-%d %H:%M:%S}",
        f"{at:%Y/%m/%d %H:%M:%S}",
        f"{at:%Y}年{at.month}月{at.day}日 {at:%H:%M:%S}",
    ]
    assert {moment.at for cell in written if (moment := as_moment(cell))} == {at.replace(tzinfo=CHINA)}
    assert all(as_moment(cell) for cell in written)


@given(DATES)
def test_a_day_begins_in_china(day: date) -> None:
    for cell in (day, f"{day:%Y-%m-%d}", f"{day.year}/{day.month}/{day.day}", f"{day.year}年{day.month}月{day.day}日"):
        moment = as_moment(cell)
        assert moment is not None
        assert moment.is_day
        assert moment.at.utcoffset() == timedelta(hours=8)
        assert moment.at.date() == day


@given(st.one_of(st.integers(), st.floats(allow_nan=False), st.booleans(), st.text(max_size=12)))
def test_anything_else_is_no_time_and_no_accident(cell: Any) -> None:
    moment = as_moment(cell)
    assert moment is None or isinstance(cell, str)
    assert isinstance(as_text(cell), str)
