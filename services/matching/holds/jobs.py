"""Holds end by themselves when their time has come."""

from datetime import datetime
from typing import Final

from services.matching.holds.service import expire_due
from shared.clock import utc_now
from shared.db import Database
from shared.messaging import TenantSchedule

__all__ = ["schedules"]

_EVERY_S: Final = 10


async def _expire(database: Database, tenant: str, _: datetime) -> None:
    async with database.write(tenant) as session:
        await expire_due(session, utc_now())


schedules: Final = (TenantSchedule("expire_offer_holds", _EVERY_S, "offers", _expire),)
