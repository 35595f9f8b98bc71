"""When a delivery is tried again, when an endpoint is given up, and refusals. Pure.

The times are those of the Standard Webhooks specification. Every wait is its own plus or minus a fifth, so that what
failed together does not come back together. Attempts steer towards the plan: the last one is never earlier than the
sum of all waits, 75 hours and 35 minutes, so a receiver that is away for three days misses nothing.
"""

from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Final

from shared.problems import WrongState
from shared.texts import Text

__all__ = [
    "ATTEMPTS_MAX",
    "LEASE",
    "WAITS",
    "AttemptError",
    "DeliveryState",
    "DropReason",
    "StillDue",
    "failing_since",
    "has_failed_too_long",
    "next_attempt",
    "read_retry_after",
]

# Longer than any attempt may take, with the recording of it: whoever has not recorded by then is taken for dead.
LEASE: Final = timedelta(seconds=60)

WAITS: Final = (
    timedelta(0),
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
ATTEMPTS_MAX: Final = len(WAITS)
_JITTER: Final = 0.2
_RETRY_AFTER_MAX: Final = timedelta(hours=24)

_GIVEN_UP_AFTER: Final = timedelta(days=5)
# Longer than the longest wait: failures that are further apart than this are two, and not one that lasted.
_FAILURE_LASTS: Final = timedelta(hours=36)


class DeliveryState(StrEnum):
    """Where a delivery is: on its way, taken with 2xx, given up after the last attempt, or not tried any more."""

    DUE = "due"
    DELIVERED = "delivered"
    FAILED = "failed"
    DROPPED = "dropped"


class DropReason(StrEnum):
    """Why a delivery is not tried any more: its endpoint was disabled, or its partner suspended."""

    DISABLED = "disabled"
    SUSPENDED = "suspended"


class AttemptError(StrEnum):
    """Why there was no answer."""

    NAME_UNKNOWN = "name_unknown"
    ADDRESS_REFUSED = "address_refused"
    CONNECT = "connect"
    TLS = "tls"
    TIMEOUT = "timeout"
    BROKEN = "broken"
    LOST = "lost"


class StillDue(WrongState):
    """A delivery that is on its way need not be sent again by hand."""

    code = "webhook_delivery_due"
    title = Text(zh="该消息仍在自动投递中", en="The delivery is still being tried")


def next_attempt(tries: int, began_at: datetime, now: datetime, chance: float) -> datetime | None:
    """Return when to try again; None when that was the last attempt.

    Args:
        tries: how many attempts there were, from one.
        began_at: when the first one was due.
        now: when the last one failed.
        chance: from 0 to 1.
    """
    if tries >= ATTEMPTS_MAX:
        return None
    wait = WAITS[tries]
    # The last one may be late, never early.
    spread = chance if tries == ATTEMPTS_MAX - 1 else 2 * chance - 1
    planned = began_at + sum(WAITS[: tries + 1], timedelta(0)) + spread * _JITTER * wait
    return min(max(planned, now + (1 - _JITTER) * wait), now + (1 + _JITTER) * wait)


def read_retry_after(value: str | None, now: datetime) -> timedelta | None:
    """Read a Retry-After header (RFC 9110 §10.2.3), at most a day; None when there is none or it cannot be read.

    Args:
        value: seconds or an HTTP date.
        now: the machine's present, which is what the other side's date is about.
    """
    if value is None:
        return None
    if value.isascii() and value.isdigit():
        return min(timedelta(seconds=int(value[:9])), _RETRY_AFTER_MAX)
    try:
        until = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    if until.tzinfo is None:
        return None
    return min(max(until - now, timedelta(0)), _RETRY_AFTER_MAX)


def failing_since(since: datetime | None, last_failed_at: datetime | None, now: datetime) -> datetime:
    """Return since when an endpoint has been failing, now that it has failed again.

    Args:
        since: as known so far; None after a success.
        last_failed_at: when it failed before.
        now: of this failure.
    """
    if since is None or last_failed_at is None or now - last_failed_at > _FAILURE_LASTS:
        return now
    return since


def has_failed_too_long(since: datetime, now: datetime) -> bool:
    """Tell whether an endpoint is given up: nothing but failures for five days."""
    return now - since >= _GIVEN_UP_AFTER
