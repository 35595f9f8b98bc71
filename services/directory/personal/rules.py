"""Telephone numbers: one stored form for each, and what of it is shown."""

import re
from typing import Final

__all__ = ["mask_phone", "normalise_contact", "normalise_phone"]

_SEPARATORS: Final = re.compile(r"[\s\-().]+")
_CHINESE_PREFIX: Final = re.compile(r"(?:\+|00)86(?=1[3-9][0-9]{9}$)")
_CHINESE_MOBILE: Final = re.compile(r"1[3-9][0-9]{9}")
# ITU-T E.164: at most 15 digits after the plus sign.
_INTERNATIONAL: Final = re.compile(r"\+[1-9][0-9]{7,14}")
# Landlines with their area code, 400/800 numbers and short hotlines.
_LANDLINE: Final = re.compile(r"0[1-9][0-9]{8,10}|[48]00[0-9]{7}|[1-9][0-9]{2,7}")
_HEAD, _TAIL = 3, 4
_SHORT: Final = 8


def _compact(text: str) -> str:
    return _CHINESE_PREFIX.sub("", _SEPARATORS.sub("", text))


def normalise_phone(text: str) -> str:
    """Return the stored form of a person's number: 11 digits of a Chinese mobile, or `+` and an E.164 number.

    Raises:
        ValueError: it is neither.
    """
    compact = _compact(text)
    if _CHINESE_MOBILE.fullmatch(compact) or (_INTERNATIONAL.fullmatch(compact) and not compact.startswith("+86")):
        return compact
    message = "not a mobile number"
    raise ValueError(message)


def normalise_contact(text: str) -> str:
    """Return the stored form of an organisation's number, which may also be a landline or a hotline.

    Raises:
        ValueError: it is no telephone number.
    """
    compact = _compact(text)
    if _LANDLINE.fullmatch(compact):
        return compact
    return normalise_phone(text)


def mask_phone(phone: str) -> str:
    """Show the first three and the last four characters, `138****8000`; of a short number only the last two."""
    if len(phone) <= _SHORT:
        return "*" * max(0, len(phone) - 2) + phone[-2:]
    return phone[:_HEAD] + "*" * (len(phone) - _HEAD - _TAIL) + phone[-_TAIL:]
