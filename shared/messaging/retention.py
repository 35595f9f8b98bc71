"""Clears what nobody will ask for again: delivered events, their inbox rows, and old idempotency keys.

An inbox row may go once its event cannot come again; should it come all the same, the subject's last sequence still
knows it. Rows that wait, fail, are dead or were skipped stay.
"""

import asyncio
from dataclasses import dataclass
from typing import Final

import asyncpg
import structlog

__all__ = ["Kept", "clear_forever", "clear_once"]

log = structlog.get_logger()

_EVERY_S: Final = 60.0
_AT_ONCE: Final = 5_000
# By ctid and in small transactions: clearing must never be what somebody waits for.
_CLEAR: Final = """
DELETE FROM {s}.{table} WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM {s}.{table} WHERE {old} AND {column} < now() - make_interval(days => $1) LIMIT {at_once}))"""


@dataclass(frozen=True, slots=True)
class Kept:
    """For how many days things are kept after they are done."""

    outbox_days: int = 3
    inbox_days: int = 14
    idempotency_days: int = 7


async def clear_once(pool: "asyncpg.Pool[asyncpg.Record]", service: str, kept: Kept) -> int:
    """Clear what is too old in one service's schema; returns how many rows went."""
    plan = (
        ("outbox", "acked_at IS NOT NULL", "acked_at", kept.outbox_days),
        ("inbox", "state = 'applied'", "applied_at", kept.inbox_days),
        ("idempotency_keys", "true", "created_at", kept.idempotency_days),
    )
    cleared = 0
    for table, old, column, days in plan:
        statement = _CLEAR.format(s=service, table=table, old=old, column=column, at_once=_AT_ONCE)
        gone = _AT_ONCE
        while gone == _AT_ONCE:
            gone = int((await pool.execute(statement, days)).rpartition(" ")[2])
            cleared += gone
    return cleared


async def clear_forever(pool: "asyncpg.Pool[asyncpg.Record]", service: str, kept: Kept) -> None:
    """Clear until cancelled."""
    while True:
        try:
            cleared = await clear_once(pool, service, kept)
            if cleared:
                log.info("old_rows_cleared", service=service, rows=cleared)
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as error:
            log.warning("clearing_waits", service=service, error=repr(error)[:200])
        await asyncio.sleep(_EVERY_S)
