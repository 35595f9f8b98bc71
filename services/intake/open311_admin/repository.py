"""SQL of keys and of how categories are offered."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Select, or_, select
from sqlalchemy.dialects.postgresql import insert

from services.intake.models import reference
from services.intake.open311_admin.models import Open311Key, Open311Service
from shared.auth import Principal, Role
from shared.db import Session, WriteSession

__all__ = ["all_services", "find_key", "find_key_by_hash", "keys_below", "lock_key", "lock_or_add_service"]


def _one(session: Session, key_id: UUID) -> Select[Open311Key, str]:
    area = reference.area
    return (
        select(Open311Key, area.path)
        .join(area, (area.tenant_id == Open311Key.tenant_id) & (area.id == Open311Key.area_id))
        .where(Open311Key.tenant_id == session.tenant, Open311Key.id == key_id)
    )


async def find_key(session: Session, key_id: UUID) -> tuple[Open311Key, str] | None:
    """Return a key with the path of its area."""
    row = (await session.execute(_one(session, key_id))).one_or_none()
    return (row[0], row[1]) if row is not None else None


async def lock_key(session: WriteSession, key_id: UUID) -> tuple[Open311Key, str] | None:
    """Return a key with the path of its area, and keep others from changing it meanwhile."""
    row = (await session.execute(_one(session, key_id).with_for_update(of=Open311Key))).one_or_none()
    return (row[0], row[1]) if row is not None else None


async def find_key_by_hash(session: Session, key_hash: bytes, *, lock: bool = False) -> Open311Key | None:
    """Return the key of a hash, revoked or not."""
    statement = select(Open311Key).where(Open311Key.tenant_id == session.tenant, Open311Key.key_hash == key_hash)
    return await session.scalar(statement.with_for_update() if lock else statement)


async def keys_below(
    session: Session, caller: Principal, *, after: UUID | None, limit: int
) -> Sequence[tuple[Open311Key, str]]:
    """Return the keys of the areas that the caller administers, the newest first."""
    area = reference.area
    statement = (
        select(Open311Key, area.path)
        .join(area, (area.tenant_id == Open311Key.tenant_id) & (area.id == Open311Key.area_id))
        .where(Open311Key.tenant_id == session.tenant)
        .where(or_(*(area.path.within(path) for path in caller.paths(Role.ADMINISTRATOR))))
    )
    if after is not None:
        statement = statement.where(Open311Key.id < after)
    rows = await session.execute(statement.order_by(Open311Key.id.desc()).limit(limit))
    return [(key, path) for key, path in rows]


async def lock_or_add_service(session: WriteSession, offered: Open311Service) -> Open311Service | None:
    """Add how a category is offered; if that is there already, return it, kept from others until the commit."""
    columns = {column.key: getattr(offered, column.key) for column in Open311Service.__table__.columns}
    added = insert(Open311Service).values(columns).on_conflict_do_nothing().returning(Open311Service.category)
    if await session.scalar(added) is not None:
        return None
    statement = select(Open311Service).where(
        Open311Service.tenant_id == session.tenant, Open311Service.category == offered.category
    )
    return await session.scalar(statement.with_for_update())


async def all_services(session: Session, *, after: str | None, limit: int) -> Sequence[Open311Service]:
    """Return how categories are offered, by code."""
    statement = select(Open311Service).where(Open311Service.tenant_id == session.tenant)
    if after is not None:
        statement = statement.where(Open311Service.category > after)
    return (await session.scalars(statement.order_by(Open311Service.category).limit(limit))).all()
