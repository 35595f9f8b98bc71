"""SQL of checklists and inspections."""

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, false, or_, select, tuple_, update
from sqlalchemy.dialects.postgresql import distinct_on, insert

from services.intake.inspections.models import Checklist, Inspection
from services.intake.inspections.schemas import InspectionQuery
from services.intake.visit_plans.rules import SEES_VISITS
from shared.auth import Principal, Role
from shared.db import Session, WriteSession

__all__ = [
    "add_checklist",
    "add_inspection",
    "find_any_inspection",
    "find_checklist",
    "find_inspection",
    "list_checklists",
    "list_inspections",
    "newest_checklists",
    "visible_inspections",
    "void_inspections",
]


async def find_checklist(session: Session, code: str, version: int | None = None) -> Checklist | None:
    """Return one version of a checklist, or the newest."""
    statement = select(Checklist).where(Checklist.tenant_id == session.tenant, Checklist.code == code)
    if version is not None:
        statement = statement.where(Checklist.version == version)
    return await session.scalar(statement.order_by(Checklist.version.desc()).limit(1))


async def list_checklists(session: Session, *, after: str | None, limit: int) -> Sequence[Checklist]:
    """Return the newest version of each checklist, by code."""
    statement = select(Checklist).ext(distinct_on(Checklist.code)).where(Checklist.tenant_id == session.tenant)
    if after is not None:
        statement = statement.where(Checklist.code > after)
    statement = statement.order_by(Checklist.code, Checklist.version.desc()).limit(limit)
    return (await session.scalars(statement)).all()


async def newest_checklists(session: Session, codes: Collection[str]) -> Sequence[Checklist]:
    """Return the newest version of some checklists."""
    statement = select(Checklist).ext(distinct_on(Checklist.code))
    statement = statement.where(Checklist.tenant_id == session.tenant, Checklist.code.in_(codes))
    return (await session.scalars(statement.order_by(Checklist.code, Checklist.version.desc()))).all()


async def add_checklist(session: WriteSession, row: Checklist) -> bool:
    """Add a version; returns False when somebody else has added it meanwhile."""
    values = {column.key: getattr(row, column.key) for column in Checklist.__table__.columns}
    statement = insert(Checklist).values(values).on_conflict_do_nothing().returning(Checklist.version)
    return await session.scalar(statement) is not None


def visible_inspections(caller: Principal) -> ColumnElement[bool]:
    """Return the condition of what a caller may see: below their places, their own, and those of their units."""
    conditions = [Inspection.area_path.within(path) for path in caller.paths(*SEES_VISITS)]
    if caller.subject_id is not None:
        conditions.append(Inspection.inspector_id == caller.subject_id)
    units = caller.units(Role.UNIT_STAFF)
    if units:
        conditions.append(Inspection.unit_id.in_(units))
    return or_(false(), *conditions)


async def find_any_inspection(session: Session, inspection_id: UUID) -> Inspection | None:
    """Return whatever has an id."""
    mine = Inspection.tenant_id == session.tenant
    found: Inspection | None = await session.scalar(select(Inspection).where(mine, Inspection.id == inspection_id))
    return found


async def find_inspection(session: Session, caller: Principal, inspection_id: UUID) -> Inspection | None:
    """Return an inspection that the caller may see."""
    statement = select(Inspection).where(
        Inspection.tenant_id == session.tenant, Inspection.id == inspection_id, visible_inspections(caller)
    )
    found: Inspection | None = await session.scalar(statement)
    return found


async def add_inspection(session: WriteSession, row: Inspection) -> bool:
    """Add an inspection; returns False when its id is taken."""
    columns = [column.key for column in Inspection.__table__.columns if column.key != "changed_xid"]
    values = {name: getattr(row, name) for name in columns}
    statement = insert(Inspection).values(values).on_conflict_do_nothing().returning(Inspection.id)
    return await session.scalar(statement) is not None


async def void_inspections(session: WriteSession, visit_id: UUID) -> None:
    """Let the inspections of a visit count for nothing."""
    statement = update(Inspection).where(Inspection.tenant_id == session.tenant, Inspection.visit_id == visit_id)
    changed = statement.values(voided=True, version=Inspection.version + 1)
    await session.execute(changed.execution_options(synchronize_session=False))


async def list_inspections(
    session: Session,
    caller: Principal,
    wanted: InspectionQuery,
    *,
    under: str | None,
    after: tuple[Any, ...] | None,
    limit: int,
) -> Sequence[Inspection]:
    """Return visible inspections that are not voided, the newest first."""
    mine = (Inspection.tenant_id == session.tenant, ~Inspection.voided)
    statement = select(Inspection).where(*mine, visible_inspections(caller))
    if under is not None:
        statement = statement.where(Inspection.area_path.within(under))
    for column, value in (
        (Inspection.visit_id, wanted.visit_id),
        (Inspection.unit_id, wanted.unit_id),
        (Inspection.checklist_code, wanted.checklist_code),
        (Inspection.inspector_id, wanted.inspector_id),
    ):
        if value is not None:
            statement = statement.where(column == value)
    if wanted.failed is not None:
        statement = statement.where(Inspection.failed > 0 if wanted.failed else Inspection.failed == 0)
    if wanted.since is not None:
        statement = statement.where(Inspection.inspected_at >= wanted.since)
    if wanted.until is not None:
        statement = statement.where(Inspection.inspected_at < wanted.until)
    if after is not None:
        statement = statement.where(tuple_(Inspection.inspected_at, Inspection.id) < tuple_(*after))
    statement = statement.order_by(Inspection.inspected_at.desc(), Inspection.id.desc()).limit(limit)
    return (await session.scalars(statement)).all()
