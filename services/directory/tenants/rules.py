"""Time zones, and what day it is in one."""

from datetime import date, datetime
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

__all__ = ["check_time_zone", "day_in"]


@cache
def _known() -> frozenset[str]:
    return frozenset(available_timezones())


def check_time_zone(name: str) -> str:
    """Return the name of an IANA time zone; ValueError for any other text."""
    if name not in _known():
        message = "not an IANA time zone, like Asia/Shanghai"
        raise ValueError(message)
    return name


def day_in(time_zone: str, now: datetime) -> date:
    """Return the date on the wall at an instant."""
    return now.astimezone(ZoneInfo(time_zone)).date()
