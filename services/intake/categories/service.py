"""Use cases of categories."""

from datetime import date
from typing import Any, Final

from services.intake.categories import repository
from services.intake.categories.models import Category
from services.intake.categories.rules import (
    CategoryCircle,
    CategoryInUse,
    EndsBeforeItBegins,
    SuccessorWithoutEnd,
    UnknownParentCategory,
    UnknownSuccessor,
)
from services.intake.categories.schemas import CategoryIn
from shared.auth import Principal, Role
from shared.clock import CHINA, today
from shared.db import WriteSession

__all__ = ["put_category"]

# A chain of successors is followed this far, which is far enough to find a circle of those that people make.
_SUCCESSORS_MAX: Final = 50


async def put_category(
    session: WriteSession, caller: Principal, code: str, wanted: CategoryIn
) -> tuple[Category, bool]:
    """Create or replace a category; putting what is there already changes nothing.

    Returns:
        The category and whether it is new.

    Raises:
        UnknownParentCategory, CategoryCircle: the tree would be none.
        EndsBeforeItBegins, CategoryInUse: the last day cannot be that one.
        UnknownSuccessor, SuccessorWithoutEnd: the successor cannot be that one.
    """
    caller.must(Role.ADMINISTRATOR, rule="administrators_keep_categories")
    if wanted.parent_code is not None:
        parent = await repository.get_category(session, wanted.parent_code)
        if parent is None:
            raise UnknownParentCategory(pointer="/parent_code")
        if parent.parent_code is not None or wanted.parent_code == code or await repository.has_children(session, code):
            raise CategoryCircle
    await _check_successor(session, code, wanted)
    values = wanted.model_dump(exclude={"valid_from"})
    standing = await repository.get_category(session, code) if wanted.valid_from is None else None
    # Without a first day a new category is valid at once, and an old one keeps the day that it has.
    begins = wanted.valid_from or (standing.valid_from if standing is not None else today())
    new = Category(tenant_id=session.tenant, code=code, version=1, valid_from=begins, **values)
    _check_days(new.valid_from, new.valid_to)
    category = await repository.lock_or_add_category(session, new)
    if category is None:
        return new, True
    values["valid_from"] = wanted.valid_from or category.valid_from
    await _change(session, category, values)
    return category, False


async def _change(session: WriteSession, category: Category, values: dict[str, Any]) -> None:
    changed = {name: value for name, value in values.items() if getattr(category, name) != value}
    _check_days(values["valid_from"], values["valid_to"])
    if changed.get("valid_to") is not None:
        # The category is locked, and whoever files under it refers to it: none comes in between.
        newest = await repository.newest_filing(session, category.code)
        if newest is not None and newest.astimezone(CHINA).date() > values["valid_to"]:
            raise CategoryInUse(newest_case_on=newest.astimezone(CHINA).date().isoformat())
    for name, value in changed.items():
        setattr(category, name, value)
    category.version += 1 if changed else 0


def _check_days(first: date, last: date | None) -> None:
    if last is not None and last < first:
        raise EndsBeforeItBegins(pointer="/valid_to")


async def _check_successor(session: WriteSession, code: str, wanted: CategoryIn) -> None:
    """Refuse a successor that does not exist, or whose own successors lead back."""
    if wanted.successor_code is None:
        return
    if wanted.valid_to is None:
        raise SuccessorWithoutEnd(pointer="/successor_code")
    following: str | None = wanted.successor_code
    if await repository.get_category(session, wanted.successor_code) is None:
        raise UnknownSuccessor(pointer="/successor_code")
    for _ in range(_SUCCESSORS_MAX):
        if following is None:
            return
        if following == code:
            break
        following = await repository.successor_of(session, following)
    raise UnknownSuccessor(pointer="/successor_code")
