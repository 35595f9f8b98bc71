"""The worker's part: lines are worked off as soon as a message is in, and old messages are forgotten.

A message may have a thousand lines and a transaction of the pipe has three seconds, so a transaction works for a moment
and tells itself that there is more.
"""

import time
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from services.matching.webhooks_in import repository
from services.matching.webhooks_in.rules import BODY_KEPT, REPORT_KEPT
from services.matching.webhooks_in.service import work_off
from shared.clock import utc_now
from shared.contracts import Event
from shared.contracts.matching_partners import WebhookReceived
from shared.db import Database, WriteSession
from shared.messaging import Consumers, TenantSchedule, publish

__all__ = ["consumers", "schedules"]

consumers = Consumers("matching")

_TURN_S: Final = 0.5
_UNTIL: Final = "webhook_turn_ends"


@consumers.on(WebhookReceived)
async def work_off_lines(session: WriteSession, events: Sequence[Event[WebhookReceived]]) -> None:
    """Work until the transaction's turn is over, and tell of the rest once more."""
    until: float = session.info.setdefault(_UNTIL, time.monotonic() + _TURN_S)
    # In one order everywhere: whoever waits for a partner's turn holds none that comes later.
    for event in sorted(events, key=lambda one: (one.data.partner_id, one.data.delivery_id)):
        told = event.data
        more = time.monotonic() >= until or await work_off(session, told.partner_id, told.delivery_id, until)
        if more:
            await publish(session, f"webhook-delivery/{told.delivery_id}", told, cause=event)


async def _forget(database: Database, tenant: str, _: datetime) -> None:
    async with database.write(tenant) as session:
        await repository.forget_bodies(session, utc_now() - BODY_KEPT)
        await repository.forget_reports(session, utc_now() - REPORT_KEPT)


schedules: Final = (TenantSchedule("forget_webhooks", 3_600, "webhook_deliveries", _forget),)
