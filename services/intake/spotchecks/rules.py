"""What can be wrong with a spot check, and how many are drawn."""

from shared.problems import Conflict, Invalid
from shared.texts import Text

__all__ = ["AlreadyChecked", "NothingToCheck", "PeriodBackwards", "sample_size"]

_WHOLE = 100


class NothingToCheck(Invalid):
    """No case was closed there in that time."""

    code = "nothing_to_check"
    title = Text(zh="该范围内没有可抽查的办结诉求", en="No closed case there in that time")


class PeriodBackwards(Invalid):
    """A period begins before it ends."""

    code = "period_backwards"
    title = Text(zh="起止时间颠倒", en="The period ends before it begins")


class AlreadyChecked(Conflict):
    """A case of a sample is looked at once."""

    code = "already_checked"
    title = Text(zh="该诉求已抽查", en="It has been looked at already")


def sample_size(cases: int, percent: int) -> int:
    """Return how many are drawn: the share, rounded up, so that a small area is looked at as well."""
    return -(-cases * percent // _WHOLE)
