"""Credentials that run out are told."""

from datetime import datetime
from typing import Final

from services.matching.credentials.service import tell_expiring
from shared.clock import today
from shared.db import Database
from shared.messaging import TenantSchedule

__all__ = ["schedules"]

_EVERY_S: Final = 3_600


async def _tell(database: Database, tenant: str, _: datetime) -> None:
    async with database.write(tenant) as session:
        await tell_expiring(session, today())


schedules: Final = (TenantSchedule("tell_expiring_credentials", _EVERY_S, "partners", _tell),)
