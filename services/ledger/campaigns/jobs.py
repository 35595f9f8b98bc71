"""Campaigns end by themselves when their day has passed."""

from datetime import datetime
from typing import Final

from services.ledger.campaigns.settling import end_due
from shared.db import Database
from shared.messaging import TenantSchedule

__all__ = ["schedules"]

_EVERY_S: Final = 2


async def _end(database: Database, tenant: str, _: datetime) -> None:
    await end_due(database, tenant)


schedules = (TenantSchedule("end_campaigns", every_s=_EVERY_S, table="books", run=_end),)
