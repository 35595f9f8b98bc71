"""SQL of forms."""

from collections.abc import Collection, Sequence

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import distinct_on, insert

from services.intake.forms.models import CategoryForm
from services.intake.forms.rules import FIRST_VERSION
from shared.db import Session, WriteSession

__all__ = ["add_form", "find_form", "newest_forms", "newest_version"]


async def newest_version(session: Session, category: str) -> int:
    """Return the version of what a category asks now."""
    mine = (CategoryForm.tenant_id == session.tenant, CategoryForm.category == category)
    return await session.scalar(select(func.max(CategoryForm.version)).where(*mine)) or FIRST_VERSION


async def find_form(session: Session, category: str, version: int | None = None) -> CategoryForm | None:
    """Return one version of a category's form, or the newest."""
    statement = select(CategoryForm).where(CategoryForm.tenant_id == session.tenant, CategoryForm.category == category)
    if version is not None:
        statement = statement.where(CategoryForm.version == version)
    return await session.scalar(statement.order_by(CategoryForm.version.desc()).limit(1))


async def newest_forms(session: Session, categories: Collection[str]) -> Sequence[CategoryForm]:
    """Return the newest forms of some categories; of those that ask nothing, none."""
    statement = (
        select(CategoryForm)
        .ext(distinct_on(CategoryForm.category))
        .where(CategoryForm.tenant_id == session.tenant, CategoryForm.category.in_(categories))
        .order_by(CategoryForm.category, CategoryForm.version.desc())
    )
    return (await session.scalars(statement)).all()


async def add_form(session: WriteSession, row: CategoryForm) -> bool:
    """Add a version; returns False when somebody else has added it meanwhile."""
    values = {column.key: getattr(row, column.key) for column in CategoryForm.__table__.columns}
    statement = insert(CategoryForm).values(values).on_conflict_do_nothing().returning(CategoryForm.version)
    return await session.scalar(statement) is not None
