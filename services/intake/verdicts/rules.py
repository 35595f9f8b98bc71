"""What the verdicts on one solution come to, pure."""

from dataclasses import dataclass

from shared.problems import Invalid
from shared.texts import Text

__all__ = ["CommentRequired", "UnknownAnswer", "Votes", "is_confirmed", "is_objected"]


class UnknownAnswer(Invalid):
    """The tenant's rules do not know this answer."""

    code = "unknown_answer"
    title = Text(zh="没有这个评价选项", en="No such answer")


class CommentRequired(Invalid):
    """The answer takes a word on why."""

    code = "comment_required"
    title = Text(zh="请说明原因", en="Please say why")


@dataclass(frozen=True, slots=True)
class Votes:
    """What those who joined say of one solution.

    Attributes:
        joiners: how many have joined.
        solved: how many say that it is solved.
        unsolved: how many say that it is not.
    """

    joiners: int
    solved: int
    unsolved: int


def is_confirmed(votes: Votes, wanted: int) -> bool:
    """Tell whether enough neighbours confirm: k of n, all of them if there are fewer than k; k = 0 asks nobody."""
    return votes.solved >= min(wanted, votes.joiners)


def is_objected(votes: Votes, wanted: int) -> bool:
    """Tell whether so many say that it is not solved that it is opened again."""
    return wanted > 0 and votes.joiners > 0 and votes.unsolved >= min(wanted, votes.joiners)
