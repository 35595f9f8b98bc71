"""Appeals that nobody answers in time."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from services.intake.appeals import repository, service
from services.intake.appeals.models import Appeal
from services.intake.sweeping import each_alone
from shared.clock import utc_now
from shared.db import Database, Session, WriteSession
from shared.messaging import TenantSchedule

__all__ = ["climb_appeals", "schedules"]


async def climb_appeals(database: Database, tenant: str, _: datetime) -> None:
    """Tell further up of every appeal that is late, each rung once, in a transaction of its own."""

    async def late(session: Session, after: Any, limit: int) -> Sequence[Appeal]:  # noqa: ANN401 - a place
        return await repository.late_appeals(session, utc_now(), after=after, limit=limit)

    async def climb(session: WriteSession, appeal: Appeal) -> None:
        await service.climb(session, appeal.case_id)

    await each_alone(database, tenant, late, lambda appeal: (appeal.next_at, appeal.id), climb)


schedules: Final = (TenantSchedule("climb_appeals", 15, "case_number_blocks", climb_appeals),)
