"""Holds end by themselves when their time has come, and what was promised counts as kept when nobody says else."""

from datetime import datetime
from typing import Final

from services.matching.holds.outcomes import note_kept_by_silence
from services.matching.holds.service import expire_due
from shared.clock import utc_now
from shared.db import Database
from shared.messaging import TenantSchedule

__all__ = ["schedules"]

_EVERY_S: Final = 10
_SILENCE_EVERY_S: Final = 600


async def _expire(database: Database, tenant: str, _: datetime) -> None:
    async with database.write(tenant) as session:
        await expire_due(session, utc_now())


async def _note_kept(database: Database, tenant: str, _: datetime) -> None:
    async with database.write(tenant) as session:
        await note_kept_by_silence(session, utc_now())


schedules: Final = (
    TenantSchedule("expire_offer_holds", _EVERY_S, "offers", _expire),
    TenantSchedule("note_kept_promises", _SILENCE_EVERY_S, "offers", _note_kept),
)
