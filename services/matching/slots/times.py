"""Time windows in a week, read from Chinese words. Pure.

A week is 336 half hours, Monday 00:00 first, in local time; a set of them is an integer with one bit for each. Whoever
names no time means any. A point of time stands for the hour that begins there.
"""

import re
from collections.abc import Iterable
from typing import Final

from services.matching.slots.numerals import number

__all__ = ["ALWAYS", "DAY_NAMES", "HALF_HOURS", "read_times", "spans", "windows"]

_PER_DAY: Final = 48
HALF_HOURS: Final = 7 * _PER_DAY
ALWAYS: Final = (1 << HALF_HOURS) - 1
DAY_NAMES: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

_DAY: Final = {"一": 0, "二": 1, "三": 2, "四": 3, "五": 4, "六": 5, "日": 6, "天": 6}
_WEEK: Final = r"(?:周|星期|礼拜)"
_RANGE: Final = re.compile(rf"{_WEEK}([一二三四五六])(?:至|到|—|-|~){_WEEK}?([二三四五六日天])")
_LIST: Final = re.compile(rf"{_WEEK}([一二三四五六日天]{{1,7}})(?!次|回|趟|期)")
_WORKDAYS: Final = re.compile(r"工作日|平日")
_WEEKEND: Final = re.compile(r"周末|双休日|休息日")
_ALL_DAY: Final = re.compile(r"24小时|全天候|昼夜|随叫随到")

# Hours from and until; what lies after midnight belongs to the same day's evening.
_PARTS: Final = (
    (re.compile(r"清晨|早晨|早上|早起|一早"), 6, 9),
    (re.compile(r"上午"), 8, 12),
    (re.compile(r"中午|午间"), 11, 14),
    (re.compile(r"下午"), 13, 18),
    (re.compile(r"傍晚"), 17, 20),
    (re.compile(r"晚上|晚间|每晚"), 18, 22),
    (re.compile(r"夜里|夜间|深夜"), 20, 24),
    (re.compile(r"半夜|凌晨"), 22, 30),
    (re.compile(r"白天|日间"), 8, 18),
)
_CLOCK: Final = r"([01]?\d|2[0-4])[:：]([0-5]\d)"
_INTERVAL: Final = re.compile(rf"{_CLOCK}\s*(?:—|-|–|~|至|到)\s*{_CLOCK}")
_POINT: Final = re.compile(
    rf"{_CLOCK}|(\d{{1,2}}|十[一二]?|[一二两三四五六七八九])点(半)?(?!儿|心|上|评|单|赞|名|都不|也不)"
)
_ROUGHLY: Final = re.compile(r"([一二三四五六七八九])([二三四五六七八九十])点")
_SPOKEN: Final = re.compile(r"点(?:东西|心|菜|吃|活|零|零钱|大|小|葱)")
# In these clauses somebody says when they cannot, if they say elsewhere when they can.
_BUSY: Final = re.compile(r"上班|看店|没空|没时间|走不开")
_CLAUSES: Final = re.compile(r"[，,。；;！!？?]")
_NOON: Final = 12
_MIDNIGHT: Final = 23
_MORNING: Final = re.compile(r"早|上午|凌晨")
_LATE: Final = re.compile(r"下午|晚|傍晚|夜")
# Without a word before it, four o'clock is after school and seven o'clock is breakfast.
_AFTERNOON_UNTIL: Final = 6


def _span(day: int, start: int, end: int) -> int:
    """Return the bits from `start` until `end`, in half hours of a day; the end may lie in the next one."""
    first = day * _PER_DAY + start
    bits = ((1 << (end - start)) - 1) << first
    return (bits & ALWAYS) | (bits >> HALF_HOURS)


def windows(days: Iterable[int], hours: Iterable[tuple[int, int]]) -> int:
    """Return the set of half hours in which one of the days meets one of the spans (in half hours of a day)."""
    found = 0
    spans_of_a_day = tuple(hours)
    for day in days:
        for start, end in spans_of_a_day:
            found |= _span(day, start, end)
    return found


def _days(text: str) -> set[int]:
    found: set[int] = set()
    for first, last in _RANGE.findall(text):
        found.update(range(_DAY[first], _DAY[last] + 1))
    for names in _LIST.findall(text):
        found.update(_DAY[name] for name in names)
    if _WORKDAYS.search(text):
        found.update(range(5))
    if _WEEKEND.search(text):
        found.update((5, 6))
    return found


def _half(hour: int, minute: int) -> int:
    return min(hour * 2 + minute // 30, _PER_DAY)


def _intervals(text: str) -> list[tuple[int, int]]:
    found = []
    for from_hour, from_minute, to_hour, to_minute in _INTERVAL.findall(text):
        start, end = _half(int(from_hour), int(from_minute)), _half(int(to_hour), int(to_minute))
        found.append((start, end if end > start else end + _PER_DAY))
    return found


def _of_the_day(hour: int, before: str) -> int:
    """Say which half of the day a spoken hour belongs to."""
    if hour >= _NOON or _MORNING.search(before):
        return hour
    return hour + _NOON if _LATE.search(before) or hour <= _AFTERNOON_UNTIL else hour


def _points(text: str) -> list[tuple[int, int]]:
    found = []
    for match in _ROUGHLY.finditer(text):
        first = number(match[1])
        if first is not None:
            start = _of_the_day(first, text[max(0, match.start() - 4) : match.start()]) * 2
            found.append((start, start + 4))
    for match in _POINT.finditer(_ROUGHLY.sub("", text)):
        spoken = match[3]
        hour = int(match[1]) if match[1] else number(spoken)
        if hour is None or hour > _MIDNIGHT:
            continue
        before = match.string[max(0, match.start() - 4) : match.start()]
        minute = int(match[2]) if match[2] else 30 * bool(match[4])
        start = _half(_of_the_day(hour, before), minute)
        found.append((start, start + 2))
    return found


def _hours(text: str) -> list[tuple[int, int]]:
    if _ALL_DAY.search(text):
        return [(0, _PER_DAY)]
    exact = _intervals(text)
    if exact:
        return exact
    points = _points(_SPOKEN.sub("", text))
    if points:
        return points
    return [(start * 2, end * 2) for words, start, end in _PARTS if words.search(text)]


def _read(text: str) -> int | None:
    days, hours = _days(text), _hours(text)
    if not days and not hours:
        return None
    return windows(sorted(days) or range(7), hours or [(0, _PER_DAY)])


def read_times(text: str) -> int | None:
    """Return the half hours that a text names, or None when it names no time.

    Clauses about being busy are left out, unless they are the only ones with a time.
    """
    clauses = _CLAUSES.split(text)
    free = "，".join(clause for clause in clauses if not _BUSY.search(clause))
    found = _read(free)
    return found if found is not None else _read(text)


def spans(bits: int) -> list[tuple[str, str, str]]:
    """Return the windows of a set as (day, from, until), for people to read."""
    found = []
    for day, name in enumerate(DAY_NAMES):
        of_day = (bits >> (day * _PER_DAY)) & ((1 << _PER_DAY) - 1)
        start = None
        for place in range(_PER_DAY + 1):
            is_in = place < _PER_DAY and bool(of_day >> place & 1)
            if is_in and start is None:
                start = place
            elif not is_in and start is not None:
                found.append((name, _clock(start), _clock(place)))
                start = None
    return found


def _clock(half_hours: int) -> str:
    return f"{half_hours // 2:02d}:{half_hours % 2 * 30:02d}"
