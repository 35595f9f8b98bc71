"""The envelope of an event: CloudEvents 1.0 in structured JSON, with our extension attributes.

`sequence` counts the events of one subject towards one consumer, without a gap, so that the consumer can apply them in
order; `actor`, `requestid` and `traceparent` let one request be followed through every process. Payloads carry ids and
summaries written by officers, never personal data: what waits in Redis may be read by whoever reads Redis.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar, Generic, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict

__all__ = ["Concerns", "Event", "EventData", "ForPartners"]


class Concerns(StrEnum):
    """Which partners an event concerns, and the member of its payload that says so."""

    PARTNER = "partner_id"
    OFFER = "offer_id"
    PROJECT = "project_id"
    AREA = "area_path"
    CASE = "case_id"
    EVERYBODY = "*"


@dataclass(frozen=True, slots=True)
class ForPartners:
    """That partners may subscribe to an event: whom it concerns, and what of its payload they may see.

    Nobody else is told, and a member that is not named here is not sent.
    """

    concerns: Concerns
    shows: tuple[str, ...]


class EventData(BaseModel):
    """Base of all event payloads; a subclass names its type once and never changes after its release.

    With `partners` it is in the catalogue that partners subscribe to.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    event_type: ClassVar[str]
    partners: ClassVar[ForPartners | None] = None


T = TypeVar("T", bound=EventData)


class Event(BaseModel, Generic[T]):
    """One event as it travels. Unknown payload members are ignored, so that a newer producer does not stop an older
    consumer.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    specversion: str = "1.0"
    id: UUID
    source: str
    type: str
    subject: str
    time: datetime
    datacontenttype: str = "application/json"
    tenant: str
    sequence: int
    actor: str | None = None
    requestid: str | None = None
    traceparent: str | None = None
    data: T

    @property
    def subject_id(self) -> UUID:
        """The id behind the slash of `case/<id>`."""
        return UUID(self.subject.partition("/")[2])

    def as_json(self) -> dict[str, Any]:
        """Return the structured JSON form, without the attributes that are not set."""
        return self.model_dump(mode="json", exclude_none=True)
