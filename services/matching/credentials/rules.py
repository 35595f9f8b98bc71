"""When a credential is told to run out, and how its number is shown."""

from datetime import date
from typing import Final

from shared.problems import Conflict, Invalid
from shared.texts import Text

__all__ = ["TOLD_AT_DAYS", "AlreadyWithdrawn", "CredentialKnown", "EndsBeforeItBegins", "due_notice", "masked"]

# A month to renew it, a week to hurry, and the day itself.
TOLD_AT_DAYS: Final = (30, 7, 0)
_TAIL: Final = 4


class CredentialKnown(Conflict):
    """The partner has one with this number already."""

    code = "credential_known"
    title = Text(zh="该证件已登记", en="This credential is registered already")


class AlreadyWithdrawn(Conflict):
    """A credential is withdrawn once."""

    code = "already_withdrawn"
    title = Text(zh="该证件已撤下", en="It is withdrawn already")


class EndsBeforeItBegins(Invalid):
    """It would run out before it begins."""

    code = "ends_before_it_begins"
    title = Text(zh="有效期的结束早于开始", en="It would run out before it begins")


def masked(number: str) -> str:
    """Return a number with all but its last four characters hidden; of a short one nothing is shown."""
    shown = number[-_TAIL:] if len(number) > 2 * _TAIL else ""
    return "*" * _TAIL + shown


def due_notice(valid_until: date, told_days: int | None, today: date) -> int | None:
    """Return which notice of a credential is due: its days before the end, or None.

    Args:
        valid_until: its last day.
        told_days: the last notice that was given.
        today: the date on the walls.
    """
    left = (valid_until - today).days
    reached = [days for days in TOLD_AT_DAYS if left <= days]
    if not reached or (told_days is not None and told_days <= reached[-1]):
        return None
    return reached[-1]
