"""Use cases of offers."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from services.matching.locking import take_turn
from services.matching.offers import repository
from services.matching.offers.content import columns_of, kept_eligibility, kept_hours
from services.matching.offers.models import Offer
from services.matching.offers.rules import (
    NotForThisKind,
    OfferKind,
    PartlyMissing,
    QuantityInUse,
    UpsertOutcome,
    ValidityEndsFirst,
    misplaced_members,
)
from services.matching.offers.schemas import OfferIn, OfferItem, OfferPatch
from services.matching.partners.models import Partner
from services.matching.partners.repository import find_partner
from services.matching.partners.service import must_speak_for
from services.matching.problems import UnknownPartner
from shared.auth import Principal
from shared.clock import utc_now
from shared.contracts.matching import NoticeWanted
from shared.contracts.matching_partners import OfferStale
from shared.db import Session, WriteSession
from shared.ids import new_id
from shared.messaging import publish
from shared.problems import IdTaken, NotFound

__all__ = ["ask_about_stale", "change_offer", "get_offer", "lock_offer", "make_offer", "partner_of", "upsert_offer"]

# What tells two offers of one id apart once the first has moved on.
_NEVER_CHANGES: Final = ("partner_id", "kind", "category", "area_id")


async def get_offer(session: Session, offer_id: UUID) -> Offer:
    """Return an offer, or NotFound."""
    offer = await repository.find_offer(session, offer_id)
    if offer is None:
        raise NotFound
    return offer


async def lock_offer(session: WriteSession, offer_id: UUID) -> Offer:
    """Return an offer for a change, or NotFound."""
    offer = await repository.lock_offer(session, offer_id)
    if offer is None:
        raise NotFound
    return offer


async def partner_of(session: Session, partner_id: UUID) -> Partner:
    """Return the partner that a body names, or refuse."""
    partner = await find_partner(session, partner_id)
    if partner is None:
        raise UnknownPartner(pointer="/partner_id")
    return partner


def _is_same(earlier: Offer, columns: dict[str, Any], begins: datetime | None) -> bool:
    """Tell whether this is what was sent before; once the offer has moved on, only what never changes can tell."""
    names = columns.keys() if earlier.version == 1 else _NEVER_CHANGES
    same_begin = begins is None or earlier.version > 1 or earlier.valid_from == begins
    return same_begin and all(getattr(earlier, name) == columns[name] for name in names)


def _new_offer(
    session: WriteSession, offer_id: UUID, columns: dict[str, Any], begins: datetime, now: datetime
) -> Offer:
    if columns["valid_until"] is not None and columns["valid_until"] <= begins:
        raise ValidityEndsFirst(pointer="/valid_until")
    counted = dict.fromkeys(("held", "committed", "moving", "received"), 0)
    kept = {"active": True} | columns | counted
    return Offer(
        tenant_id=session.tenant,
        id=offer_id,
        valid_from=begins,
        confirmed_at=now,
        created_at=now,
        version=1,
        **kept,
    )


async def make_offer(session: WriteSession, caller: Principal, wanted: OfferIn) -> tuple[Offer, bool]:
    """Put a line on the resource list; returns it and whether it is new."""
    partner = await partner_of(session, wanted.partner_id)
    must_speak_for(caller, partner)
    columns = {"partner_id": partner.id, **await columns_of(session, partner, wanted)}
    await take_turn(session, "offer", wanted.id)
    earlier = await repository.find_offer(session, wanted.id) if wanted.id else None
    if earlier is not None:
        if not _is_same(earlier, columns, wanted.valid_from):
            raise IdTaken(pointer="/id")
        return earlier, False
    now = utc_now()
    offer = _new_offer(session, wanted.id or new_id(), columns, wanted.valid_from or now, now)
    session.add(offer)
    await session.flush()
    return offer, True


async def upsert_offer(session: WriteSession, partner: Partner, item: OfferItem) -> UpsertOutcome:
    """Take in one offer that a partner has sent under an id and a version of its own.

    The newest version holds, in whatever order they arrive, and the same one again changes nothing but that it
    confirms the offer. Nothing is written when the item is refused.

    Raises:
        Problem: what is wrong with the item, with the pointer of the member.
    """
    columns = {**await columns_of(session, partner, item), "active": item.active}
    await repository.one_external_id_at_a_time(session, partner.id, item.external_id)
    offer = await repository.lock_external(session, partner.id, item.external_id)
    now = utc_now()
    if offer is None:
        names = {"partner_id": partner.id, "external_id": item.external_id, "external_version": item.external_version}
        session.add(_new_offer(session, new_id(), columns | names, item.valid_from or now, now))
        await session.flush()
        return UpsertOutcome.CREATED
    changed = {name: value for name, value in columns.items() if getattr(offer, name) != value}
    if item.valid_from is not None and item.valid_from != offer.valid_from:
        changed["valid_from"] = item.valid_from
    known = offer.external_version or 0
    if item.external_version < known or (item.external_version == known and changed):
        return UpsertOutcome.OUTDATED
    _check_change(offer, changed)
    for name, value in {**changed, "external_version": item.external_version, "confirmed_at": now}.items():
        setattr(offer, name, value)
    offer.asked_at = None
    if changed:
        offer.needs_sought_at = None
    offer.version += 1
    await session.flush()
    return UpsertOutcome.UPDATED if changed else UpsertOutcome.UNCHANGED


def _check_change(offer: Offer, changed: dict[str, Any]) -> None:
    """Refuse a change that would take away what is in use, or end before it begins."""
    if changed.get("kind", offer.kind) != offer.kind and offer.in_use:
        raise QuantityInUse(pointer="/kind")
    if changed.get("quantity", offer.quantity) < offer.in_use:
        raise QuantityInUse(pointer="/quantity")
    begins, ends = changed.get("valid_from", offer.valid_from), changed.get("valid_until", offer.valid_until)
    if ends is not None and ends <= begins:
        raise ValidityEndsFirst(pointer="/valid_until")


async def change_offer(session: WriteSession, caller: Principal, offer: Offer, wanted: OfferPatch) -> None:
    """Change an offer and confirm it."""
    must_speak_for(caller, await partner_of(session, offer.partner_id))
    changed = wanted.model_dump(exclude_none=True)
    for name in misplaced_members(OfferKind(offer.kind), changed):
        raise NotForThisKind(pointer=f"/{name}", kind=offer.kind)
    if wanted.quantity not in (None, 1) and offer.kind == OfferKind.MONEY:
        raise NotForThisKind(pointer="/quantity", kind=offer.kind)
    if wanted.eligibility is not None:
        changed["eligibility"] = await kept_eligibility(session, wanted.eligibility)
    if wanted.hours is not None:
        changed["hours"] = kept_hours(wanted.hours)
    if wanted.skills is not None:
        changed["skills"] = list(dict.fromkeys(wanted.skills))
    point = (changed.get("latitude", offer.latitude), changed.get("longitude", offer.longitude))
    if (point[0] is None) != (point[1] is None):
        raise PartlyMissing(pointer="/longitude" if point[1] is None else "/latitude")
    _check_change(offer, changed)
    for name, value in changed.items():
        setattr(offer, name, value)
    if changed:
        offer.needs_sought_at = None
    offer.confirmed_at, offer.asked_at = utc_now(), None
    offer.version += 1
    await session.flush()


async def ask_about_stale(session: WriteSession, now: datetime) -> int:
    """Ask the partners of offers that nobody has confirmed for long whether they still stand; returns how many."""
    asked = await repository.stale_offers(session, now)
    for offer, partner in asked:
        offer.asked_at = now
        told = OfferStale(
            offer_id=offer.id, partner_id=partner.id, unit_id=partner.unit_id, confirmed_at=offer.confirmed_at
        )
        await publish(session, f"offer/{offer.id}", told)
    await session.flush()
    await _tell_people(session, asked)
    return len(asked)


async def _tell_people(session: WriteSession, asked: Sequence[tuple[Offer, Partner]]) -> None:
    """Tell the people of each partner once how many of its offers are in question: not everybody has an endpoint."""
    of_partner: dict[UUID, list[Offer]] = defaultdict(list)
    units = {partner.id: partner.unit_id for _, partner in asked}
    for offer, partner in asked:
        of_partner[partner.id].append(offer)
    for partner_id, offers in of_partner.items():
        told = NoticeWanted(
            kind="offers_stale",
            number=str(len(offers)),
            title=offers[0].title,
            people=[],
            units=[units[partner_id]],
            staff_of=[],
            due_at=None,
        )
        await publish(session, f"partner/{partner_id}", told)
