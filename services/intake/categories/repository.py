"""SQL of categories."""

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.dialects.postgresql import insert

from services.intake.cases.models import Case
from services.intake.categories.models import Category
from shared.db import Session, WriteSession

__all__ = [
    "categories_on",
    "get_category",
    "has_children",
    "lock_or_add_category",
    "newest_filing",
    "successor_of",
    "valid_on",
]


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
    # As it is now, whatever this transaction has read of it before.
    return await session.scalar(statement.with_for_update(), execution_options={"populate_existing": True})


async def has_children(session: Session, code: str) -> bool:
    """Tell whether a category is the parent of another."""
    statement = select(Category.code).where(Category.tenant_id == session.tenant, Category.parent_code == code)
    return await session.scalar(statement.limit(1)) is not None


def valid_on(day: date) -> ColumnElement[bool]:
    """Return the condition that a category's dates take in a day of China, whether it is active or not."""
    return and_(Category.valid_from <= day, or_(Category.valid_to.is_(None), Category.valid_to >= day))


async def categories_on(session: Session, day: date, *, after: str | None, limit: int) -> Sequence[Category]:
    """Return the categories that are valid on a day, by code."""
    statement = select(Category).where(Category.tenant_id == session.tenant, valid_on(day))
    if after is not None:
        statement = statement.where(Category.code > after)
    return (await session.scalars(statement.order_by(Category.code).limit(limit))).all()


async def successor_of(session: Session, code: str) -> str | None:
    """Return what comes after a category."""
    statement: Select[str | None] = select(Category.successor_code)
    return await session.scalar(statement.where(Category.tenant_id == session.tenant, Category.code == code))


async def newest_filing(session: Session, code: str) -> datetime | None:
    """Return when a case was last filed under a category."""
    statement = select(func.max(Case.filed_at)).where(Case.tenant_id == session.tenant, Case.category == code)
    return await session.scalar(statement)
