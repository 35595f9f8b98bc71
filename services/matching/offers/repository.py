"""SQL of offers."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import or_, select, text, tuple_

from services.matching.locking import locked
from services.matching.offers.models import Offer
from services.matching.offers.rules import ASK_AGAIN_AFTER, STALE_AFTER
from services.matching.partners.models import Partner
from shared.db import Session, WriteSession

__all__ = [
    "OfferFilter",
    "find_offer",
    "list_offers",
    "lock_external",
    "lock_offer",
    "offers_by_id",
    "one_external_id_at_a_time",
    "stale_offers",
]

_ASKED_AT_ONCE: Final = 200
_ONE_AT_A_TIME: Final = text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))")


async def find_offer(session: Session, offer_id: UUID) -> Offer | None:
    """Return an offer."""
    return await session.scalar(select(Offer).where(Offer.tenant_id == session.tenant, Offer.id == offer_id))


async def offers_by_id(session: Session, offer_ids: Collection[UUID]) -> dict[UUID, Offer]:
    """Return several offers by their ids."""
    statement = select(Offer).where(Offer.tenant_id == session.tenant, Offer.id.in_(offer_ids))
    return {row.id: row for row in await session.scalars(statement)}


async def lock_offer(session: WriteSession, offer_id: UUID) -> Offer | None:
    """Return an offer and keep others from changing it meanwhile."""
    statement = select(Offer).where(Offer.tenant_id == session.tenant, Offer.id == offer_id)
    return await session.scalar(locked(statement))


@dataclass(frozen=True, slots=True)
class OfferFilter:
    """What a list of offers is asked for; with `stale_at` only what nobody has confirmed for too long by then."""

    under: str | None = None
    category: str | None = None
    partner_id: UUID | None = None
    kind: str | None = None
    words: str | None = None
    stale_at: datetime | None = None


async def list_offers(
    session: Session, wanted: OfferFilter, *, after: tuple[Any, ...] | None, limit: int
) -> Sequence[Offer]:
    """Return offers, the newest first."""
    statement = select(Offer).where(Offer.tenant_id == session.tenant)
    if wanted.under is not None:
        statement = statement.where(Offer.coverage.within(wanted.under))
    equal = ((Offer.category, wanted.category), (Offer.partner_id, wanted.partner_id), (Offer.kind, wanted.kind))
    for column, value in equal:
        if value is not None:
            statement = statement.where(column == value)
    if wanted.stale_at is not None:
        statement = statement.where(Offer.active, Offer.confirmed_at <= wanted.stale_at - STALE_AFTER)
    if wanted.words is not None:
        words = Offer.title + " " + Offer.description
        statement = statement.where(words.icontains(wanted.words, autoescape=True))
    if after is not None:
        statement = statement.where(tuple_(Offer.created_at, Offer.id) < tuple_(*after))
    return (await session.scalars(statement.order_by(Offer.created_at.desc(), Offer.id.desc()).limit(limit))).all()


async def one_external_id_at_a_time(session: WriteSession, partner_id: UUID, external_id: str) -> None:
    """Let whoever sends the same offer at the same moment take turns."""
    await session.execute(_ONE_AT_A_TIME, {"name": f"{session.tenant}/offer/{partner_id}/{external_id}"})


async def lock_external(session: WriteSession, partner_id: UUID, external_id: str) -> Offer | None:
    """Return the offer that a partner knows by an id of its own, and keep others from changing it meanwhile."""
    statement = select(Offer).where(
        Offer.tenant_id == session.tenant, Offer.partner_id == partner_id, Offer.external_id == external_id
    )
    return await session.scalar(locked(statement))


async def stale_offers(session: WriteSession, now: datetime) -> Sequence[tuple[Offer, Partner]]:
    """Return offers that stand unconfirmed for too long and were not asked about lately, locked, the oldest first."""
    statement = (
        select(Offer, Partner)
        .join(Partner, (Partner.tenant_id == Offer.tenant_id) & (Partner.id == Offer.partner_id))
        .where(
            Offer.tenant_id == session.tenant,
            Offer.active,
            Offer.confirmed_at <= now - STALE_AFTER,
            or_(Offer.asked_at.is_(None), Offer.asked_at <= now - ASK_AGAIN_AFTER),
            or_(Offer.valid_until.is_(None), Offer.valid_until > now),
        )
        .order_by(Offer.confirmed_at, Offer.id)
        .limit(_ASKED_AT_ONCE)
        .with_for_update(of=Offer, skip_locked=True)
    )
    return [(offer, partner) for offer, partner in (await session.execute(statement)).all()]
