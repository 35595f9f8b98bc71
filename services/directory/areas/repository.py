"""Statements on areas."""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import undefer

from services.directory.areas.models import Area
from services.directory.locking import locked
from shared.db import Session, WriteSession

__all__ = [
    "count_open_children",
    "find_area",
    "find_root",
    "insert_area",
    "list_areas",
    "list_around",
]

# Areas nest seven deep and tile, so that a point has few boxes around it; more of them are not areas but rubbish.
_CANDIDATES_MAX: Final = 200


async def insert_area(session: WriteSession, values: dict[str, Any]) -> bool:
    """Insert an area; False when its id, its path or the place at the top is taken."""
    statement = insert(Area).values(tenant_id=session.tenant, **values).on_conflict_do_nothing().returning(Area.id)
    return (await session.execute(statement)).one_or_none() is not None


async def find_area(session: Session, area_id: UUID, *, lock: bool = False, share: bool = False) -> Area | None:
    """Return an area with its boundary.

    Until the transaction ends, `lock` keeps others from changing it, and `share` keeps them from closing it.
    """
    statement = select(Area).where(Area.tenant_id == session.tenant, Area.id == area_id).options(undefer(Area.boundary))
    if lock or share:
        statement = locked(statement, share=share)
    return (await session.scalars(statement)).one_or_none()


async def find_root(session: Session) -> Area | None:
    """Return the topmost area of the tenant."""
    statement = select(Area).where(Area.tenant_id == session.tenant, Area.parent_id.is_(None))
    return (await session.scalars(statement)).one_or_none()


async def count_open_children(session: Session, area_id: UUID) -> int:
    """Count the areas right below one that are not closed."""
    statement = select(func.count()).where(
        Area.tenant_id == session.tenant, Area.parent_id == area_id, Area.closed_on.is_(None)
    )
    return (await session.execute(statement)).scalar_one()


async def list_areas(
    session: Session,
    *,
    under: str | None,
    kind: str | None,
    is_open: bool | None,
    text: str | None,
    after: str | None,
    limit: int,
) -> Sequence[Area]:
    """Return areas in the order of the tree, filtered."""
    statement = select(Area).where(Area.tenant_id == session.tenant).order_by(Area.path).limit(limit)
    if under is not None:
        statement = statement.where(Area.path.within(under))
    if kind is not None:
        statement = statement.where(Area.kind == kind)
    if is_open is not None:
        statement = statement.where(Area.closed_on.is_(None) if is_open else Area.closed_on.is_not(None))
    if text is not None:
        statement = statement.where(Area.name.icontains(text, autoescape=True))
    if after is not None:
        statement = statement.where(Area.path > after)
    return (await session.scalars(statement)).all()


async def list_around(session: Session, *, latitude: float, longitude: float) -> Sequence[Area]:
    """Return the open areas whose box holds a point, with their boundaries, the deepest first."""
    statement = (
        select(Area)
        .where(
            Area.tenant_id == session.tenant,
            Area.west <= longitude,
            Area.east >= longitude,
            Area.south <= latitude,
            Area.north >= latitude,
            Area.closed_on.is_(None),
        )
        .order_by(func.nlevel(Area.path).desc(), Area.path)
        .limit(_CANDIDATES_MAX)
        .options(undefer(Area.boundary))
    )
    return (await session.scalars(statement)).all()
