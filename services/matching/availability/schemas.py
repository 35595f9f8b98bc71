"""Shapes of availability."""

from datetime import datetime
from uuid import UUID

from shared.web import OutputModel

__all__ = ["WindowOut", "WindowsOut"]


class WindowOut(OutputModel):
    """So many units can be had at any time from start to end; of which room or group, if it has any."""

    resource_id: UUID | None
    starts_at: datetime
    ends_at: datetime
    units: int


class WindowsOut(OutputModel):
    """When an offer is free. A booking fits if the windows that hold it whole have enough units together."""

    offer_id: UUID
    windows: list[WindowOut]
