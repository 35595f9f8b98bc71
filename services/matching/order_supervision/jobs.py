"""Orders that are late, and demands that nobody answers."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from services.matching.order_supervision import repository, service
from services.matching.orders.jobs import each_in_turn
from shared.clock import utc_now
from shared.db import Database, Session
from shared.messaging import TenantSchedule

__all__ = ["schedules", "supervise_orders"]

_EVERY_S: Final = 30
_AT_ONCE: Final = 500


async def supervise_orders(database: Database, tenant: str, _: datetime) -> None:
    """Demand an answer about each late order, once, and mark the demands that were not answered in time."""

    async def late(session: Session) -> Sequence[UUID]:
        return await repository.late_orders(session, utc_now(), limit=_AT_ONCE)

    async def overdue(session: Session) -> Sequence[UUID]:
        return await repository.overdue_demands(session, utc_now(), limit=_AT_ONCE)

    await each_in_turn(database, tenant, late, service.escalate_late)
    await each_in_turn(database, tenant, overdue, service.mark_overdue)


schedules: Final = (TenantSchedule("supervise_orders", _EVERY_S, "order_numbers", supervise_orders),)
