"""What is due is heard of from the intake, and carried a moment later."""

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Final

from services.directory.deliveries.postman import Postman
from services.directory.deliveries.senders import senders_of
from services.directory.deliveries.service import accept_due
from services.directory.deliveries.settings import delivery_settings
from shared.contracts import Event
from shared.contracts.intake import NotificationDue
from shared.db import Database, WriteSession
from shared.messaging import Consumers, TenantSchedule
from shared.vault import Vault

__all__ = ["close", "consumers", "schedules"]

_EVERY_S: Final = 5

consumers = Consumers("directory")


@consumers.on(NotificationDue)
async def hear_of_due(session: WriteSession, events: Sequence[Event[NotificationDue]]) -> None:
    """Keep what is to be told."""
    await accept_due(session, [event.data for event in events])


@lru_cache(maxsize=1)
def _postman() -> Postman:
    settings = delivery_settings()
    vault = Vault(settings.field_keys.get_secret_value(), settings.blind_index_key.get_secret_value())
    return Postman(vault, senders_of(settings), settings)


async def carry_due(database: Database, tenant: str, _: datetime) -> None:
    """Carry what is due in a tenant."""
    await _postman().visit(database, tenant)


async def close() -> None:
    """Let what is on its way arrive, before the process ends."""
    if _postman.cache_info().currsize:
        await _postman().close()
        _postman.cache_clear()


schedules = (TenantSchedule("deliver", every_s=_EVERY_S, table="delivery_tenants", run=carry_due),)
