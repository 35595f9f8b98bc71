"""Holds end by themselves when their day has come."""

from datetime import datetime
from typing import Final

from services.ledger.holds.service import expire_holds
from shared.db import Database
from shared.messaging import TenantSchedule

__all__ = ["schedules"]

_EVERY_S: Final = 10


async def _expire(database: Database, tenant: str, _: datetime) -> None:
    await expire_holds(database, tenant)


schedules = (TenantSchedule("expire_holds", every_s=_EVERY_S, table="books", run=_expire),)
