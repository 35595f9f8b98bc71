"""What can be wrong with handling rules."""

from shared.problems import Invalid
from shared.texts import Text

__all__ = ["UnknownLimitCategory"]


class UnknownLimitCategory(Invalid):
    """A limit is for a category that exists."""

    code = "unknown_category"
    title = Text(zh="没有这个分类", en="No such category")
