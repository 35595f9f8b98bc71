"""What can be wrong with a plan."""

from shared.problems import Invalid
from shared.texts import Text

__all__ = ["BadPeriod", "TargetElsewhere", "TargetsOverlap", "TooManyRounds"]


class BadPeriod(Invalid):
    """The last day is not before the first, and a plan lasts three years at the most."""

    code = "bad_period"
    title = Text(zh="计划期限有误：末日不早于首日，最长三年", en="A plan ends after it begins, within three years")


class TooManyRounds(Invalid):
    """The period has too many rounds; `most` says how many there may be."""

    code = "too_many_rounds"
    title = Text(zh="轮次过多，请缩短期限", en="Too many rounds: shorten the period")


class TargetElsewhere(Invalid):
    """A target lies at or below the plan's area."""

    code = "target_elsewhere"
    title = Text(zh="走访范围不在计划区域内", en="A target lies outside of the plan's area")


class TargetsOverlap(Invalid):
    """A target lies within another one: its households would be counted twice."""

    code = "targets_overlap"
    title = Text(zh="走访范围相互重叠", en="A target lies within another one")
