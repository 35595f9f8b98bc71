"""Shapes of deliveries. Neither tokens nor numbers are among them."""

from datetime import datetime
from uuid import UUID

from services.directory.deliveries.rules import Channel, DropReason, State
from shared.web import OutputModel

__all__ = ["AttemptView", "DeliveryDetail", "DeliveryView", "OwnDelivery"]


class OwnDelivery(OutputModel):
    """What became of a message to the caller."""

    id: UUID
    notification_id: UUID
    channel: Channel
    kind: str
    case_id: UUID | None
    title_zh: str
    title_en: str
    urgent: bool
    state: State
    reason: DropReason | None
    next_at: datetime | None
    created_at: datetime
    finished_at: datetime | None


class DeliveryView(OutputModel):
    """What became of a message, for administrators: without its words."""

    id: UUID
    notification_id: UUID
    person_id: UUID
    channel: Channel
    kind: str
    case_id: UUID | None
    urgent: bool
    state: State
    reason: DropReason | None
    detail: str | None
    next_at: datetime | None
    tries: int
    version: int
    created_at: datetime
    finished_at: datetime | None


class AttemptView(OutputModel):
    """One try, to one device or phone."""

    device_id: UUID | None
    at: datetime
    ok: bool
    detail: str
    duration_ms: int


class DeliveryDetail(DeliveryView):
    """A delivery with every try."""

    attempts: list[AttemptView]
