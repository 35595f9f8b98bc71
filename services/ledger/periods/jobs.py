"""A statement is published as soon as the log covers it."""

from datetime import datetime
from typing import Final

from services.ledger.periods.service import publish_due
from shared.db import Database
from shared.messaging import TenantSchedule

__all__ = ["schedules"]

_EVERY_S: Final = 2


async def _publish(database: Database, tenant: str, _: datetime) -> None:
    await publish_due(database, tenant)


schedules = (TenantSchedule("publish_statements", every_s=_EVERY_S, table="books", run=_publish),)
