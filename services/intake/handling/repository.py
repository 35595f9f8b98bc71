"""SQL of handling rules."""

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from services.intake.calendar.models import CalendarVersion
from services.intake.handling.models import HandlingVersion
from shared.db import Session, WriteSession

__all__ = ["add_version", "find_version", "newest_versions", "versions"]


async def newest_versions(session: Session) -> tuple[int, int]:
    """Return the newest versions of the handling rules and of the calendar, in one trip; 1 and 0 when there is none."""
    rules = select(func.max(HandlingVersion.version)).where(HandlingVersion.tenant_id == session.tenant)
    calendar = select(func.max(CalendarVersion.version)).where(CalendarVersion.tenant_id == session.tenant)
    row = (await session.execute(select(rules.scalar_subquery(), calendar.scalar_subquery()))).one()
    return row[0] or 1, row[1] or 0


async def find_version(session: Session, version: int) -> HandlingVersion | None:
    """Return one version."""
    mine = HandlingVersion.tenant_id == session.tenant
    return await session.scalar(select(HandlingVersion).where(mine, HandlingVersion.version == version))


async def versions(session: Session, *, before: int | None, limit: int) -> Sequence[HandlingVersion]:
    """Return versions, the newest first."""
    statement = select(HandlingVersion).where(HandlingVersion.tenant_id == session.tenant)
    if before is not None:
        statement = statement.where(HandlingVersion.version < before)
    return (await session.scalars(statement.order_by(HandlingVersion.version.desc()).limit(limit))).all()


async def add_version(session: WriteSession, row: HandlingVersion) -> bool:
    """Add a version; returns False when somebody else has added it meanwhile."""
    values = {column.key: getattr(row, column.key) for column in HandlingVersion.__table__.columns}
    statement = insert(HandlingVersion).values(values).on_conflict_do_nothing().returning(HandlingVersion.version)
    return await session.scalar(statement) is not None
