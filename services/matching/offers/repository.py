"""SQL of offers."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select, tuple_, update

from services.matching.locking import locked
from services.matching.offers.models import Offer
from services.matching.partners.models import Partner
from shared.db import Session, WriteSession

__all__ = [
    "commit_hold",
    "find_offer",
    "list_offers",
    "lock_offer",
    "offers_with_partners",
    "release_hold",
    "take_hold",
]

_CANDIDATES_MAX = 2_000


async def find_offer(session: Session, offer_id: UUID) -> Offer | None:
    """Return an offer."""
    return await session.scalar(select(Offer).where(Offer.tenant_id == session.tenant, Offer.id == offer_id))


async def lock_offer(session: WriteSession, offer_id: UUID) -> Offer | None:
    """Return an offer and keep others from changing it meanwhile."""
    statement = select(Offer).where(Offer.tenant_id == session.tenant, Offer.id == offer_id)
    return await session.scalar(locked(statement))


async def list_offers(
    session: Session,
    *,
    under: str | None,
    category: str | None,
    partner_id: UUID | None,
    text: str | None,
    after: tuple[Any, ...] | None,
    limit: int,
) -> Sequence[Offer]:
    """Return offers, the newest first."""
    statement = select(Offer).where(Offer.tenant_id == session.tenant)
    if under is not None:
        statement = statement.where(Offer.coverage.within(under))
    if category is not None:
        statement = statement.where(Offer.category == category)
    if partner_id is not None:
        statement = statement.where(Offer.partner_id == partner_id)
    if text is not None:
        statement = statement.where((Offer.title + " " + Offer.description).icontains(text, autoescape=True))
    if after is not None:
        statement = statement.where(tuple_(Offer.created_at, Offer.id) < tuple_(*after))
    return (await session.scalars(statement.order_by(Offer.created_at.desc(), Offer.id.desc()).limit(limit))).all()


async def offers_with_partners(session: Session, category: str) -> Sequence[tuple[Offer, Partner]]:
    """Return the active offers of a category with who makes them, in a fixed order."""
    statement = (
        select(Offer, Partner)
        .join(Partner, (Partner.tenant_id == Offer.tenant_id) & (Partner.id == Offer.partner_id))
        .where(Offer.tenant_id == session.tenant, Offer.category == category, Offer.active)
        .order_by(Offer.id)
        .limit(_CANDIDATES_MAX)
    )
    return [(offer, partner) for offer, partner in (await session.execute(statement)).all()]


async def take_hold(session: WriteSession, offer_id: UUID, quantity: int) -> bool:
    """Hold some of an offer if there is enough; the row's lock lets one caller at a time look."""
    statement = (
        update(Offer)
        .where(
            Offer.tenant_id == session.tenant,
            Offer.id == offer_id,
            Offer.active,
            Offer.quantity - Offer.held - Offer.committed >= quantity,
        )
        .values(held=Offer.held + quantity, version=Offer.version + 1)
        .returning(Offer.id)
    )
    return await session.scalar(statement) is not None


async def commit_hold(session: WriteSession, offer_id: UUID, quantity: int) -> None:
    """Turn what is held into what is committed."""
    statement = update(Offer).where(Offer.tenant_id == session.tenant, Offer.id == offer_id)
    changed = {"held": Offer.held - quantity, "committed": Offer.committed + quantity, "version": Offer.version + 1}
    await session.execute(statement.values(changed), execution_options={"synchronize_session": False})


async def release_hold(session: WriteSession, offer_id: UUID, quantity: int) -> None:
    """Give back what was held."""
    statement = update(Offer).where(Offer.tenant_id == session.tenant, Offer.id == offer_id)
    changed = {"held": Offer.held - quantity, "version": Offer.version + 1}
    await session.execute(statement.values(changed), execution_options={"synchronize_session": False})
