"""What the directory tells: who can be reached, and what became of messages; and what a partner's staff should know."""

from collections.abc import Sequence

from services.intake.notifications.repository import put_reachable
from services.intake.notifications.rules import Channel
from services.intake.notifications.service import Receipt, Told, record_receipts, tell
from shared.contracts import Event
from shared.contracts.directory import NotificationSent, ReachabilityChanged
from shared.contracts.matching import WebhookEndpointDisabled
from shared.db import WriteSession
from shared.messaging import Consumers

__all__ = ["consumers"]

consumers = Consumers("intake")


@consumers.on(ReachabilityChanged)
async def hear_of_reachability(session: WriteSession, events: Sequence[Event[ReachabilityChanged]]) -> None:
    """Keep who has a device or wants text messages."""
    for event in events:
        await put_reachable(session, event.data.person_id, push=event.data.push, sms=event.data.sms)


@consumers.on(WebhookEndpointDisabled)
async def tell_of_disabled(session: WriteSession, events: Sequence[Event[WebhookEndpointDisabled]]) -> None:
    """Tell a partner's staff that one of its endpoints gets nothing any more."""
    kinds = [(event.data.unit_id, f"webhook_disabled_{event.data.reason}") for event in events]
    await tell(session, *(Told(kind=kind, case_id=None, params={}, units=(unit,)) for unit, kind in kinds))


@consumers.on(NotificationSent)
async def hear_of_sending(session: WriteSession, events: Sequence[Event[NotificationSent]]) -> None:
    """Keep what became of messages."""
    receipts = [
        Receipt(
            notification_id=event.data.notification_id,
            person_id=event.data.person_id,
            channel=Channel(event.data.channel),
            ok=event.data.ok,
            at=event.data.at,
            detail=event.data.detail,
        )
        for event in events
    ]
    await record_receipts(session, receipts)
