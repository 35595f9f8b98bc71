"""Offers that nobody has confirmed for long are asked about."""

from datetime import datetime
from typing import Final

from services.matching.offers.service import ask_about_stale
from shared.clock import utc_now
from shared.db import Database
from shared.messaging import TenantSchedule

__all__ = ["schedules"]

_EVERY_S: Final = 600


async def _ask(database: Database, tenant: str, _: datetime) -> None:
    async with database.write(tenant) as session:
        await ask_about_stale(session, utc_now())


schedules: Final = (TenantSchedule("ask_about_stale_offers", _EVERY_S, "offers", _ask),)
