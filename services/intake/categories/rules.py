"""The kinds of cases, and what can be wrong with a category."""

from datetime import date
from enum import StrEnum
from typing import Protocol

from shared.problems import Conflict, Invalid
from shared.texts import Text

__all__ = [
    "CaseKind",
    "CategoryCircle",
    "CategoryInUse",
    "CategoryNotValid",
    "Dated",
    "EndsBeforeItBegins",
    "SuccessorWithoutEnd",
    "UnknownParentCategory",
    "UnknownSuccessor",
    "is_valid",
]


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


class Dated(Protocol):
    """What a category's validity is read from."""

    @property
    def active(self) -> bool:
        """Whether it is in use at all."""

    @property
    def valid_from(self) -> date:
        """The first day."""

    @property
    def valid_to(self) -> date | None:
        """The last day, if there is one."""


def is_valid(category: Dated, day: date) -> bool:
    """Tell whether a case can be filed under a category on a day of China."""
    return category.active and category.valid_from <= day and (category.valid_to is None or day <= category.valid_to)


class CategoryNotValid(Invalid):
    """Not yet, or no longer; `valid_from`, `valid_to` and `successor_code` say when, and what comes after."""

    code = "category_not_valid"
    title = Text(zh="该分类尚未生效或已停用", en="The category is not valid yet, or no longer")


class EndsBeforeItBegins(Invalid):
    """The last day lies before the first."""

    code = "ends_before_it_begins"
    title = Text(zh="失效日不能早于生效日", en="The last day is not before the first")


class CategoryInUse(Conflict):
    """Cases were filed under it after the wanted last day; `newest_case_on` says when."""

    code = "category_in_use"
    title = Text(zh="失效日之后已有诉求", en="Cases were filed under it after that day")


class UnknownSuccessor(Invalid):
    """The successor does not exist, or leads back."""

    code = "unknown_successor"
    title = Text(zh="后续分类不存在或互为后续", en="The successor does not exist, or leads back to this category")


class SuccessorWithoutEnd(Invalid):
    """What does not end has no successor."""

    code = "successor_without_end"
    title = Text(zh="指定后续分类须同时填写失效日", en="A successor goes with a last day")
