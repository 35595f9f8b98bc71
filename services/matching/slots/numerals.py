"""Numbers as people write them in Chinese: 3, 十二, 两, 八十. Pure."""

import re
from typing import Final

__all__ = ["NUMBER", "number"]

_DIGITS: Final = {"零": 0, "一": 1, "二": 2, "两": 2, "三": 3, "四": 4, "五": 5, "六": 6, "七": 7, "八": 8, "九": 9}
_UNITS: Final = {"十": 10, "百": 100, "千": 1000}
NUMBER: Final = r"(?:\d{1,7}|[零一二两三四五六七八九十百千]{1,7})"
_PLAIN: Final = re.compile(r"\d{1,7}")


def number(text: str) -> int | None:
    """Read a whole number below ten million; None for what is none."""
    if _PLAIN.fullmatch(text):
        return int(text)
    total, digit = 0, 0
    for sign in text:
        if sign in _DIGITS:
            digit = _DIGITS[sign]
        elif sign in _UNITS:
            total += max(digit, 1) * _UNITS[sign]
            digit = 0
        else:
            return None
    return total + digit if text else None
