"""Use cases of rooms and groups."""

from typing import Any, Final
from uuid import UUID

from services.matching.availability.hours import DAY_MIN
from services.matching.holds.repository import is_booked
from services.matching.offers.content import kept_hours
from services.matching.offers.models import Offer
from services.matching.offers.rules import NotForThisKind, OfferKind
from services.matching.offers.service import partner_of
from services.matching.partners.service import must_speak_for
from services.matching.resources import repository
from services.matching.resources.models import OfferResource
from services.matching.resources.rules import (
    DEPTH_MAX,
    KIND_OF,
    RESOURCES_MAX,
    BadSlot,
    NotBookable,
    ResourceInUse,
    ResourceKind,
    TooManyResources,
    UnknownResource,
    ancestors_of,
    depth_of,
)
from services.matching.resources.schemas import ResourceIn, ResourcePatch
from shared.auth import Principal
from shared.clock import utc_now
from shared.db import WriteSession
from shared.ids import new_id
from shared.problems import IdTaken, NotFound

__all__ = ["add_resource", "change_resource", "get_resource"]

# What decides which bookings there can be: it stays as long as there are some.
_SHAPE: Final = frozenset({"units", "buffer_before_min", "buffer_after_min", "slot_min"})


def _check_slot(slot_min: int | None) -> None:
    if slot_min is not None and DAY_MIN % slot_min:
        raise BadSlot(pointer="/slot_min")


async def add_resource(
    session: WriteSession, caller: Principal, offer: Offer, wanted: ResourceIn
) -> tuple[OfferResource, bool]:
    """Add a room or a group to an offer whose row is locked; returns it and whether it is new."""
    must_speak_for(caller, await partner_of(session, offer.partner_id))
    kind = KIND_OF.get(OfferKind(offer.kind))
    if kind is None:
        raise NotBookable(kind=offer.kind)
    if kind is ResourceKind.ROOM and wanted.units != 1:
        raise NotForThisKind(pointer="/units", kind=offer.kind)
    if kind is ResourceKind.GROUP and wanted.parent_id is not None:
        raise NotForThisKind(pointer="/parent_id", kind=offer.kind)
    _check_slot(wanted.slot_min)
    columns: dict[str, Any] = wanted.model_dump(exclude={"id", "hours"}) | {"hours": kept_hours(wanted.hours)}
    rooms = await repository.resources_of(session, offer.id)
    earlier = await repository.find_resource(session, wanted.id) if wanted.id else None
    if earlier is not None:
        if earlier.offer_id != offer.id or any(getattr(earlier, name) != value for name, value in columns.items()):
            raise IdTaken(pointer="/id")
        return earlier, False
    if len(rooms) >= RESOURCES_MAX:
        raise TooManyResources(limit=RESOURCES_MAX)
    if wanted.parent_id is not None:
        await _check_parent(session, wanted.parent_id, {room.id: room.parent_id for room in rooms})
    resource = OfferResource(
        tenant_id=session.tenant,
        id=wanted.id or new_id(),
        offer_id=offer.id,
        kind=kind.value,
        active=True,
        created_at=utc_now(),
        version=1,
        **columns,
    )
    session.add(resource)
    await session.flush()
    return resource, True


async def _check_parent(session: WriteSession, parent_id: UUID, parents: dict[UUID, UUID | None]) -> None:
    if parent_id not in parents or depth_of(parent_id, parents) >= DEPTH_MAX:
        raise UnknownResource(pointer="/parent_id")
    # Who has booked a room around it has not booked the new part, which is then neither free nor taken.
    above = ancestors_of(parent_id, parents)
    if await is_booked(session, above, utc_now()):
        raise ResourceInUse(resource_id=str(parent_id))


async def get_resource(session: WriteSession, offer: Offer, resource_id: UUID) -> OfferResource:
    """Return a room or group of an offer, or NotFound."""
    resource = await repository.find_resource(session, resource_id)
    if resource is None or resource.offer_id != offer.id:
        raise NotFound
    return resource


async def change_resource(
    session: WriteSession, caller: Principal, offer: Offer, resource: OfferResource, wanted: ResourcePatch
) -> None:
    """Change a room or group of an offer whose row is locked; its shape only while nobody has booked it."""
    must_speak_for(caller, await partner_of(session, offer.partner_id))
    _check_slot(wanted.slot_min)
    if resource.kind == ResourceKind.ROOM and wanted.units not in (None, 1):
        raise NotForThisKind(pointer="/units", kind=offer.kind)
    changed = wanted.model_dump(exclude_none=True, exclude={"hours"})
    if wanted.hours is not None:
        changed["hours"] = kept_hours(wanted.hours)
    reshaped = [name for name in _SHAPE & changed.keys() if changed[name] != getattr(resource, name)]
    if reshaped and await is_booked(session, [resource.id], utc_now()):
        raise ResourceInUse(resource_id=str(resource.id))
    for name, value in changed.items():
        setattr(resource, name, value)
    resource.version += 1
    await session.flush()
