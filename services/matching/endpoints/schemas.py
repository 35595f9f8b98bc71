"""Shapes of endpoints and of the catalogue. A secret is among them once: when it is made."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field, StringConstraints

from services.matching.endpoints.addresses import URL_LENGTH_MAX
from services.matching.endpoints.rules import DisabledReason, EndpointState
from shared.steps import NextActionOut
from shared.web import InputModel, OutputModel, PlainText, ShortText

__all__ = [
    "CatalogueOut",
    "DisableIn",
    "EndpointIn",
    "EndpointOut",
    "EndpointPatch",
    "EndpointWithSecret",
    "EventTypeOut",
    "KeyOut",
    "RotateIn",
]

Url = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=URL_LENGTH_MAX), Field(pattern=r"^[^\x00]*$")
]
EventType = Annotated[str, Field(pattern=r"^[a-z0-9_.]{1,80}$", description="Of the catalogue 事件目录中的类型")]
EventTypes = Annotated[list[EventType], Field(min_length=1, max_length=200)]


class EndpointIn(InputModel):
    """Where a partner wants to hear of which events."""

    id: UUID | None = None
    partner_id: UUID
    url: Url
    description: ShortText | None = None
    event_types: EventTypes


class EndpointPatch(InputModel):
    """What may change; what is left out stays."""

    url: Url | None = None
    description: ShortText | None = None
    event_types: EventTypes | None = None


class RotateIn(InputModel):
    """For how long the secret before still signs as well; 0 when it has leaked."""

    overlap_hours: Annotated[int, Field(strict=True, ge=0, le=168)] = 24


class DisableIn(InputModel):
    """Why nothing more is to be sent."""

    note: PlainText | None = None


class KeyOut(OutputModel):
    """A key that signs: its public half, and when it ends if it is not the current one."""

    public_key: str
    created_at: datetime
    expires_at: datetime | None


class EndpointOut(OutputModel):
    """An endpoint as its partner and officers see it."""

    id: UUID
    partner_id: UUID
    url: str
    description: str | None
    event_types: list[str]
    state: EndpointState
    reason: DisabledReason | None
    note: str | None
    failing_since: datetime | None
    last_failed_at: datetime | None
    last_succeeded_at: datetime | None
    created_at: datetime
    keys: list[KeyOut]
    version: int
    next_actions: list[NextActionOut]


class EndpointWithSecret(EndpointOut):
    """An endpoint with its new secret, which is shown this once; null when the request was done before."""

    secret: str | None


class EventTypeOut(OutputModel):
    """One type of event: whom it concerns, its JSON Schema (2020-12) and a sample."""

    type: str
    title: str
    summary: str
    concerns: str
    json_schema: dict[str, Any]
    sample: dict[str, Any]


class CatalogueOut(OutputModel):
    """Everything that partners can subscribe to."""

    events: list[EventTypeOut]
