"""What can be wrong with an anonymous case."""

from shared.problems import Conflict, Invalid
from shared.texts import Text

__all__ = ["NotAnonymous", "WeakToken"]


class WeakToken(Invalid):
    """A token that somebody could guess lets them in."""

    code = "weak_token"
    title = Text(zh="查询码过于简单", en="The token is too easy to guess")


class NotAnonymous(Conflict):
    """Who raised the case is no secret."""

    code = "not_anonymous"
    title = Text(zh="该诉求不是匿名提出的", en="The case is not anonymous")
