"""Cells that look like formulas. What we write into CSV is opened by spreadsheets, which would calculate them.

An apostrophe in front makes a cell plain text there (OWASP, CSV injection). It is undone when the file comes back, and
a cell that had one of its own gets a second, so that writing and reading again changes nothing.
"""

import re
from typing import Final

__all__ = ["as_harmless", "as_meant"]

# The full-width signs count as well: spreadsheets of East Asia take them for the plain ones.
_SIGNS: Final = "=+\\-@＝＋－＠\t\r"
_HARMFUL: Final = re.compile(f"'*[{_SIGNS}]")
_ESCAPED: Final = re.compile(f"'+[{_SIGNS}]")


def as_harmless(text: str) -> str:
    """Return a cell's text so that no spreadsheet calculates it."""
    return f"'{text}" if _HARMFUL.match(text) else text


def as_meant(text: str) -> str:
    """Take away what `as_harmless` has put in front."""
    return text[1:] if _ESCAPED.match(text) else text
