"""Events of the intake: a case on its way from its first word to its requester's verdict."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from shared.contracts.envelope import Concerns, EventData, ForPartners

__all__ = [
    "CaseClaimed",
    "CaseClosed",
    "CaseFiled",
    "CaseNeedRaised",
    "CaseResolved",
    "CaseTriaged",
    "NotificationDue",
    "ProofRefused",
]


class CaseFiled(EventData):
    """Somebody raised a case. Its words stay in the intake."""

    event_type: ClassVar[str] = "linli.case.filed.v1"

    case_id: UUID
    number: str
    category: str
    area_id: UUID
    area_path: str
    filed_at: datetime


class CaseNeedRaised(EventData):
    """An officer stated what a case needs; `summary` is written for the public demand list.

    The point is that of the case in WGS 84 degrees, rounded to three decimals: some hundred metres, and no house.
    """

    event_type: ClassVar[str] = "linli.case.need_raised.v1"

    case_id: UUID
    need_id: UUID
    category: str
    summary: str
    area_id: UUID
    area_path: str
    quantity: int | None
    urgent: bool
    latitude: float | None = None
    longitude: float | None = None


class ProofRefused(EventData):
    """Some of what was named as proof is not there, was refused, or was uploaded by somebody else."""

    event_type: ClassVar[str] = "linli.proof.refused.v1"

    owner_kind: str
    owner_id: UUID
    attachment_ids: list[UUID]


class CaseTriaged(EventData):
    """A case got its level: `grid`, `council` or `joint`."""

    event_type: ClassVar[str] = "linli.case.triaged.v1"
    partners: ClassVar[ForPartners | None] = ForPartners(Concerns.CASE, ("case_id", "level"))

    case_id: UUID
    level: str
    reasons: list[str]


class CaseClaimed(EventData):
    """A unit took the case, until a due time."""

    event_type: ClassVar[str] = "linli.case.claimed.v1"

    case_id: UUID
    unit_id: UUID
    due_at: datetime


class CaseResolved(EventData):
    """The handler says that it is done; the requester is asked next."""

    event_type: ClassVar[str] = "linli.case.resolved.v1"

    case_id: UUID
    resolved_at: datetime


class CaseClosed(EventData):
    """The requester has spoken; `outcome` says what."""

    event_type: ClassVar[str] = "linli.case.closed.v1"

    case_id: UUID
    outcome: str
    closed_at: datetime


class NotificationDue(EventData):
    """Somebody who can be reached outside the inbox is to be told; the words are public ones."""

    event_type: ClassVar[str] = "linli.notification.due.v1"

    notification_id: UUID
    person_id: UUID
    kind: str
    case_id: UUID | None
    title_zh: str
    title_en: str
    urgent: bool
