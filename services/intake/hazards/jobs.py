"""Hazards that are not rectified in time."""

from datetime import datetime
from typing import Final
from weakref import WeakKeyDictionary

import structlog

from services.intake.cases.filing_service import Desk
from services.intake.hazards import repository
from services.intake.hazards.escalating import mark_overdue
from shared.clock import utc_now
from shared.db import Database
from shared.messaging import TenantSchedule

__all__ = ["mark_overdue_hazards", "schedules"]

log = structlog.get_logger()
_AT_ONCE: Final = 200
# Numbers are taken in blocks: one desk for as long as the worker lives.
_desks: WeakKeyDictionary[Database, Desk] = WeakKeyDictionary()


async def mark_overdue_hazards(database: Database, tenant: str, _: datetime) -> None:
    """Mark what is overdue, the longest overdue first, each in a transaction of its own; none stops another."""
    desk = _desks.setdefault(database, Desk(database))
    after = None
    while True:
        async with database.read(tenant) as session:
            late = await repository.due_hazards(session, utc_now(), after=after, limit=_AT_ONCE)
        for _due, hazard_id in late:
            try:
                async with database.write(tenant) as session:
                    await mark_overdue(session, desk, tenant, hazard_id)
            except Exception as error:  # noqa: BLE001 - the other hazards have nothing to do with it
                log.error("hazard_not_marked", tenant=tenant, hazard_id=str(hazard_id), error=repr(error)[:300])
        if len(late) < _AT_ONCE:
            return
        after = late[-1]


schedules: Final = (TenantSchedule("mark_overdue_hazards", 30, "hazards", mark_overdue_hazards),)
