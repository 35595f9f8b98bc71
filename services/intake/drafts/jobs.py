"""Drafts that nobody goes on with."""

from datetime import datetime
from typing import Final

from services.intake.drafts import repository
from services.intake.drafts.rules import KEPT_FOR
from shared.clock import utc_now
from shared.db import Database
from shared.messaging import TenantSchedule

__all__ = ["remove_untouched_drafts", "schedules"]

_EVERY_S: Final = 3_600


async def remove_untouched_drafts(database: Database, tenant: str, _: datetime) -> None:
    """Remove what nobody has touched for thirty days."""
    async with database.write(tenant) as session:
        await repository.remove_untouched(session, utc_now() - KEPT_FOR)


schedules: Final = (TenantSchedule("remove_untouched_drafts", _EVERY_S, "drafts", remove_untouched_drafts),)
