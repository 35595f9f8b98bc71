"""Orders that nobody answers in time."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from services.intake.supervision import repository, service
from services.intake.supervision.models import SupervisionOrder
from services.intake.sweeping import each_alone
from shared.clock import utc_now
from shared.db import Database, Session, WriteSession
from shared.messaging import TenantSchedule

__all__ = ["mark_overdue_orders", "schedules"]


async def mark_overdue_orders(database: Database, tenant: str, _: datetime) -> None:
    """Mark orders whose time is over, the longest overdue first; one that fails stops none."""

    async def late(session: Session, after: Any, limit: int) -> Sequence[SupervisionOrder]:  # noqa: ANN401 - a place
        return await repository.overdue_orders(session, utc_now(), after=after, limit=limit)

    async def mark_overdue(session: WriteSession, order: SupervisionOrder) -> None:
        await service.mark_overdue(session, order.id)

    await each_alone(database, tenant, late, lambda order: (order.due_at, order.id), mark_overdue)


schedules: Final = (TenantSchedule("mark_overdue_orders", 30, "case_number_blocks", mark_overdue_orders),)
