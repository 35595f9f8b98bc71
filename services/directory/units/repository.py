"""Statements on units."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from services.directory.locking import locked
from services.directory.units.models import Unit
from shared.db import Session, WriteSession

__all__ = ["find_unit", "insert_unit", "list_units"]


async def insert_unit(session: WriteSession, values: dict[str, Any]) -> bool:
    """Insert a unit; False when its id is taken."""
    statement = insert(Unit).values(tenant_id=session.tenant, **values).on_conflict_do_nothing().returning(Unit.id)
    return (await session.execute(statement)).one_or_none() is not None


async def find_unit(session: Session, unit_id: UUID, *, lock: bool = False) -> Unit | None:
    """Return a unit, locked against other changes if wanted."""
    statement = select(Unit).where(Unit.tenant_id == session.tenant, Unit.id == unit_id)
    return (await session.scalars(locked(statement) if lock else statement)).one_or_none()


async def list_units(
    session: Session,
    *,
    under: str | None,
    kind: str | None,
    active: bool | None,
    text: str | None,
    after: UUID | None,
    limit: int,
) -> Sequence[Unit]:
    """Return units in the order of their ids, filtered."""
    statement = select(Unit).where(Unit.tenant_id == session.tenant).order_by(Unit.id).limit(limit)
    if under is not None:
        statement = statement.where(Unit.area_path.within(under))
    if kind is not None:
        statement = statement.where(Unit.kind == kind)
    if active is not None:
        statement = statement.where(Unit.active.is_(active))
    if text is not None:
        statement = statement.where(Unit.name.icontains(text, autoescape=True))
    if after is not None:
        statement = statement.where(Unit.id > after)
    return (await session.scalars(statement)).all()
