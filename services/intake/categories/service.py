"""Use cases of categories."""

from services.intake.categories import repository
from services.intake.categories.models import Category
from services.intake.categories.rules import CategoryCircle, UnknownParentCategory
from services.intake.categories.schemas import CategoryIn
from shared.auth import Principal, Role
from shared.db import WriteSession

__all__ = ["put_category"]


async def put_category(
    session: WriteSession, caller: Principal, code: str, wanted: CategoryIn
) -> tuple[Category, bool]:
    """Create or replace a category; putting what is there already changes nothing.

    Returns:
        The category and whether it is new.
    """
    caller.must(Role.ADMINISTRATOR, rule="administrators_keep_categories")
    if wanted.parent_code is not None:
        parent = await repository.get_category(session, wanted.parent_code)
        if parent is None:
            raise UnknownParentCategory(pointer="/parent_code")
        if parent.parent_code is not None or wanted.parent_code == code or await repository.has_children(session, code):
            raise CategoryCircle
    values = wanted.model_dump()
    new = Category(tenant_id=session.tenant, code=code, version=1, **values)
    category = await repository.lock_or_add_category(session, new)
    if category is None:
        return new, True
    changed = {name: value for name, value in values.items() if getattr(category, name) != value}
    for name, value in changed.items():
        setattr(category, name, value)
    category.version += 1 if changed else 0
    return category, False
