"""SQL of categories."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from services.intake.categories.models import Category
from shared.db import Session, WriteSession

__all__ = ["all_categories", "get_category", "has_children", "lock_or_add_category"]


async def get_category(session: Session, code: str) -> Category | None:
    """Return a category."""
    statement = select(Category).where(Category.tenant_id == session.tenant, Category.code == code)
    return await session.scalar(statement)


async def lock_or_add_category(session: WriteSession, category: Category) -> Category | None:
    """Add a category; if its code is there already, return what is there, kept from others until the commit."""
    names = (column.key for column in Category.__table__.columns if column.key != "changed_xid")
    columns = {name: getattr(category, name) for name in names}
    added = insert(Category).values(columns).on_conflict_do_nothing().returning(Category.code)
    if await session.scalar(added) is not None:
        return None
    statement = select(Category).where(Category.tenant_id == session.tenant, Category.code == category.code)
    return await session.scalar(statement.with_for_update())


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
