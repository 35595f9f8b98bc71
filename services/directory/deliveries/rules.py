"""States of a delivery, when it is tried again, and refusals. Pure."""

from datetime import timedelta
from enum import StrEnum
from typing import Final

from shared.problems import WrongState
from shared.texts import Text

__all__ = ["LEASE", "TRIES_MAX", "Channel", "DropReason", "NotFailed", "State", "retry_after"]

# Longer than any send may take, with the recording of it: whoever has not recorded by then is taken for dead.
LEASE: Final = timedelta(seconds=60)
_DELAYS: Final = (
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=12),
)
TRIES_MAX: Final = len(_DELAYS) + 1
_JITTER: Final = 0.2


class Channel(StrEnum):
    """By what a delivery goes out."""

    PUSH = "push"
    SMS = "sms"


class State(StrEnum):
    """Where a delivery is: on its way, taken by the provider, given up after trying, or never tried."""

    DUE = "due"
    SENT = "sent"
    FAILED = "failed"
    DROPPED = "dropped"


class DropReason(StrEnum):
    """Why a delivery was never tried, or not again."""

    CAP = "cap"
    UNREACHABLE = "unreachable"
    ERASED = "erased"


class NotFailed(WrongState):
    """Only what has failed is tried again by hand."""

    code = "delivery_not_failed"
    title = Text(zh="只有发送失败的消息可以重试", en="Only a failed delivery can be tried again")


def retry_after(tries: int, chance: float) -> timedelta | None:
    """Return how long to wait after a number of tries; None when it was the last.

    Args:
        tries: how many there were, from one.
        chance: from 0 to 1; spreads what failed together over another fifth of the delay.
    """
    if tries >= TRIES_MAX:
        return None
    return _DELAYS[tries - 1] * (1 + _JITTER * chance)
