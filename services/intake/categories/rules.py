"""The kinds of cases, and what can be wrong with a category."""

from enum import StrEnum

from shared.problems import Conflict, Invalid
from shared.texts import Text

__all__ = ["CaseKind", "CategoryCircle", "UnknownParentCategory"]


class CaseKind(StrEnum):
    """What somebody may raise."""

    REQUEST = "request"
    MICRO_WISH = "micro_wish"
    HAZARD = "hazard"
    DISPUTE = "dispute"
    SUGGESTION = "suggestion"
    CONSULTATION = "consultation"
    ENTERPRISE_REQUEST = "enterprise_request"


class UnknownParentCategory(Invalid):
    """The parent does not exist."""

    code = "unknown_parent_category"
    title = Text(zh="没有这个上级分类", en="No such parent category")


class CategoryCircle(Conflict):
    """The tree has two levels: a parent has no parent, and a category is not its own."""

    code = "category_too_deep"
    title = Text(zh="分类只有两级", en="Categories have two levels")
