"""What the directory tells, who can be reached and what became of messages; and what others want to be told."""

from collections.abc import Sequence

from services.intake.notifications.repository import put_reachable
from services.intake.notifications.rules import Channel
from services.intake.notifications.service import Receipt, Told, record_receipts, tell
from shared.auth import Role
from shared.clock import CHINA
from shared.contracts import Event
from shared.contracts.directory import NotificationSent, ReachabilityChanged
from shared.contracts.matching import NoticeWanted
from shared.contracts.matching_partners import WebhookEndpointDisabled
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


@consumers.on(NoticeWanted)
async def hear_of_notices(session: WriteSession, events: Sequence[Event[NoticeWanted]]) -> None:
    """Tell what another service wants to be told: there is one inbox, and one place that knows who is reached how."""
    await tell(session, *(_told(event.data) for event in events))


def _told(wanted: NoticeWanted) -> Told:
    words = {"number": wanted.number, "title": wanted.title}
    if wanted.due_at is not None:
        words["due_on"] = f"{wanted.due_at.astimezone(CHINA):%Y-%m-%d %H:%M}"
    roles = [(role, path) for path in wanted.staff_of for role in (Role.OFFICER, Role.SECRETARY)]
    return Told(wanted.kind, None, words, people=wanted.people, units=wanted.units, roles=roles)
