"""Areas that callers name."""

from uuid import UUID

from services.intake.cases.problems import UnknownArea
from services.intake.models import reference
from shared.db import Session
from shared.reference import find_area

__all__ = ["path_of"]


async def path_of(session: Session, area_id: UUID | None) -> str | None:
    """Return the path of the area that a list is narrowed to, if it is.

    Raises:
        UnknownArea: there is none.
    """
    if area_id is None:
        return None
    area = await find_area(session, reference, area_id)
    if area is None:
        raise UnknownArea(pointer="/query/under")
    return area.path
