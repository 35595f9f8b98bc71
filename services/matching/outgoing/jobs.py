"""What concerns partners is heard of, kept for them, and sent at once; what failed is tried again when it is due."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from services.matching.outgoing.postman import Postman
from services.matching.outgoing.sender import Sender
from services.matching.outgoing.service import forget_old, keep_for_partners
from services.matching.outgoing.settings import OutgoingSettings, outgoing_settings
from services.matching.outgoing.transport import GuardedTransport, system_resolver
from shared.contracts import FOR_PARTNERS, Event
from shared.db import Database, WriteSession
from shared.messaging import Consumers, TenantSchedule
from shared.vault import Vault

__all__ = ["begin", "close", "consumers", "forget", "open_postman", "schedules", "send_due"]

_EVERY_S: Final = 5
_HOUR_S: Final = 3_600

consumers = Consumers("matching")


@dataclass
class _Office:
    """The postman of this process, if it has one, and the database of the matching."""

    postman: Postman | None = None
    database: Database | None = None


_office = _Office()


def open_postman(settings: OutgoingSettings) -> Postman:
    """Build a postman."""
    at_once = settings.webhooks_at_once + settings.webhooks_at_once_slow
    transport = GuardedTransport(system_resolver(at_once), allows_loopback=settings.webhooks_allow_loopback)
    vault = Vault(settings.field_keys.get_secret_value(), settings.blind_index_key.get_secret_value())
    return Postman(vault, Sender(transport, settings.webhook_timeout_s), settings)


async def keep_and_send(session: WriteSession, events: Sequence[Event[Any]]) -> None:
    """Keep what concerns partners. Where a postman is at work it need not wait for the next round."""
    endpoints = await keep_for_partners(session, events)
    postman, database, tenant = _office.postman, _office.database, session.tenant
    if endpoints and postman is not None and database is not None:
        session.after_commit(lambda: postman.begin(database, tenant, endpoints))


for _kind in FOR_PARTNERS:
    consumers.on(_kind)(keep_and_send)


def begin(database: Database) -> Postman:
    """Put a postman to work in this process, so that what is heard of here is sent from here at once."""
    if _office.postman is None:
        _office.postman, _office.database = open_postman(outgoing_settings()), database
    return _office.postman


async def send_due(database: Database, tenant: str, _: datetime) -> None:
    """Send what is due in a tenant."""
    await begin(database).visit(database, tenant)


async def forget(database: Database, tenant: str, _: datetime) -> None:
    """Delete what is older than it is kept."""
    kept = timedelta(days=outgoing_settings().webhooks_kept_days)
    has_more = True
    while has_more:
        async with database.write(tenant) as session:
            has_more = await forget_old(session, kept)


async def close() -> None:
    """Let what is on its way arrive, before the process ends."""
    if _office.postman is not None:
        await _office.postman.close()
        _office.postman = None


schedules = (
    TenantSchedule("send_webhooks", every_s=_EVERY_S, table="webhook_endpoints", run=send_due),
    TenantSchedule("forget_webhooks", every_s=_HOUR_S, table="webhook_endpoints", run=forget),
)
