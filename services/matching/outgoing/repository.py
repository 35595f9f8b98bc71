"""Statements on what partners are told."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import and_, exists, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert

from services.matching.endpoints.models import Endpoint
from services.matching.endpoints.rules import EndpointState
from services.matching.locking import locked
from services.matching.outgoing.models import Attempt, Delivery, OutgoingEvent
from services.matching.outgoing.rules import DeliveryState, DropReason
from shared.db import Session, WriteSession

__all__ = [
    "Replayed",
    "add_attempt",
    "add_deliveries",
    "add_event",
    "add_events",
    "attempts_of",
    "attempts_of_endpoint",
    "drop_due",
    "endpoints_with_work",
    "find_delivery",
    "forget_events",
    "list_deliveries",
    "lock_delivery",
    "next_due",
    "replay_events",
]

_ATTEMPTS_SHOWN_MAX: Final = 100

# Again what an endpoint has missed, or everything, in the order in which it happened.
_REPLAY: Final = text("""
    WITH chosen AS (
        SELECT e.id, e.occurred_at FROM matching.outgoing_events AS e
        LEFT JOIN matching.outgoing_deliveries AS known
          ON known.tenant_id = e.tenant_id AND known.event_id = e.id AND known.endpoint_id = :endpoint
        WHERE e.tenant_id = :tenant AND e.occurred_at >= :since AND e.occurred_at < :until
          AND CAST(:partner AS uuid) = ANY (e.partner_ids) AND e.type = ANY (CAST(:types AS text[]))
          AND (known.id IS NULL OR known.state IN ('failed', 'dropped') OR known.state = 'delivered' AND :again)
        ORDER BY e.occurred_at, e.id LIMIT :most),
    requeued AS (
        INSERT INTO matching.outgoing_deliveries AS d
            (tenant_id, id, event_id, endpoint_id, state, tries, began_at, next_at, created_at, version)
        SELECT :tenant, uuidv7(), id, :endpoint, 'due', 0, :now,
               CAST(:now AS timestamptz) + row_number() OVER (ORDER BY occurred_at, id) * interval '1 microsecond',
               :now, 1
        FROM chosen ORDER BY occurred_at, id
        ON CONFLICT (tenant_id, event_id, endpoint_id) DO UPDATE
            SET state = 'due', reason = NULL, tries = 0, began_at = EXCLUDED.began_at, next_at = EXCLUDED.next_at,
                finished_at = NULL, version = d.version + 1
            WHERE d.state <> 'due'
        RETURNING d.event_id)
    SELECT (SELECT count(*) FROM requeued) AS requeued, (SELECT count(*) FROM chosen) AS chosen,
           (SELECT max(occurred_at) FROM chosen) AS reached""")

_FORGET: Final = text("""
    DELETE FROM matching.outgoing_events AS e
    WHERE e.tenant_id = :tenant AND e.id IN (
        SELECT old.id FROM matching.outgoing_events AS old
        WHERE old.tenant_id = :tenant AND old.occurred_at < :before
          AND NOT EXISTS (SELECT 1 FROM matching.outgoing_deliveries AS d
                          WHERE d.tenant_id = :tenant AND d.event_id = old.id AND d.state = 'due')
        ORDER BY old.occurred_at LIMIT :most)""")


async def add_events(session: WriteSession, rows: Sequence[dict[str, Any]]) -> None:
    """Keep events; one that is there already stays as it is."""
    if rows:
        statement = insert(OutgoingEvent).on_conflict_do_nothing()
        await session.execute(statement, [{"tenant_id": session.tenant, **row} for row in rows])


async def add_event(session: WriteSession, row: dict[str, Any]) -> None:
    """Keep one event."""
    await add_events(session, [row])


async def add_deliveries(session: WriteSession, rows: Sequence[dict[str, Any]]) -> None:
    """Put deliveries on their way; one that is there already stays as it is."""
    if rows:
        statement = insert(Delivery).on_conflict_do_nothing()
        await session.execute(statement, [{"tenant_id": session.tenant, **row} for row in rows])


async def endpoints_with_work(session: Session, now: datetime, machine_now: datetime) -> Sequence[UUID]:
    """Return the enabled endpoints for which something is due that nobody is at."""
    due = exists().where(
        Delivery.tenant_id == Endpoint.tenant_id,
        Delivery.endpoint_id == Endpoint.id,
        Delivery.state == DeliveryState.DUE.value,
        Delivery.next_at <= now,
        or_(Delivery.leased_until.is_(None), Delivery.leased_until <= machine_now),
    )
    statement = select(Endpoint.id).where(
        Endpoint.tenant_id == session.tenant, Endpoint.state == EndpointState.ENABLED.value, due
    )
    return (await session.scalars(statement.order_by(Endpoint.id))).all()


async def next_due(session: WriteSession, endpoint_id: UUID, now: datetime, machine_now: datetime) -> Delivery | None:
    """Return an endpoint's longest due delivery that nobody is at, locked."""
    statement = (
        select(Delivery)
        .where(
            Delivery.tenant_id == session.tenant,
            Delivery.endpoint_id == endpoint_id,
            Delivery.state == DeliveryState.DUE.value,
            Delivery.next_at <= now,
            or_(Delivery.leased_until.is_(None), Delivery.leased_until <= machine_now),
        )
        .order_by(Delivery.next_at, Delivery.id)
        .limit(1)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    )
    return (await session.scalars(statement)).one_or_none()


async def find_delivery(session: Session, delivery_id: UUID) -> tuple[Delivery, OutgoingEvent] | None:
    """Return a delivery and its event."""
    statement = (
        select(Delivery, OutgoingEvent)
        .join(
            OutgoingEvent,
            and_(OutgoingEvent.tenant_id == Delivery.tenant_id, OutgoingEvent.id == Delivery.event_id),
        )
        .where(Delivery.tenant_id == session.tenant, Delivery.id == delivery_id)
    )
    found = (await session.execute(statement)).one_or_none()
    return (found[0], found[1]) if found is not None else None


async def lock_delivery(session: WriteSession, delivery_id: UUID) -> Delivery | None:
    """Return a delivery and keep others from changing it meanwhile."""
    statement = select(Delivery).where(Delivery.tenant_id == session.tenant, Delivery.id == delivery_id)
    return await session.scalar(locked(statement))


async def list_deliveries(
    session: Session,
    endpoint_id: UUID,
    *,
    state: str | None,
    event_type: str | None,
    before: UUID | None,
    limit: int,
) -> Sequence[tuple[Delivery, OutgoingEvent]]:
    """Return an endpoint's deliveries with their events, the newest first."""
    statement = (
        select(Delivery, OutgoingEvent)
        .join(
            OutgoingEvent,
            and_(OutgoingEvent.tenant_id == Delivery.tenant_id, OutgoingEvent.id == Delivery.event_id),
        )
        .where(Delivery.tenant_id == session.tenant, Delivery.endpoint_id == endpoint_id)
    )
    if state is not None:
        statement = statement.where(Delivery.state == state)
    if event_type is not None:
        statement = statement.where(OutgoingEvent.type == event_type)
    if before is not None:
        statement = statement.where(Delivery.id < before)
    rows = (await session.execute(statement.order_by(Delivery.id.desc()).limit(limit))).all()
    return [(delivery, event) for delivery, event in rows]


async def add_attempt(session: WriteSession, row: dict[str, Any]) -> None:
    """Write down an attempt."""
    await session.execute(insert(Attempt).values({"tenant_id": session.tenant, **row}))


async def attempts_of(session: Session, delivery_id: UUID) -> Sequence[Attempt]:
    """Return the last attempts of a delivery, in their order."""
    statement = (
        select(Attempt)
        .where(Attempt.tenant_id == session.tenant, Attempt.delivery_id == delivery_id)
        .order_by(Attempt.id.desc())
        .limit(_ATTEMPTS_SHOWN_MAX)
    )
    return list(reversed((await session.scalars(statement)).all()))


async def attempts_of_endpoint(
    session: Session, endpoint_id: UUID, *, before: UUID | None, limit: int
) -> Sequence[Attempt]:
    """Return the attempts to reach an endpoint, the newest first."""
    statement = select(Attempt).where(Attempt.tenant_id == session.tenant, Attempt.endpoint_id == endpoint_id)
    if before is not None:
        statement = statement.where(Attempt.id < before)
    return (await session.scalars(statement.order_by(Attempt.id.desc()).limit(limit))).all()


async def drop_due(session: WriteSession, endpoint_id: UUID, now: datetime) -> None:
    """Try nothing more that is due for an endpoint; an attempt on its way is still written down."""
    statement = update(Delivery).where(
        Delivery.tenant_id == session.tenant,
        Delivery.endpoint_id == endpoint_id,
        Delivery.state == DeliveryState.DUE.value,
    )
    changed = {
        "state": DeliveryState.DROPPED.value,
        "reason": DropReason.DISABLED.value,
        "finished_at": now,
        "lease_id": None,
        "leased_until": None,
        "version": Delivery.version + 1,
    }
    await session.execute(statement.values(changed), execution_options={"synchronize_session": False})


@dataclass(frozen=True, slots=True)
class Replayed:
    """How many events are on their way again, and where to go on when there were more than one replay takes."""

    requeued: int
    next_since: datetime | None


async def replay_events(
    session: WriteSession,
    endpoint: Endpoint,
    *,
    since: datetime,
    until: datetime,
    now: datetime,
    again: bool,
    most: int,
) -> Replayed:
    """Put events of the past on their way to an endpoint again, the oldest first."""
    values = {
        "tenant": session.tenant,
        "endpoint": endpoint.id,
        "partner": endpoint.partner_id,
        "types": endpoint.event_types,
        "since": since,
        "until": until,
        "now": now,
        "again": again,
        "most": most,
    }
    row = (await session.execute(_REPLAY, values)).one()
    return Replayed(row.requeued, row.reached if row.chosen == most else None)


async def forget_events(session: WriteSession, before: datetime, *, most: int) -> int:
    """Delete old events with their deliveries and attempts; returns how many."""
    values = {"tenant": session.tenant, "before": before, "most": most}
    result = await session.execute(_FORGET, values)
    return int(getattr(result, "rowcount", 0))
