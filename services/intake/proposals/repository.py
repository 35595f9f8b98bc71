"""SQL of proposals. Whatever looks at past cases looks at the newest few thousand, however many there are."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Integer, Row, String, and_, cast, delete, func, insert, literal, select, union_all
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import undefer

from services.intake.cases.models import Case
from services.intake.categories.models import Category
from services.intake.models import reference
from services.intake.proposals.models import CaseVector, CategoryKeywords, CategoryLabel, ProposalModel
from shared.db import Session, WriteSession

__all__ = [
    "active_categories",
    "add_label",
    "add_model",
    "all_keywords",
    "find_keywords",
    "find_label",
    "find_model",
    "forget_models",
    "keep_vectors",
    "labelled_texts",
    "latest_model",
    "put_keywords",
    "similar_cases",
    "vectors_of",
]

_NEWEST: Final = 2_000
_TEXT_LETTERS: Final = 300
_HANDLED: Final = ("resolved", "closed")


async def active_categories(session: Session) -> Sequence[Category]:
    """Return the tenant's active categories by code."""
    statement = select(Category).where(Category.tenant_id == session.tenant, Category.active)
    return (await session.scalars(statement.order_by(Category.code))).all()


async def all_keywords(session: Session) -> dict[str, list[str]]:
    """Return of each category its keywords."""
    statement = select(CategoryKeywords).where(CategoryKeywords.tenant_id == session.tenant)
    return {row.category: row.keywords for row in await session.scalars(statement)}


async def find_keywords(session: Session, category: str) -> CategoryKeywords | None:
    """Return the keywords of a category."""
    statement = select(CategoryKeywords).where(
        CategoryKeywords.tenant_id == session.tenant, CategoryKeywords.category == category
    )
    return await session.scalar(statement)


async def put_keywords(session: WriteSession, row: Mapping[str, Any]) -> None:
    """Set the keywords of a category; the same ones again change nothing."""
    statement = upsert(CategoryKeywords).values(tenant_id=session.tenant, version=1, **row)
    changed: dict[str, Any] = {name: statement.excluded[name] for name in ("keywords", "set_by", "set_at")}
    changed["version"] = CategoryKeywords.version + 1
    is_other = CategoryKeywords.keywords != statement.excluded["keywords"]
    await session.execute(
        statement.on_conflict_do_update(index_elements=["tenant_id", "category"], set_=changed, where=is_other)
    )


async def find_label(session: Session, label_id: UUID) -> CategoryLabel | None:
    """Return a label."""
    statement = select(CategoryLabel).where(CategoryLabel.tenant_id == session.tenant, CategoryLabel.id == label_id)
    return await session.scalar(statement)


async def add_label(session: WriteSession, row: Mapping[str, Any]) -> bool:
    """Add a label; False when its id is taken already."""
    statement = upsert(CategoryLabel).values(tenant_id=session.tenant, **row).on_conflict_do_nothing()
    return await session.scalar(statement.returning(CategoryLabel.id)) is not None


async def labelled_texts(session: Session, limit: int) -> Sequence[Row[Any]]:
    """Return the newest labelled cases: id, text, category.

    The last word of the staff on a case counts; a closed case that nobody has corrected keeps what it was filed as.
    They come in the order of a hash of their ids, which says nothing of when or about what they were filed.
    """
    newest = (
        select(CategoryLabel.case_id, CategoryLabel.category, CategoryLabel.labelled_at)
        .where(CategoryLabel.tenant_id == session.tenant)
        .order_by(CategoryLabel.labelled_at.desc(), CategoryLabel.id.desc())
        .limit(limit)
        .subquery()
    )
    said = (
        select(newest.c.case_id, newest.c.category)
        .ext(distinct_on(newest.c.case_id))
        .order_by(newest.c.case_id, newest.c.labelled_at.desc())
        .subquery()
    )
    closed = (
        select(Case.id.label("case_id"), Case.category)
        .where(Case.tenant_id == session.tenant, Case.state == "closed")
        .where(Case.id.not_in(select(said.c.case_id)))
        .order_by(Case.filed_at.desc(), Case.id.desc())
        .limit(limit)
        .subquery()
    )
    both = union_all(select(said), select(closed)).subquery()
    statement = (
        select(Case.id, (Case.title + " " + Case.description).label("text"), both.c.category)
        .join(both, Case.id == both.c.case_id)
        .where(Case.tenant_id == session.tenant)
        .order_by(func.md5(cast(Case.id, String)))
        .limit(limit)
    )
    return (await session.execute(statement)).all()


async def vectors_of(session: Session, case_ids: Collection[UUID], encoder: str) -> dict[UUID, bytes]:
    """Return the vectors that an encoder has made of cases."""
    statement = select(CaseVector.case_id, CaseVector.vector).where(
        CaseVector.tenant_id == session.tenant, CaseVector.case_id.in_(case_ids), CaseVector.encoder == encoder
    )
    return {row.case_id: row.vector for row in await session.execute(statement)}


async def keep_vectors(session: WriteSession, vectors: Mapping[UUID, bytes], encoder: str, now: datetime) -> None:
    """Keep the vectors of cases."""
    rows = [
        {"tenant_id": session.tenant, "case_id": case_id, "encoder": encoder, "vector": vector, "made_at": now}
        for case_id, vector in vectors.items()
    ]
    if rows:
        await session.execute(upsert(CaseVector).values(rows).on_conflict_do_nothing())


async def latest_model(session: Session) -> ProposalModel | None:
    """Return what was learned last, without its content."""
    statement = select(ProposalModel).where(ProposalModel.tenant_id == session.tenant)
    return await session.scalar(statement.order_by(ProposalModel.number.desc()).limit(1))


async def find_model(session: Session, number: int) -> ProposalModel | None:
    """Return a model with its content."""
    statement = select(ProposalModel).where(ProposalModel.tenant_id == session.tenant, ProposalModel.number == number)
    return await session.scalar(statement.options(undefer(ProposalModel.content)))


async def add_model(session: WriteSession, row: Mapping[str, Any]) -> None:
    """Keep what was learned."""
    await session.execute(insert(ProposalModel).values(tenant_id=session.tenant, **row))


async def forget_models(session: WriteSession, before: int) -> None:
    """Remove the models up to a number."""
    await session.execute(
        delete(ProposalModel).where(ProposalModel.tenant_id == session.tenant, ProposalModel.number < before)
    )


async def similar_cases(session: Session, marks: Sequence[str], limit: int) -> Sequence[Row[Any]]:
    """Return those of the newest cases that were handled and hold the most of some n-grams, the best first.

    Columns: id, number, category, unit_id, unit (its name; null when it is not active), area_path, text.
    """
    newest = (
        select(
            Case.id,
            Case.number,
            Case.category,
            Case.unit_id,
            Case.area_path,
            Case.state,
            Case.filed_at,
            func.lower(func.left(Case.title + " " + Case.description, _TEXT_LETTERS)).label("text"),
        )
        .where(Case.tenant_id == session.tenant)
        .order_by(Case.filed_at.desc(), Case.id.desc())
        .limit(_NEWEST)
        .subquery()
    )
    hits: ColumnElement[int] = literal(0)
    for mark in marks:
        hits = hits + cast(func.strpos(newest.c.text, mark) > 0, Integer)
    unit = reference.unit
    # Materialised, so that the n-grams are looked for once and not for each mention of the count.
    found = (
        select(newest, hits.label("hits"))
        .where(newest.c.state.in_(_HANDLED))
        .cte()
        .prefix_with("MATERIALIZED", dialect="postgresql")
    )
    statement = (
        select(found, unit.name.label("unit"))
        .outerjoin(unit, and_(unit.tenant_id == session.tenant, unit.id == found.c.unit_id, unit.active))
        .where(found.c.hits > 0)
        .order_by(found.c.hits.desc(), found.c.filed_at.desc())
        .limit(limit)
    )
    return (await session.execute(statement)).all()
