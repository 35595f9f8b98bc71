"""SQL of categories."""

from collections.abc import Sequence

from sqlalchemy import select

from services.intake.categories.models import Category
from shared.db import Session

__all__ = ["all_categories", "get_category", "has_children"]


async def get_category(session: Session, code: str) -> Category | None:
    """Return a category, locked if the session may write."""
    statement = select(Category).where(Category.tenant_id == session.tenant, Category.code == code)
    return await session.scalar(statement)


async def has_children(session: Session, code: str) -> bool:
    """Tell whether a category is the parent of another."""
    statement = select(Category.code).where(Category.tenant_id == session.tenant, Category.parent_code == code)
    return await session.scalar(statement.limit(1)) is not None


async def all_categories(session: Session, *, after: str | None, limit: int) -> Sequence[Category]:
    """Return categories by code."""
    statement = select(Category).where(Category.tenant_id == session.tenant)
    if after is not None:
        statement = statement.where(Category.code > after)
    return (await session.scalars(statement.order_by(Category.code).limit(limit))).all()
