"""What a cell says.

Forgiving where spreadsheets are careless (spaces, full-width digits, numbers as text), strict everywhere else.
"""

import re
import unicodedata
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final

from shared.clock import CHINA
from shared.tables.reading import Cell

__all__ = ["Moment", "as_key", "as_moment", "as_text"]

_EXACT: Final = 2**53
_DATE: Final = re.compile(
    r"(\d{4})(?:-(\d{1,2})-(\d{1,2})|/(\d{1,2})/(\d{1,2})|\.(\d{1,2})\.(\d{1,2})|年(\d{1,2})月(\d{1,2})日)"
    r"(?:(?:T|\s+|(?<=日))(\d{1,2})(?::(\d{2})(?::(\d{2})(?:\.0+)?)?|[时点](?:(\d{1,2})分)?))?",
    re.ASCII,
)
_SPACES: Final = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Moment:
    """A time as a cell says it; with only a date it is the day's beginning in China."""

    at: datetime
    is_day: bool


def as_text(cell: Cell) -> str:
    """Return a cell as text; a whole number has no point, as it is shown."""
    if isinstance(cell, str):
        # Spreadsheets keep line ends of other systems in this form.
        return cell.replace("_x000D_", "").replace("\r\n", "\n").strip()
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < _EXACT else repr(cell)
    if isinstance(cell, datetime):
        return cell.isoformat(" ", "seconds")
    return cell.isoformat() if isinstance(cell, date | time) else str(cell)


def as_key(text: str) -> str:
    """Return a text as names and codes are compared: full-width like half-width, one space for many, without case."""
    return _SPACES.sub(" ", unicodedata.normalize("NFKC", text)).strip().casefold()


def as_moment(cell: Cell) -> Moment | None:
    """Read a time: a date cell, or text like 2025-03-01, 2025/3/1 9:30 or 2025年3月1日; None for anything else.

    A bare number is refused: whether it is a day that has lost its format or something else, nobody can tell.
    """
    if isinstance(cell, datetime):
        # A spreadsheet counts days in a float: half a second makes up for what gets lost.
        whole = (cell + timedelta(milliseconds=500)).replace(microsecond=0, tzinfo=CHINA)
        return Moment(whole, is_day=False)
    if isinstance(cell, date):
        return Moment(datetime.combine(cell, time(), CHINA), is_day=True)
    if not isinstance(cell, str):
        return None
    found = _DATE.fullmatch(unicodedata.normalize("NFKC", cell).strip())
    if found is None:
        return None
    year, *rest = found.groups()
    month, day = (int(part) for part in rest[:8] if part is not None)
    hour, minute, second, minute_in_words = rest[8:]
    try:
        at = datetime(
            int(year), month, day, int(hour or 0), int(minute or minute_in_words or 0), int(second or 0), tzinfo=CHINA
        )
    except ValueError:
        return None
    return Moment(at, is_day=hour is None)
