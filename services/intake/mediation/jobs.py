"""Obligations that are due soon, or overdue."""

from datetime import date, datetime
from typing import Final
from uuid import UUID

import structlog

from services.intake.mediation.settling import find_due, remind
from shared.db import Database
from shared.messaging import TenantSchedule

__all__ = ["remind_of_obligations", "schedules"]

log = structlog.get_logger()
_AT_ONCE: Final = 200
_EVERY_S: Final = 300


async def remind_of_obligations(database: Database, tenant: str, _: datetime) -> None:
    """Remind of every obligation that asks for it, each in a transaction of its own; one that fails stops no other."""
    after: tuple[date, UUID] | None = None
    while True:
        async with database.read(tenant) as session:
            due = await find_due(session, after=after, limit=_AT_ONCE)
        for case_id, mediation_id, term_id, _due_on in due:
            try:
                async with database.write(tenant) as session:
                    await remind(session, case_id, mediation_id, term_id)
            except Exception as error:  # noqa: BLE001 - the other obligations have nothing to do with it
                log.error("reminder_failed", tenant=tenant, term_id=str(term_id), error=repr(error)[:300])
        if len(due) < _AT_ONCE:
            return
        after = (due[-1][3], due[-1][2])


schedules: Final = (TenantSchedule("remind_of_obligations", _EVERY_S, "mediation_terms", remind_of_obligations),)
