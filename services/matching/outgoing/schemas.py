"""Shapes of deliveries, of attempts, and of what can be asked for by hand."""

from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from services.matching.endpoints.schemas import EventType
from services.matching.outgoing.rules import AttemptError, DeliveryState, DropReason
from shared.web import InputModel, OutputModel

__all__ = ["AttemptOut", "DeliveryDetail", "DeliveryOut", "ReplayIn", "ReplayOut", "TestIn"]


# Within these every offset can be turned into UTC.
_FIRST: Final = datetime(2000, 1, 1, tzinfo=UTC)
_LAST: Final = datetime(2200, 1, 1, tzinfo=UTC)
Moment = Annotated[AwareDatetime, Field(ge=_FIRST, le=_LAST)]


class TestIn(InputModel):
    """Which event's sample to send; the first that the endpoint subscribes to, if none is named."""

    __test__ = False

    event_type: EventType | None = None


class ReplayIn(InputModel):
    """From when on, and what: `missing` is what did not arrive, `all` what arrived as well."""

    since: Moment
    until: Moment | None = None
    what: Literal["missing", "all"] = "missing"


class ReplayOut(OutputModel):
    """How many events are on their way again; `next_since` is where to go on when there are more than one takes."""

    requeued: Annotated[int, Field(ge=0)]
    next_since: datetime | None


class DeliveryOut(OutputModel):
    """What became of an event on its way to an endpoint; `event_id` is the `webhook-id` of every attempt."""

    id: UUID
    endpoint_id: UUID
    event_id: UUID
    event_type: str
    occurred_at: datetime
    state: DeliveryState
    reason: DropReason | None
    tries: int
    next_at: datetime | None
    created_at: datetime
    finished_at: datetime | None
    version: int


class AttemptOut(OutputModel):
    """One attempt: the status and the first KiB of what was answered, or why nothing was."""

    id: UUID
    delivery_id: UUID
    number: int
    at: datetime
    duration_ms: int
    status: int | None
    error: AttemptError | None
    answer: str | None


class DeliveryDetail(DeliveryOut):
    """A delivery with what is sent and the last hundred attempts."""

    body: dict[str, Any]
    attempts: list[AttemptOut]
