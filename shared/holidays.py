"""Public holidays of China, and the working days that make up for them (调休).

The State Council announces both each autumn for the year after; the package chinesecalendar carries its notices. Before
a notice is out the law alone tells what is free: the regulation on public holidays (全国年节及纪念日放假办法, as in
force since 2025) names thirteen days a year, some of them by the lunar calendar. Which weekends are worked for them,
and which working days are given for a holiday on a weekend, only the notice says.
"""

from datetime import date
from typing import Final

from chinese_calendar.constants import Holiday, holidays, workdays

__all__ = ["announced_through", "holiday_name", "makeup_name", "missing_notice"]

_CHINESE: Final[dict[str, str]] = {item.value: item.chinese for item in Holiday}
# The ones that the solar calendar fixes.
_FIXED: Final = {
    (1, 1): "元旦",
    (5, 1): "劳动节",
    (5, 2): "劳动节",
    (10, 1): "国庆节",
    (10, 2): "国庆节",
    (10, 3): "国庆节",
}
# The ones that the lunar calendar and the solar terms fix, worked out for the years to come: New Year's Eve and the
# first three days of the first month, Qingming, the fifth of the fifth month, the fifteenth of the eighth.
_DATED: Final = {
    date(2027, 2, 5): "春节",
    date(2027, 2, 6): "春节",
    date(2027, 2, 7): "春节",
    date(2027, 2, 8): "春节",
    date(2027, 4, 5): "清明",
    date(2027, 6, 9): "端午",
    date(2027, 9, 15): "中秋",
}
_DECEMBER: Final = 12


def announced_through() -> int:
    """Return the last year for which the State Council's notice is known."""
    years: set[int] = {day.year for day in holidays}
    return max(years)


def missing_notice(today: date) -> int | None:
    """Return the year whose notice should be known by now and is not: from December on, the next one."""
    expected = today.year + 1 if today.month == _DECEMBER else today.year
    return expected if expected > announced_through() else None


def holiday_name(day: date) -> str | None:
    """Return the Chinese name of the public holiday on a day: by a notice, or where none is out yet by law."""
    if day in holidays:
        return _CHINESE.get(holidays[day], str(holidays[day]))
    if day.year <= announced_through():
        return None
    return _DATED.get(day) or _FIXED.get((day.month, day.day))


def makeup_name(day: date) -> str | None:
    """Return the Chinese name of the holiday for which a day of a weekend is worked; only a notice says so."""
    return _CHINESE.get(workdays[day], str(workdays[day])) if day in workdays else None
