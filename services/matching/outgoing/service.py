"""What partners are told: from the events that the matching hears, and sent again or as a test by hand."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import orjson

from services.matching.endpoints.catalogue import PARTNER_EVENTS, render
from services.matching.endpoints.models import Endpoint
from services.matching.endpoints.repository import delete_expired_keys
from services.matching.endpoints.rules import EndpointAction, UnknownEventType
from services.matching.endpoints.service import begin_step, read_visible
from services.matching.outgoing import audience_repository, repository
from services.matching.outgoing.audience import audiences
from services.matching.outgoing.models import Delivery, OutgoingEvent
from services.matching.outgoing.rules import DeliveryState, StillDue
from services.matching.outgoing.schemas import AttemptOut, DeliveryDetail, DeliveryOut, ReplayIn, ReplayOut
from services.matching.partners.models import Partner
from shared.auth import Principal
from shared.clock import utc_now
from shared.contracts import Event
from shared.contracts.samples import sample_data
from shared.db import Session, WriteSession
from shared.ids import new_id
from shared.problems import NotFound
from shared.web import check_version

__all__ = [
    "delivery_view",
    "forget_old",
    "keep_for_partners",
    "read_delivery",
    "replay",
    "resend",
    "send_test",
]

_REPLAYED_MAX: Final = 10_000
_FORGOTTEN_AT_ONCE: Final = 1_000


async def keep_for_partners(session: WriteSession, events: Sequence[Event[Any]]) -> frozenset[UUID]:
    """Keep events of one type for the partners whom they concern, and put them on their way.

    Returns:
        The endpoints that have something to be told now.
    """
    known = await audience_repository.listeners(session)
    if not known:
        return frozenset()
    concerned = await audiences(session, events, known)
    now = utc_now()
    kept, deliveries = [], []
    for event in events:
        partners = concerned.get(event.id, frozenset())
        if not partners:
            continue
        kept.append(_event_row(event, partners))
        for listener in known:
            if listener.partner_id in partners:
                told = [endpoint for endpoint, types in listener.endpoints if event.type in types]
                deliveries += [_delivery_row(event.id, endpoint, now) for endpoint in told]
    await repository.add_events(session, kept)
    await repository.add_deliveries(session, deliveries)
    return frozenset(row["endpoint_id"] for row in deliveries)


def _event_row(event: Event[Any], partners: frozenset[UUID]) -> dict[str, Any]:
    return {
        "id": event.id,
        "type": event.type,
        "partner_ids": sorted(partners),
        "body": render(event.data, event_id=event.id, at=event.time, tenant=event.tenant),
        "occurred_at": event.time,
    }


def _delivery_row(event_id: UUID, endpoint_id: UUID, now: datetime) -> dict[str, Any]:
    return {
        "id": new_id(),
        "event_id": event_id,
        "endpoint_id": endpoint_id,
        "state": DeliveryState.DUE.value,
        "tries": 0,
        "began_at": now,
        "next_at": now,
        "created_at": now,
        "version": 1,
    }


async def send_test(session: WriteSession, endpoint: Endpoint, event_type: str | None) -> DeliveryOut:
    """Send an endpoint the sample of an event, marked as a test."""
    name = event_type or endpoint.event_types[0]
    kind = PARTNER_EVENTS.get(name)
    if kind is None:
        raise UnknownEventType(pointer="/event_type")
    event_id, now = new_id(), utc_now()
    body = render(sample_data(kind), event_id=event_id, at=now, tenant=session.tenant, is_test=True)
    row = {"id": event_id, "type": name, "partner_ids": [], "body": body, "occurred_at": now}
    await repository.add_event(session, row)
    delivery = _delivery_row(event_id, endpoint.id, now)
    await repository.add_deliveries(session, [delivery])
    found = await repository.find_delivery(session, delivery["id"])
    if found is None:
        raise NotFound
    return delivery_view(found)


async def replay(session: WriteSession, endpoint: Endpoint, wanted: ReplayIn) -> ReplayOut:
    """Send an endpoint again what concerned its partner in some time, of the types that it subscribes to now."""
    now = utc_now()
    done = await repository.replay_events(
        session,
        endpoint,
        since=wanted.since,
        until=wanted.until or now,
        now=now,
        again=wanted.what == "all",
        most=_REPLAYED_MAX,
    )
    return ReplayOut(requeued=done.requeued, next_since=done.next_since)


async def _visible(
    session: Session, caller: Principal, delivery_id: UUID
) -> tuple[Delivery, OutgoingEvent, Endpoint, Partner]:
    found = await repository.find_delivery(session, delivery_id)
    if found is None:
        raise NotFound
    return (*found, *await read_visible(session, caller, found[0].endpoint_id))


async def read_delivery(session: Session, caller: Principal, delivery_id: UUID) -> DeliveryDetail:
    """Return a delivery that the caller may know of, with its attempts, or NotFound."""
    delivery, event, *_ = await _visible(session, caller, delivery_id)
    attempts = [AttemptOut.model_validate(item) for item in await repository.attempts_of(session, delivery.id)]
    shown = delivery_view((delivery, event))
    return DeliveryDetail(**shown.model_dump(), body=orjson.loads(event.body), attempts=attempts)


async def resend(session: WriteSession, caller: Principal, delivery_id: UUID, expected: int) -> DeliveryOut:
    """Send once more what was delivered, given up or dropped, with all its attempts and the same webhook-id."""
    _, event, endpoint, partner = await _visible(session, caller, delivery_id)
    begin_step(caller, endpoint, partner, EndpointAction.REPLAY)
    delivery = await repository.lock_delivery(session, delivery_id)
    if delivery is None:
        raise NotFound
    check_version(expected, delivery.version, delivery_view((delivery, event)))
    if delivery.state == DeliveryState.DUE.value:
        raise StillDue(next_actions=[])
    now = utc_now()
    delivery.state, delivery.reason, delivery.finished_at = DeliveryState.DUE.value, None, None
    delivery.tries, delivery.began_at, delivery.next_at = 0, now, now
    delivery.version += 1
    await session.flush()
    return delivery_view((delivery, event))


def delivery_view(row: tuple[Delivery, OutgoingEvent]) -> DeliveryOut:
    """Show a delivery."""
    delivery, event = row
    columns = {name: getattr(delivery, name) for name in _COLUMNS}
    due = delivery.state == DeliveryState.DUE.value
    return DeliveryOut(
        **columns,
        event_type=event.type,
        occurred_at=event.occurred_at,
        next_at=delivery.next_at if due else None,
    )


_COLUMNS: Final = DeliveryOut.model_fields.keys() - {"event_type", "occurred_at", "next_at"}


async def forget_old(session: WriteSession, kept: timedelta) -> bool:
    """Delete some of what is older than it is kept, and keys that have ended; returns whether there may be more."""
    await delete_expired_keys(session, utc_now())
    forgotten = await repository.forget_events(session, utc_now() - kept, most=_FORGOTTEN_AT_ONCE)
    return forgotten == _FORGOTTEN_AT_ONCE
