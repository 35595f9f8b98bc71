"""What can be wrong with a merge."""

from shared.problems import Conflict, Invalid
from shared.texts import Text

__all__ = ["IntoItself", "TargetNotOpen", "UnknownTarget"]


class UnknownTarget(Invalid):
    """The caller sees no case of this id, or is no staff of its area."""

    code = "unknown_case"
    title = Text(zh="没有这个诉求", en="No such case")


class IntoItself(Invalid):
    """A case is not merged into itself."""

    code = "into_itself"
    title = Text(zh="不能与自身合并", en="A case is not merged into itself")


class TargetNotOpen(Conflict):
    """What is closed takes nobody in."""

    code = "target_not_open"
    title = Text(zh="目标诉求已办结", en="The other case is closed")
