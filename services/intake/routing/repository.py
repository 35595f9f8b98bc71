"""SQL of rule sets and of the past cases that they are tried on."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Subquery, delete, func, insert, or_, select
from sqlalchemy.dialects.postgresql import insert as upsert

from services.intake.cases.models import Case
from services.intake.categories.models import Category
from services.intake.models import reference
from services.intake.routing.models import RoutingRule, RoutingSet, RoutingTest
from services.intake.routing.rules import SetState
from shared.db import Session, WriteSession
from shared.db.kernel_models import AreaCopyColumns, UnitCopyColumns

__all__ = [
    "add_draft",
    "areas_of",
    "cases_by_id",
    "categories_of",
    "find_in_state",
    "find_set",
    "groups_of_cases",
    "list_sets",
    "lock_in_state",
    "parent_and_published",
    "parents",
    "remove_set",
    "replace_content",
    "rules_of",
    "tests_of",
    "units_of",
]


# Asked with every triage, so it is made once.
_PARENT_AND_PUBLISHED: Final = """
SELECT (SELECT parent_code FROM intake.categories WHERE tenant_id = $1 AND code = $2) AS parent,
    (SELECT number FROM intake.routing_sets WHERE tenant_id = $1 AND state = 'published') AS published"""


async def find_set(session: Session, number: int) -> RoutingSet | None:
    """Return a set by its number."""
    statement = select(RoutingSet).where(RoutingSet.tenant_id == session.tenant, RoutingSet.number == number)
    return await session.scalar(statement)


async def find_in_state(session: Session, state: SetState) -> RoutingSet | None:
    """Return the draft, or what is published."""
    statement = select(RoutingSet).where(RoutingSet.tenant_id == session.tenant, RoutingSet.state == state.value)
    return await session.scalar(statement)


async def lock_in_state(session: WriteSession, state: SetState) -> RoutingSet | None:
    """Return the draft, or what is published, and keep others from changing it meanwhile."""
    statement = select(RoutingSet).where(RoutingSet.tenant_id == session.tenant, RoutingSet.state == state.value)
    return await session.scalar(statement.with_for_update())


async def list_sets(session: Session, *, after: int | None, limit: int) -> Sequence[RoutingSet]:
    """Return the sets, the newest first."""
    statement = select(RoutingSet).where(RoutingSet.tenant_id == session.tenant)
    if after is not None:
        statement = statement.where(RoutingSet.number < after)
    return (await session.scalars(statement.order_by(RoutingSet.number.desc()).limit(limit))).all()


async def add_draft(session: WriteSession, *, based_on: int | None, actor: str, now: datetime) -> RoutingSet | None:
    """Add an empty draft with the next number; None when there is one already."""
    last = select(func.coalesce(func.max(RoutingSet.number), 0)).where(RoutingSet.tenant_id == session.tenant)
    values = {
        "tenant_id": session.tenant,
        "number": last.scalar_subquery() + 1,
        "state": SetState.DRAFT.value,
        "based_on": based_on,
        "made_by": actor,
        "made_at": now,
        "changed_by": actor,
        "changed_at": now,
        "version": 1,
    }
    statement = upsert(RoutingSet).values(values).on_conflict_do_nothing().returning(RoutingSet)
    return await session.scalar(statement)


async def remove_set(session: WriteSession, number: int) -> None:
    """Remove a draft with all that is in it."""
    for table in (RoutingRule, RoutingTest):
        await session.execute(delete(table).where(table.tenant_id == session.tenant, table.set_number == number))
    await session.execute(delete(RoutingSet).where(RoutingSet.tenant_id == session.tenant, RoutingSet.number == number))


async def rules_of(session: Session, number: int) -> Sequence[RoutingRule]:
    """Return a set's rules as they were given."""
    statement = select(RoutingRule).where(RoutingRule.tenant_id == session.tenant, RoutingRule.set_number == number)
    return (await session.scalars(statement.order_by(RoutingRule.position))).all()


async def tests_of(session: Session, number: int) -> Sequence[RoutingTest]:
    """Return a set's tests as they were given."""
    statement = select(RoutingTest).where(RoutingTest.tenant_id == session.tenant, RoutingTest.set_number == number)
    return (await session.scalars(statement.order_by(RoutingTest.position))).all()


async def replace_content(
    session: WriteSession, number: int, rules: Sequence[Mapping[str, Any]], tests: Sequence[Mapping[str, Any]]
) -> None:
    """Put rules and tests in place of a draft's own."""
    await session.execute(
        delete(RoutingRule).where(RoutingRule.tenant_id == session.tenant, RoutingRule.set_number == number)
    )
    await session.execute(
        delete(RoutingTest).where(RoutingTest.tenant_id == session.tenant, RoutingTest.set_number == number)
    )
    key = {"tenant_id": session.tenant, "set_number": number}
    if rules:
        await session.execute(insert(RoutingRule), [{**key, **row} for row in rules])
    if tests:
        await session.execute(insert(RoutingTest), [{**key, **row} for row in tests])


async def areas_of(session: Session, ids: Collection[UUID]) -> dict[UUID, AreaCopyColumns]:
    """Return areas by id, closed ones included."""
    area = reference.area
    rows = await session.scalars(select(area).where(area.tenant_id == session.tenant, area.id.in_(ids)))
    return {row.id: row for row in rows}


async def units_of(session: Session, ids: Collection[UUID]) -> dict[UUID, UnitCopyColumns]:
    """Return units by id, inactive ones included."""
    unit = reference.unit
    rows = await session.scalars(select(unit).where(unit.tenant_id == session.tenant, unit.id.in_(ids)))
    return {row.id: row for row in rows}


async def categories_of(session: Session, codes: Collection[str]) -> dict[str, Category]:
    """Return categories by code, inactive ones included."""
    rows = await session.scalars(select(Category).where(Category.tenant_id == session.tenant, Category.code.in_(codes)))
    return {row.code: row for row in rows}


async def parents(session: Session) -> dict[str, str | None]:
    """Return of every category the code of its parent."""
    rows = await session.execute(
        select(Category.code, Category.parent_code).where(Category.tenant_id == session.tenant)
    )
    return {row.code: row.parent_code for row in rows}


async def parent_and_published(session: Session, category: str) -> tuple[str | None, int | None]:
    """Return a category's parent and the number of what is published, in one trip: two look-ups by key."""
    row = await session.fetch_row(_PARENT_AND_PUBLISHED, session.tenant, category)
    return (row["parent"], row["published"]) if row is not None else (None, None)


def _newest(session: Session, where: Sequence[ColumnElement[bool]], paths: Sequence[str], limit: int) -> Subquery:
    """Return the newest cases of a time and of some areas, so many at the most."""
    statement = select(Case.id, Case.area_path, Case.category, Case.level, Case.unit_id, Case.filed_at).where(
        Case.tenant_id == session.tenant, or_(*(Case.area_path.within(path) for path in paths)), *where
    )
    return statement.order_by(Case.filed_at.desc(), Case.id.desc()).limit(limit).subquery()


async def groups_of_cases(
    session: Session, *, since: datetime, until: datetime, paths: Sequence[str], limit: int, samples: int
) -> Sequence[Row[Any]]:
    """Return past cases that rules cannot tell apart, counted, with the ids of the newest few of each group.

    Columns: area_path, category, level, unit_id, cases, newest (ids), latest (when the newest was filed).
    """
    found = _newest(session, (Case.filed_at >= since, Case.filed_at < until), paths, limit)
    ranked = select(
        found,
        func.row_number()
        .over(
            partition_by=(found.c.area_path, found.c.category, found.c.level, found.c.unit_id),
            order_by=(found.c.filed_at.desc(), found.c.id.desc()),
        )
        .label("place"),
    ).subquery()
    keys = (ranked.c.area_path, ranked.c.category, ranked.c.level, ranked.c.unit_id)
    statement = select(
        *keys,
        func.count().label("cases"),
        func.array_agg(ranked.c.id).filter(ranked.c.place <= samples).label("newest"),
        func.max(ranked.c.filed_at).label("latest"),
    ).group_by(*keys)
    return (await session.execute(statement)).all()


async def cases_by_id(session: Session, ids: Collection[UUID], *, limit: int) -> Sequence[Case]:
    """Return cases, the newest first."""
    statement = select(Case).where(Case.tenant_id == session.tenant, Case.id.in_(ids))
    return (await session.scalars(statement.order_by(Case.filed_at.desc(), Case.id.desc()).limit(limit))).all()
