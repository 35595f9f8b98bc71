"""Recurring orders, placed ahead of time."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from services.matching.order_series import repository, service
from services.matching.orders.jobs import each_in_turn
from services.matching.orders.steps import times_of
from shared.clock import today
from shared.db import Database, Session
from shared.messaging import TenantSchedule

__all__ = ["plan_series", "schedules"]

_EVERY_S: Final = 60
_AT_ONCE: Final = 200


async def plan_series(database: Database, tenant: str, _: datetime) -> None:
    """Place the orders that come near."""

    async def due(session: Session) -> Sequence[UUID]:
        through = today() + timedelta(days=(await times_of(session)).ahead_days)
        return await repository.to_plan(session, through, limit=_AT_ONCE)

    await each_in_turn(database, tenant, due, service.plan)


schedules: Final = (TenantSchedule("plan_series", _EVERY_S, "order_numbers", plan_series),)
