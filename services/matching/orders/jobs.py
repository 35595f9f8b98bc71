"""What orders hear from the directory, and what their clocks do."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

import structlog

from services.matching.orders import repository, service
from shared.clock import utc_now
from shared.contracts import Event
from shared.contracts.directory import EntitlementAnswered
from shared.db import Database, Session, WriteSession
from shared.messaging import Consumers, TenantSchedule

__all__ = ["consumers", "each_in_turn", "schedules", "watch_orders"]

log = structlog.get_logger()
_EVERY_S: Final = 15
_AT_ONCE: Final = 500

consumers = Consumers("matching")


@consumers.on(EntitlementAnswered)
async def hear_answers(session: WriteSession, events: Sequence[Event[EntitlementAnswered]]) -> None:
    """Go on with the orders that waited for their price."""
    for event in events:
        await service.hear_answer(session, event.data.question_id, entitled=event.data.entitled)


async def each_in_turn(
    database: Database,
    tenant: str,
    find: Callable[[Session], Awaitable[Sequence[UUID]]],
    do: Callable[[WriteSession, UUID], Awaitable[object]],
) -> None:
    """Do something with each row that is found, in a transaction of its own; one that fails stops none."""
    async with database.read(tenant) as session:
        found = await find(session)
    for row_id in found:
        try:
            async with database.write(tenant) as session:
                await do(session, row_id)
        except Exception as error:  # noqa: BLE001 - the other rows have nothing to do with it
            log.error("order_clock_failed", tenant=tenant, row_id=str(row_id), error=repr(error)[:300])


async def watch_orders(database: Database, tenant: str, _: datetime) -> None:
    """Warn partners of orders that nobody has accepted, and end those whose time is over."""

    async def to_warn(session: Session) -> Sequence[UUID]:
        return await repository.waits_to_warn(session, utc_now(), limit=_AT_ONCE)

    async def to_lapse(session: Session) -> Sequence[UUID]:
        return await repository.overdue_waits(session, utc_now(), limit=_AT_ONCE)

    await each_in_turn(database, tenant, to_warn, service.warn)
    await each_in_turn(database, tenant, to_lapse, service.lapse)


schedules: Final = (TenantSchedule("watch_orders", _EVERY_S, "order_numbers", watch_orders),)
