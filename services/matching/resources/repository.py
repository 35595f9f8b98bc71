"""SQL of rooms and groups."""

from collections.abc import Collection, Sequence
from uuid import UUID

from sqlalchemy import select

from services.matching.resources.models import OfferResource
from shared.db import Session

__all__ = ["find_resource", "resources_of", "resources_of_offers"]


async def find_resource(session: Session, resource_id: UUID) -> OfferResource | None:
    """Return a room or a group."""
    return await session.scalar(
        select(OfferResource).where(OfferResource.tenant_id == session.tenant, OfferResource.id == resource_id)
    )


async def resources_of(session: Session, offer_id: UUID) -> Sequence[OfferResource]:
    """Return the rooms or groups of an offer, in the order in which they were added."""
    return await resources_of_offers(session, [offer_id])


async def resources_of_offers(session: Session, offer_ids: Collection[UUID]) -> Sequence[OfferResource]:
    """Return the rooms and groups of several offers."""
    statement = select(OfferResource).where(
        OfferResource.tenant_id == session.tenant, OfferResource.offer_id.in_(offer_ids)
    )
    return (await session.scalars(statement.order_by(OfferResource.created_at, OfferResource.id))).all()
