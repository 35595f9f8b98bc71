"""The only place that asks what time it is, so that nothing depends on the machine's local zone.

On one's own machine the clock can be moved forward: `linli clock forward 40d` writes the seconds into the file that
LINLI_CLOCK_FILE names, and every process of the house sees it at once. Without LINLI_EMBEDDED nobody looks at a file.
Deadlines, leases and periods live by `utc_now`; tokens, retries and whatever is compared with PostgreSQL's own clock
live by `machine_now`.
"""

import os
from datetime import UTC, date, datetime, timedelta, timezone
from functools import lru_cache
from pathlib import Path
from typing import Final

__all__ = ["CHINA", "machine_now", "today", "utc_now"]

# All of China lives by one time, and has had no summer time since 1991.
CHINA: Final = timezone(timedelta(hours=8), "CST")
_YES: Final = frozenset({"1", "true", "yes"})


def machine_now() -> datetime:
    """Return the machine's instant, aware and in UTC, which no command moves."""
    return datetime.now(UTC)


def utc_now() -> datetime:
    """Return the current instant, aware and in UTC."""
    moved = _moved_clock()
    return datetime.now(UTC) if moved is None else datetime.now(UTC) + moved.offset()


def today() -> date:
    """Return the date on the walls of China, by which books are kept."""
    return utc_now().astimezone(CHINA).date()


class _MovedClock:
    """How far the clock has been moved; the file is read again when it is another one."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen = (0, 0)
        self._offset = timedelta(0)

    def offset(self) -> timedelta:
        """Return by how much; nothing while the file is not there or unreadable."""
        try:
            found = self._path.stat()
            seen = (found.st_ino, found.st_mtime_ns)
            if seen != self._seen:
                self._offset = timedelta(seconds=int(self._path.read_text(encoding="ascii")))
                self._seen = seen
        except (OSError, ValueError, OverflowError):
            self._offset = timedelta(0)
        return self._offset


@lru_cache(maxsize=1)
def _moved_clock() -> _MovedClock | None:
    path = os.environ.get("LINLI_CLOCK_FILE")
    if not path or os.environ.get("LINLI_EMBEDDED", "").lower() not in _YES:
        return None
    return _MovedClock(Path(path))
