"""Rooms and groups of people, how rooms contain each other, and what can be wrong with one."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final
from uuid import UUID

from services.matching.offers.rules import OfferKind
from shared.problems import Conflict, Invalid
from shared.texts import Text

__all__ = [
    "DEPTH_MAX",
    "KIND_OF",
    "RESOURCES_MAX",
    "BadSlot",
    "NotBookable",
    "ResourceInUse",
    "ResourceKind",
    "TooManyResources",
    "UnknownResource",
    "ancestors_of",
    "atoms_of",
    "depth_of",
]

# A building, its floors, their halves: deeper than that nobody divides a house.
DEPTH_MAX: Final = 4
RESOURCES_MAX: Final = 200


class ResourceKind(StrEnum):
    """What can be booked for a time."""

    ROOM = "room"
    GROUP = "group"


KIND_OF: Final[dict[OfferKind, ResourceKind]] = {
    OfferKind.VENUE: ResourceKind.ROOM,
    OfferKind.PEOPLE: ResourceKind.GROUP,
}


class NotBookable(Invalid):
    """Only venues have rooms and only teams have groups."""

    code = "not_bookable"
    title = Text(zh="只有场地和队伍可按时段预约", en="Only venues and teams can be booked for a time")


class UnknownResource(Invalid):
    """No room or group of this id in this offer."""

    code = "unknown_resource"
    title = Text(zh="没有这个房间或小组", en="No such room or group")


class BadSlot(Invalid):
    """A day is not made of slots of this length."""

    code = "bad_slot_length"
    title = Text(zh="时段长度须能整除一天", en="A day must be a whole number of slots")


class ResourceInUse(Conflict):
    """Somebody has booked it: its shape stays until that is over."""

    code = "resource_in_use"
    title = Text(zh="已有预约，暂不能更改", en="It is booked, so this cannot change now")


class TooManyResources(Conflict):
    """An offer with more rooms than anybody looks through is several offers."""

    code = "too_many_resources"
    title = Text(zh="一项资源的房间或小组过多", en="Too many rooms or groups in one offer")


def ancestors_of(resource_id: UUID, parents: Mapping[UUID, UUID | None]) -> list[UUID]:
    """Return a room and whatever it is a part of, from the inside out."""
    found: list[UUID] = []
    above: UUID | None = resource_id
    while above is not None and len(found) < DEPTH_MAX + 1:
        found.append(above)
        above = parents.get(above)
    return found


def atoms_of(resource_id: UUID, parents: Mapping[UUID, UUID | None]) -> tuple[UUID, ...]:
    """Return what a booking of a room takes: its parts that have no parts themselves, or itself; in a fixed order.

    Two rooms that share a place share an atom: the hall is its halves, so it is taken when one of them is, and the
    halves are free of each other.

    Args:
        resource_id: the room.
        parents: of every room of the offer, what it is a part of.
    """
    children = sorted(child for child, parent in parents.items() if parent == resource_id)
    if not children:
        return (resource_id,)
    return tuple(atom for child in children for atom in atoms_of(child, parents))


def depth_of(resource_id: UUID | None, parents: Mapping[UUID, UUID | None]) -> int:
    """Return how deep a room lies: 1 for one that is part of nothing."""
    return len(ancestors_of(resource_id, parents)) if resource_id is not None else 0
