"""SQL of series."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select

from services.matching.holds.models import Hold
from services.matching.locking import locked
from services.matching.series.models import BookingSeries
from shared.db import Session, WriteSession

__all__ = ["find_series", "holds_of_series", "lock_series"]


async def find_series(session: Session, series_id: UUID) -> BookingSeries | None:
    """Return a series."""
    return await session.scalar(
        select(BookingSeries).where(BookingSeries.tenant_id == session.tenant, BookingSeries.id == series_id)
    )


async def lock_series(session: WriteSession, series_id: UUID) -> BookingSeries | None:
    """Return a series and keep others from changing it meanwhile."""
    statement = select(BookingSeries).where(BookingSeries.tenant_id == session.tenant, BookingSeries.id == series_id)
    return await session.scalar(locked(statement))


async def holds_of_series(session: Session, series_id: UUID) -> Sequence[Hold]:
    """Return what a series holds: offer by offer, which is the order of locking, then by time."""
    statement = select(Hold).where(
        Hold.tenant_id == session.tenant, Hold.for_kind == "series", Hold.for_id == series_id
    )
    ordered = statement.order_by(Hold.offer_id, Hold.starts_at.nulls_first(), Hold.day.nulls_first(), Hold.id)
    return (await session.scalars(ordered)).all()
