"""SQL of the use of venues."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select

from services.matching.holds.models import Hold
from services.matching.offers.models import Offer
from shared.db import Session

__all__ = ["VENUES_MAX", "bookings_between", "venues_under"]

# A district has some hundreds; a figure of more is asked for area by area.
VENUES_MAX = 1_000


async def venues_under(session: Session, path: str | None) -> Sequence[Offer]:
    """Return the active venues at or below an area, in a fixed order; one more than the limit tells that it is hit."""
    statement = select(Offer).where(Offer.tenant_id == session.tenant, Offer.kind == "venue", Offer.active)
    if path is not None:
        statement = statement.where(Offer.coverage.within(path))
    return (await session.scalars(statement.order_by(Offer.coverage, Offer.id).limit(VENUES_MAX + 1))).all()


async def bookings_between(session: Session, offer_ids: Collection[UUID], t0: datetime, t1: datetime) -> Sequence[Hold]:
    """Return what is promised of venues between two moments."""
    statement = select(Hold).where(
        Hold.tenant_id == session.tenant,
        Hold.offer_id.in_(offer_ids),
        Hold.state == "committed",
        Hold.what == "slot",
        Hold.starts_at < t1,
        Hold.ends_at > t0,
    )
    return (await session.scalars(statement.order_by(Hold.id))).all()
