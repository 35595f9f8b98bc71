"""Shapes of the use of venues."""

from datetime import datetime
from uuid import UUID

from shared.web import OutputModel

__all__ = ["AreaUseOut", "UseOut", "UtilisationOut", "VenueUseOut"]


class UseOut(OutputModel):
    """Minutes open, minutes booked of them, and the share in thousandths; null where nothing was open."""

    open_min: int
    booked_min: int
    bookings: int
    permille: int | None


class VenueUseOut(OutputModel):
    """One venue."""

    offer_id: UUID
    title: str
    area_id: UUID
    use: UseOut


class AreaUseOut(OutputModel):
    """All venues of one area."""

    area_id: UUID
    path: str
    venues: int
    use: UseOut


class UtilisationOut(OutputModel):
    """How far venues are used in a period."""

    starts_at: datetime
    ends_at: datetime
    venues: list[VenueUseOut]
    areas: list[AreaUseOut]
    total: UseOut
