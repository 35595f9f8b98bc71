"""Events of the directory: the map of places and organisations, which every other service keeps a copy of."""

from datetime import date, datetime
from typing import ClassVar, Literal
from uuid import UUID

from shared.contracts.envelope import EventData

__all__ = ["AreaChanged", "EntitlementAnswered", "NotificationSent", "ReachabilityChanged", "UnitChanged"]


class AreaChanged(EventData):
    """An area was opened, renamed, moved or closed; the whole of it, so that the last one wins."""

    event_type: ClassVar[str] = "linli.area.changed.v1"

    area_id: UUID
    path: str
    kind: str
    name: str
    parent_id: UUID | None
    closed_on: date | None


class UnitChanged(EventData):
    """A unit was registered, changed or deactivated; the whole of what others may know of it."""

    event_type: ClassVar[str] = "linli.unit.changed.v1"

    unit_id: UUID
    name: str
    kind: str
    area_id: UUID
    area_path: str
    active: bool


class EntitlementAnswered(EventData):
    """Yes or no to a question; about whom, and why, is not said."""

    event_type: ClassVar[str] = "linli.entitlement.answered.v1"

    question_id: UUID
    entitled: bool


class ReachabilityChanged(EventData):
    """Somebody has a device now, or has none any more, or wants text messages; the whole of it."""

    event_type: ClassVar[str] = "linli.person.reachability_changed.v1"

    person_id: UUID
    push: bool
    sms: bool


class NotificationSent(EventData):
    """What became of a message outside the inbox."""

    event_type: ClassVar[str] = "linli.notification.sent.v1"

    notification_id: UUID
    person_id: UUID
    channel: Literal["push", "sms"]
    ok: bool
    detail: str | None
    at: datetime
