"""What a key looks like and how fast it may be used, and how much of a category's cases strangers see."""

import hashlib
import secrets
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from shared.problems import Conflict
from shared.texts import Text

__all__ = ["PER_MINUTE_MAX", "KeyRevoked", "Visibility", "admit", "key_hash", "new_key"]

PER_MINUTE_MAX: Final = 600
_PREFIX: Final = "o311_"
_WINDOW: Final = timedelta(minutes=1)


class Visibility(StrEnum):
    """How much of a category's cases is shown to anybody."""

    # Nothing: the default.
    HIDDEN = "hidden"
    # Category, state, dates, unit, the area's name and the place to within some hundred metres; no word of a person's.
    FACTS = "facts"
    # Also title and exact place, and only of cases that another app has filed.
    WORDS = "words"


class KeyRevoked(Conflict):
    """A key is revoked once."""

    code = "key_revoked"
    title = Text(zh="该密钥已吊销", en="The key is revoked already")


def new_key() -> str:
    """Make a key of 256 random bits."""
    return _PREFIX + secrets.token_urlsafe(32)


def key_hash(key: str) -> bytes:
    """Return what is kept of a key. It is random and long, so a plain hash cannot be guessed back."""
    return hashlib.sha256(key.encode()).digest()


def admit(spent_until: datetime, now: datetime, per_minute: int) -> tuple[datetime, float]:
    """Spend one filing of a key's budget (the generic cell rate algorithm, with a minute's budget as the burst).

    Args:
        spent_until: when the budget would be full again.
        now: the present.
        per_minute: how many filings a minute.

    Returns:
        The new `spent_until`, and 0; or the old one, and how many seconds to wait.
    """
    interval = _WINDOW / per_minute
    following = max(spent_until, now) + interval
    wait = following - now - _WINDOW
    if wait > timedelta(0):
        return spent_until, wait.total_seconds()
    return following, 0.0
