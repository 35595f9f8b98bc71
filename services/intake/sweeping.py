"""Sweeps: whatever is due is done, the longest overdue first, and what fails stops nobody else's turn."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, TypeVar

import structlog

from shared.db import Database, ReadSession, WriteSession

__all__ = ["each_alone"]

log = structlog.get_logger()
_AT_ONCE: Final = 200

Row = TypeVar("Row")
# Returns the rows that are due after a place, at most so many, in the order of their places.
Find = Callable[[ReadSession, Any, int], Awaitable[Sequence[Row]]]


async def each_alone(
    database: Database,
    tenant: str,
    find: Find[Row],
    place: Callable[[Row], tuple[Any, ...]],
    act: Callable[[WriteSession, Row], Awaitable[object]],
) -> None:
    """Do something about every row that is due, each in a transaction of its own.

    Any number of workers may do this at once: `act` looks again under a lock, and does nothing when it was done.

    Args:
        database: of the service.
        tenant: whose rows.
        find: which are due.
        place: where a row stands in the order in which they are found.
        act: what is done about one. It is tried once in a sweep; an error is told, and the next one has its turn.
    """
    after: tuple[Any, ...] | None = None
    while True:
        async with database.read(tenant) as session:
            due = await find(session, after, _AT_ONCE)
        for row in due:
            try:
                async with database.write(tenant) as session:
                    await act(session, row)
            except Exception as error:  # noqa: BLE001 - the other rows have nothing to do with it
                where = [str(part) for part in place(row)]
                log.error("sweep_failed", tenant=tenant, act=act.__name__, row=where, error=repr(error)[:300])
        if len(due) < _AT_ONCE:
            return
        after = place(due[-1])
