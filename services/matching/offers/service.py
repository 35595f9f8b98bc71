"""Use cases of offers."""

from uuid import UUID

from services.matching.coverage import covers
from services.matching.locking import take_turn
from services.matching.offers import repository
from services.matching.offers.models import Offer
from services.matching.offers.rules import OutsideCoverage, QuantityInUse, ValidityEndsFirst
from services.matching.offers.schemas import OfferIn, OfferPatch
from services.matching.partners.models import Partner
from services.matching.partners.repository import find_partner
from services.matching.places import open_area
from services.matching.problems import UnknownPartner
from shared.auth import Principal, Role
from shared.clock import utc_now
from shared.db import Session, WriteSession
from shared.ids import new_id
from shared.problems import Forbidden, IdTaken, NotFound

__all__ = ["change_offer", "lock_offer", "make_offer"]


def _must_speak_for(caller: Principal, partner: Partner) -> None:
    if partner.unit_id in caller.units(Role.UNIT_STAFF, Role.PARTNER):
        return
    if not caller.has(Role.OFFICER, Role.SECRETARY, Role.ADMINISTRATOR, at=partner.coverage):
        raise Forbidden(rule="own_unit_or_officer")


async def _partner(session: Session, partner_id: UUID) -> Partner:
    partner = await find_partner(session, partner_id)
    if partner is None:
        raise UnknownPartner(pointer="/partner_id")
    return partner


def _is_same(earlier: Offer, wanted: OfferIn) -> bool:
    """Tell whether this is what was sent before; once the offer has moved on, only what never changes can tell."""
    names = {"partner_id", "kind", "category", "area_id"}
    if earlier.version == 1:
        names |= {"title", "description", "quantity", "price_fen", "valid_until"}
        names |= {"valid_from"} if wanted.valid_from is not None else set()
    return all(getattr(earlier, name) == getattr(wanted, name) for name in names)


async def make_offer(session: WriteSession, caller: Principal, wanted: OfferIn) -> tuple[Offer, bool]:
    """Put a line on the resource list; returns it and whether it is new."""
    partner = await _partner(session, wanted.partner_id)
    _must_speak_for(caller, partner)
    area = await open_area(session, wanted.area_id)
    if not covers(partner.coverage, area.path):
        raise OutsideCoverage(pointer="/area_id")
    now = utc_now()
    begins = wanted.valid_from or now
    if wanted.valid_until is not None and wanted.valid_until <= begins:
        raise ValidityEndsFirst(pointer="/valid_until")
    await take_turn(session, "offer", wanted.id)
    earlier = await repository.find_offer(session, wanted.id) if wanted.id else None
    if earlier is not None:
        if not _is_same(earlier, wanted):
            raise IdTaken(pointer="/id")
        return earlier, False
    offer = Offer(
        tenant_id=session.tenant,
        id=wanted.id or new_id(),
        partner_id=partner.id,
        kind=wanted.kind.value,
        category=wanted.category,
        title=wanted.title,
        description=wanted.description,
        area_id=area.id,
        coverage=area.path,
        quantity=wanted.quantity,
        held=0,
        committed=0,
        price_fen=wanted.price_fen,
        valid_from=begins,
        valid_until=wanted.valid_until,
        confirmed_at=now,
        active=True,
        created_at=now,
        version=1,
    )
    session.add(offer)
    await session.flush()
    return offer, True


async def lock_offer(session: WriteSession, offer_id: UUID) -> Offer:
    """Return an offer for a change, or NotFound."""
    offer = await repository.lock_offer(session, offer_id)
    if offer is None:
        raise NotFound
    return offer


async def change_offer(session: WriteSession, caller: Principal, offer: Offer, wanted: OfferPatch) -> None:
    """Change an offer and confirm it."""
    _must_speak_for(caller, await _partner(session, offer.partner_id))
    changed = wanted.model_dump(exclude_none=True)
    if changed.get("quantity", offer.quantity) < offer.held + offer.committed:
        raise QuantityInUse(pointer="/quantity")
    if wanted.valid_until is not None and wanted.valid_until <= offer.valid_from:
        raise ValidityEndsFirst(pointer="/valid_until")
    for name, value in changed.items():
        setattr(offer, name, value)
    offer.confirmed_at = utc_now()
    offer.version += 1
