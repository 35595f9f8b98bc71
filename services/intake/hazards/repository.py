"""SQL of hazards. What a caller may see is part of the statement."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, false, or_, select, tuple_
from sqlalchemy.dialects.postgresql import insert

from services.intake.hazards.models import Hazard, HazardStep
from services.intake.hazards.rules import OPEN, HazardState
from services.intake.hazards.schemas import HazardQuery
from services.intake.visit_plans.rules import SEES_VISITS
from shared.auth import Principal, Role
from shared.clock import utc_now
from shared.db import Session, WriteSession

__all__ = [
    "add_hazard",
    "cases_of_hazards",
    "due_hazards",
    "find_any_hazard",
    "find_hazard",
    "hazards_of_inspections",
    "list_hazards",
    "lock_hazard",
    "lock_hazards",
    "steps_of",
    "visible_hazards",
]


def visible_hazards(caller: Principal) -> ColumnElement[bool]:
    """Return the condition of what a caller may see: below their places, what they found, and their units'."""
    conditions = [Hazard.area_path.within(path) for path in caller.paths(*SEES_VISITS)]
    if caller.subject_id is not None:
        conditions.append(Hazard.reporter_id == caller.subject_id)
    units = caller.units(Role.UNIT_STAFF)
    if units:
        conditions.append(Hazard.unit_id.in_(units))
    return or_(false(), *conditions)


def _one(session: Session, hazard_id: UUID) -> Select[tuple[Hazard]]:
    return select(Hazard).where(Hazard.tenant_id == session.tenant, Hazard.id == hazard_id)


async def find_any_hazard(session: Session, hazard_id: UUID) -> Hazard | None:
    """Return whatever has an id."""
    found: Hazard | None = await session.scalar(_one(session, hazard_id))
    return found


async def find_hazard(session: Session, caller: Principal, hazard_id: UUID) -> Hazard | None:
    """Return a hazard that the caller may see."""
    found: Hazard | None = await session.scalar(_one(session, hazard_id).where(visible_hazards(caller)))
    return found


async def lock_hazard(session: WriteSession, caller: Principal | None, hazard_id: UUID) -> Hazard | None:
    """Return a hazard that the caller may see (any, for a job) and keep others from changing it meanwhile."""
    statement = _one(session, hazard_id)
    if caller is not None:
        statement = statement.where(visible_hazards(caller))
    locked = statement.with_for_update().execution_options(populate_existing=True)
    found: Hazard | None = await session.scalar(locked)
    return found


async def lock_hazards(session: WriteSession, hazard_ids: Collection[UUID]) -> None:
    """Lock hazards in the order of their ids."""
    statement = select(Hazard.id).where(Hazard.tenant_id == session.tenant, Hazard.id.in_(hazard_ids))
    await session.execute(statement.order_by(Hazard.id).with_for_update())


async def cases_of_hazards(session: Session, hazard_ids: Collection[UUID]) -> set[UUID]:
    """Return the cases that hazards have become."""
    statement = select(Hazard.case_id).where(
        Hazard.tenant_id == session.tenant, Hazard.id.in_(hazard_ids), Hazard.case_id.is_not(None)
    )
    return {case_id for case_id in await session.scalars(statement) if case_id is not None}


async def add_hazard(session: WriteSession, hazard: Hazard) -> bool:
    """Add a hazard; returns False when its id is taken."""
    columns = [column.key for column in Hazard.__table__.columns if column.key != "changed_xid"]
    values = {name: getattr(hazard, name) for name in columns}
    statement = insert(Hazard).values(values).on_conflict_do_nothing().returning(Hazard.id)
    return await session.scalar(statement) is not None


async def hazards_of_inspections(session: Session, inspection_ids: Collection[UUID]) -> dict[UUID, list[Hazard]]:
    """Return what was found by inspections."""
    found: dict[UUID, list[Hazard]] = {inspection_id: [] for inspection_id in inspection_ids}
    statement = select(Hazard).where(Hazard.tenant_id == session.tenant, Hazard.inspection_id.in_(inspection_ids))
    for row in await session.scalars(statement.order_by(Hazard.id)):
        if row.inspection_id is not None:
            found[row.inspection_id].append(row)
    return found


async def list_hazards(
    session: Session,
    caller: Principal,
    wanted: HazardQuery,
    *,
    under: str | None,
    after: tuple[Any, ...] | None,
    limit: int,
) -> Sequence[Hazard]:
    """Return visible hazards, the newest first."""
    statement = select(Hazard).where(Hazard.tenant_id == session.tenant, visible_hazards(caller))
    if under is not None:
        statement = statement.where(Hazard.area_path.within(under))
    for column, value in (
        (Hazard.state, wanted.state),
        (Hazard.severity, wanted.severity),
        (Hazard.unit_id, wanted.unit_id),
        (Hazard.visit_id, wanted.visit_id),
        (Hazard.inspection_id, wanted.inspection_id),
    ):
        if value is not None:
            statement = statement.where(column == value)
    if wanted.open is not None:
        is_open = Hazard.state.in_([state.value for state in OPEN])
        statement = statement.where(is_open if wanted.open else ~is_open)
    if wanted.overdue is not None:
        late = and_(Hazard.state == HazardState.NOTICED.value, Hazard.due_at <= utc_now())
        statement = statement.where(late if wanted.overdue else ~late)
    if wanted.since is not None:
        statement = statement.where(Hazard.found_at >= wanted.since)
    if wanted.until is not None:
        statement = statement.where(Hazard.found_at < wanted.until)
    if after is not None:
        statement = statement.where(tuple_(Hazard.found_at, Hazard.id) < tuple_(*after))
    return (await session.scalars(statement.order_by(Hazard.found_at.desc(), Hazard.id.desc()).limit(limit))).all()


async def steps_of(session: Session, hazard_id: UUID) -> Sequence[HazardStep]:
    """Return the history of a hazard."""
    statement = select(HazardStep).where(HazardStep.tenant_id == session.tenant, HazardStep.hazard_id == hazard_id)
    return (await session.scalars(statement.order_by(HazardStep.position))).all()


async def due_hazards(
    session: Session, now: datetime, *, after: tuple[datetime, UUID] | None, limit: int
) -> list[tuple[datetime, UUID]]:
    """Return due time and id of what is not rectified in time and not marked yet, the longest overdue first."""
    statement = select(Hazard.due_at, Hazard.id).where(
        Hazard.tenant_id == session.tenant,
        Hazard.state == HazardState.NOTICED.value,
        Hazard.overdue_at.is_(None),
        Hazard.due_at <= now,
    )
    if after is not None:
        statement = statement.where(tuple_(Hazard.due_at, Hazard.id) > tuple_(*after))
    rows = await session.execute(statement.order_by(Hazard.due_at, Hazard.id).limit(limit))
    return [(row[0], row[1]) for row in rows]
