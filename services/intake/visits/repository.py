"""SQL of visits. What a caller may see is part of the statement."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, false, insert, or_, select, tuple_
from sqlalchemy.dialects.postgresql import insert as insert_or_not

from services.intake.visit_plans.rules import SEES_VISITS
from services.intake.visits.models import Visit, VisitErrand, VisitHeard
from services.intake.visits.schemas import VisitQuery
from shared.auth import Principal
from shared.db import Session, WriteSession

__all__ = [
    "VisitParts",
    "add_parts",
    "add_visit",
    "find_any_visit",
    "find_visit",
    "list_visits",
    "lock_visit",
    "lock_visits",
    "parts_of",
    "visible_visits",
]


@dataclass(slots=True)
class VisitParts:
    """What was heard on a visit, and the errands."""

    heard: list[VisitHeard] = field(default_factory=list)
    errands: list[VisitErrand] = field(default_factory=list)


def visible_visits(caller: Principal) -> ColumnElement[bool]:
    """Return the condition of what a caller may see: below their places, and where they have been themselves."""
    conditions = [Visit.area_path.within(path) for path in caller.paths(*SEES_VISITS)]
    if caller.subject_id is not None:
        conditions.append(Visit.visitor_id == caller.subject_id)
    return or_(false(), *conditions)


def _one(session: Session, visit_id: UUID) -> Select[tuple[Visit]]:
    return select(Visit).where(Visit.tenant_id == session.tenant, Visit.id == visit_id)


async def find_any_visit(session: Session, visit_id: UUID) -> Visit | None:
    """Return whatever has an id."""
    found: Visit | None = await session.scalar(_one(session, visit_id))
    return found


async def find_visit(session: Session, caller: Principal, visit_id: UUID) -> Visit | None:
    """Return a visit that the caller may see."""
    found: Visit | None = await session.scalar(_one(session, visit_id).where(visible_visits(caller)))
    return found


async def lock_visit(session: WriteSession, caller: Principal, visit_id: UUID) -> Visit | None:
    """Return a visit that the caller may see and keep others from changing it meanwhile."""
    statement = _one(session, visit_id).where(visible_visits(caller)).with_for_update()
    found: Visit | None = await session.scalar(statement.execution_options(populate_existing=True))
    return found


async def lock_visits(session: WriteSession, visit_ids: Collection[UUID]) -> None:
    """Lock visits in the order of their ids."""
    statement = select(Visit.id).where(Visit.tenant_id == session.tenant, Visit.id.in_(visit_ids))
    await session.execute(statement.order_by(Visit.id).with_for_update())


async def add_visit(session: WriteSession, visit: Visit) -> bool:
    """Add a visit; returns False when its id is taken."""
    columns = [column.key for column in Visit.__table__.columns if column.key != "changed_xid"]
    values = {name: getattr(visit, name) for name in columns}
    statement = insert_or_not(Visit).values(values).on_conflict_do_nothing().returning(Visit.id)
    return await session.scalar(statement) is not None


async def add_parts(
    session: WriteSession, visit_id: UUID, heard: Sequence[dict[str, Any]], errands: Sequence[dict[str, Any]]
) -> None:
    """Add what was heard on a new visit, and the errands."""
    for model, rows in ((VisitHeard, heard), (VisitErrand, errands)):
        if rows:
            numbered = [
                {"tenant_id": session.tenant, "visit_id": visit_id, "position": number, **row}
                for number, row in enumerate(rows, start=1)
            ]
            await session.execute(insert(model), numbered)


async def parts_of(session: Session, visit_ids: Collection[UUID]) -> dict[UUID, VisitParts]:
    """Return the parts of many visits."""
    found = {visit_id: VisitParts() for visit_id in visit_ids}
    heard = select(VisitHeard).where(VisitHeard.tenant_id == session.tenant, VisitHeard.visit_id.in_(visit_ids))
    for row in await session.scalars(heard.order_by(VisitHeard.visit_id, VisitHeard.position)):
        found[row.visit_id].heard.append(row)
    errands = select(VisitErrand).where(VisitErrand.tenant_id == session.tenant, VisitErrand.visit_id.in_(visit_ids))
    for errand in await session.scalars(errands.order_by(VisitErrand.visit_id, VisitErrand.position)):
        found[errand.visit_id].errands.append(errand)
    return found


async def list_visits(
    session: Session,
    caller: Principal,
    wanted: VisitQuery,
    *,
    under: str | None,
    after: tuple[Any, ...] | None,
    limit: int,
) -> Sequence[Visit]:
    """Return visible visits, the newest first."""
    statement = select(Visit).where(Visit.tenant_id == session.tenant, visible_visits(caller))
    if under is not None:
        statement = statement.where(Visit.area_path.within(under))
    for column, value in (
        (Visit.kind, wanted.kind),
        (Visit.plan_id, wanted.plan_id),
        (Visit.visitor_id, wanted.visitor_id),
        (Visit.unit_id, wanted.unit_id),
        (Visit.reached, wanted.reached),
        (Visit.state, wanted.state),
    ):
        if value is not None:
            statement = statement.where(column == value)
    if wanted.since is not None:
        statement = statement.where(Visit.visited_at >= wanted.since)
    if wanted.until is not None:
        statement = statement.where(Visit.visited_at < wanted.until)
    if wanted.case_id is not None:
        heard = select(VisitHeard.visit_id).where(
            VisitHeard.tenant_id == session.tenant, VisitHeard.case_id == wanted.case_id
        )
        statement = statement.where(Visit.id.in_(heard))
    if after is not None:
        statement = statement.where(tuple_(Visit.visited_at, Visit.id) < tuple_(*after))
    return (await session.scalars(statement.order_by(Visit.visited_at.desc(), Visit.id.desc()).limit(limit))).all()
