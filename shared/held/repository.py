"""SQL of held events. The tables are the same in every service's schema."""

from collections.abc import Sequence
from functools import cache
from typing import Any, Final
from uuid import UUID

import orjson
from sqlalchemy import Row, TextClause, text

from shared.db import Session, WriteSession
from shared.ids import new_id

__all__ = [
    "decide",
    "decisions_of",
    "event_of",
    "find_held",
    "list_held",
    "lock_dead",
    "release_successor",
    "set_state",
]

_COLUMNS: Final = """
    i.id, i.type, i.subject, i.sequence, i.state, i.attempts, i.next_attempt_at, i.error, i.received_at, i.body,
    (SELECT count(*) FROM {s}.inbox AS b WHERE b.tenant_id = i.tenant_id AND b.subject = i.subject
     AND b.state IN ('waiting', 'failed', 'dead') AND b.sequence > i.sequence) AS behind"""
_LIST: Final = f"""
    SELECT {_COLUMNS} FROM {{s}}.inbox AS i WHERE i.tenant_id = :tenant AND i.state = :state
    AND (CAST(:after_at AS timestamptz) IS NULL OR (i.received_at, i.id) < (CAST(:after_at AS timestamptz), :after_id))
    ORDER BY i.received_at DESC, i.id DESC LIMIT :limit"""
_FIND: Final = f"SELECT {_COLUMNS} FROM {{s}}.inbox AS i WHERE i.tenant_id = :tenant AND i.id = :id"
_LOCK: Final = """
    SELECT id, subject, sequence FROM {s}.inbox WHERE tenant_id = :tenant AND id = :id AND state = 'dead' FOR UPDATE"""
_DECISIONS: Final = """
    SELECT id, decision, reason, actor, decided_at FROM {s}.inbox_decisions
    WHERE tenant_id = :tenant AND event_id = :id ORDER BY decided_at, id"""
_DECIDE: Final = """
    INSERT INTO {s}.inbox_decisions (tenant_id, id, event_id, decision, reason, actor)
    VALUES (:tenant, :id, :event_id, :decision, :reason, :actor)"""
_REQUEUE: Final = """
    UPDATE {s}.inbox SET state = 'failed', attempts = 0, next_attempt_at = clock_timestamp()
    WHERE tenant_id = :tenant AND id = :id"""
_SKIP: Final = "UPDATE {s}.inbox SET state = 'skipped', next_attempt_at = NULL WHERE tenant_id = :tenant AND id = :id"
_ADVANCE: Final = """
    UPDATE {s}.inbox_subjects SET last_sequence = :sequence
    WHERE tenant_id = :tenant AND subject = :subject AND last_sequence = :sequence - 1"""
# The worker tries failed events that are due; the successor becomes one, and takes those behind it along.
_RELEASE: Final = """
    UPDATE {s}.inbox SET state = 'failed', attempts = 0, next_attempt_at = clock_timestamp()
    WHERE tenant_id = :tenant AND subject = :subject AND sequence = :sequence + 1 AND state = 'waiting'"""


@cache
def _statement(template: str, schema: str) -> TextClause:
    return text(template.format(s=schema))


async def list_held(
    session: Session, schema: str, *, state: str, after: tuple[Any, ...] | None, limit: int
) -> Sequence[Row[Any]]:
    """Return events in a state, the newest first."""
    at, event_id = after or (None, None)
    values = {"tenant": session.tenant, "state": state, "after_at": at, "after_id": event_id, "limit": limit}
    return (await session.execute(_statement(_LIST, schema), values)).all()


async def find_held(session: Session, schema: str, event_id: UUID) -> Row[Any] | None:
    """Return one event of the inbox, in whatever state it is."""
    values = {"tenant": session.tenant, "id": event_id}
    return (await session.execute(_statement(_FIND, schema), values)).one_or_none()


async def decisions_of(session: Session, schema: str, event_id: UUID) -> Sequence[Row[Any]]:
    """Return what was decided about an event, the first first."""
    values = {"tenant": session.tenant, "id": event_id}
    return (await session.execute(_statement(_DECISIONS, schema), values)).all()


async def lock_dead(session: WriteSession, schema: str, event_id: UUID) -> Row[Any] | None:
    """Return a dead event and keep others from deciding about it meanwhile."""
    values = {"tenant": session.tenant, "id": event_id}
    return (await session.execute(_statement(_LOCK, schema), values)).one_or_none()


async def decide(session: WriteSession, schema: str, event_id: UUID, *, decision: str, reason: str, actor: str) -> None:
    """Write down what was decided, by whom and why."""
    values = {
        "tenant": session.tenant,
        "id": new_id(),
        "event_id": event_id,
        "decision": decision,
        "reason": reason,
        "actor": actor,
    }
    await session.execute(_statement(_DECIDE, schema), values)


async def set_state(session: WriteSession, schema: str, event_id: UUID, *, decision: str) -> None:
    """Put a dead event back among those that are tried, or leave it out for good."""
    template = {"requeue": _REQUEUE, "skip": _SKIP}[decision]
    await session.execute(_statement(template, schema), {"tenant": session.tenant, "id": event_id})


async def release_successor(session: WriteSession, schema: str, subject: str, sequence: int) -> None:
    """Move the subject past an event, and let the next one be tried."""
    values = {"tenant": session.tenant, "subject": subject, "sequence": sequence}
    await session.execute(_statement(_ADVANCE, schema), values)
    await session.execute(_statement(_RELEASE, schema), values)


def event_of(body: str | None) -> dict[str, Any] | None:
    """Read a kept event."""
    kept: dict[str, Any] | None = orjson.loads(body) if body is not None else None
    return kept
