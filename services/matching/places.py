"""Looking up what a request refers to, with the refusal that names the field."""

from uuid import UUID

from services.matching.models import reference
from services.matching.problems import UnknownArea, UnknownUnit
from shared.db import Session
from shared.db.kernel_models import AreaCopyColumns, UnitCopyColumns
from shared.reference import find_area, find_unit

__all__ = ["active_unit", "known_area", "open_area"]


async def known_area(session: Session, area_id: UUID, *, pointer: str) -> AreaCopyColumns:
    """Return an area, closed ones included: what happened there can still be read."""
    area = await find_area(session, reference, area_id)
    if area is None:
        raise UnknownArea(pointer=pointer)
    return area


async def open_area(session: Session, area_id: UUID, *, pointer: str = "/area_id") -> AreaCopyColumns:
    """Return an area that is not closed."""
    area = await find_area(session, reference, area_id)
    if area is None or area.closed_on is not None:
        raise UnknownArea(pointer=pointer)
    return area


async def active_unit(session: Session, unit_id: UUID, *, pointer: str = "/unit_id") -> UnitCopyColumns:
    """Return a unit that is active."""
    unit = await find_unit(session, reference, unit_id)
    if unit is None or not unit.active:
        raise UnknownUnit(pointer=pointer)
    return unit
