"""Orders that nobody answers in time."""

from datetime import datetime
from typing import Final

from services.intake.supervision import repository, service
from shared.clock import utc_now
from shared.db import Database
from shared.messaging import TenantSchedule

__all__ = ["mark_overdue_orders", "schedules"]

_AT_ONCE: Final = 500


async def mark_overdue_orders(database: Database, tenant: str, _: datetime) -> None:
    """Mark orders whose time is over; each in a transaction of its own."""
    async with database.read(tenant) as session:
        late = [order.id for order in await repository.overdue_orders(session, utc_now(), limit=_AT_ONCE)]
    for order_id in late:
        async with database.write(tenant) as session:
            await service.mark_overdue(session, order_id)


schedules: Final = (TenantSchedule("mark_overdue_orders", 30, "case_number_blocks", mark_overdue_orders),)
