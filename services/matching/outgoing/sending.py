"""Sending: a delivery is claimed under a lease, tried outside of any transaction, and recorded.

An attempt is counted when it is claimed, so no number is sent twice. Whoever dies between claim and record leaves a
lease that runs out; then there is another attempt, with the same webhook-id. Locks are taken in one order: the
endpoint, the delivery, then what is published; claiming skips what is locked.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Final
from uuid import UUID

import structlog
from prometheus_client import Counter

from services.matching.endpoints import repository as endpoints
from services.matching.endpoints.keys import signers_of
from services.matching.endpoints.models import Endpoint
from services.matching.endpoints.rules import DisabledReason, EndpointState
from services.matching.endpoints.service import disable_endpoint
from services.matching.outgoing import repository
from services.matching.outgoing.models import Delivery
from services.matching.outgoing.rules import (
    ATTEMPTS_MAX,
    LEASE,
    AttemptError,
    DeliveryState,
    DropReason,
    failing_since,
    has_failed_too_long,
    next_attempt,
)
from services.matching.outgoing.sender import Answer, Letter
from services.matching.partners.models import Partner
from services.matching.partners.rules import PartnerState
from shared.clock import machine_now, utc_now
from shared.db import WriteSession
from shared.ids import new_id
from shared.vault import UnreadableField, Vault

__all__ = ["Claimed", "claim_next", "record"]

log = structlog.get_logger()

ATTEMPTS = Counter("linli_webhook_attempts_total", "Attempts to reach partners' endpoints.", ["outcome"])
DISABLED = Counter("linli_webhook_endpoints_disabled_total", "Endpoints given up by themselves.", ["reason"])

_CHANCE: Final = secrets.SystemRandom()


@dataclass(frozen=True, slots=True)
class Claimed:
    """A delivery that is ours to try until its lease runs out; without a letter there is nothing to try."""

    delivery_id: UUID
    endpoint_id: UUID
    lease_id: UUID
    leased_until: datetime
    number: int
    letter: Letter | None


async def claim_next(session: WriteSession, endpoint_id: UUID, vault: Vault) -> Claimed | None:
    """Claim the longest due delivery of an endpoint.

    Returns:
        None when nothing is due; a claim without a letter when the delivery was dropped or given up.
    """
    row = await repository.next_due(session, endpoint_id, utc_now(), machine_now())
    if row is None:
        return None
    if row.lease_id is not None:
        await _note_lost(session, row)
    lease_id, leased_until = new_id(), machine_now() + LEASE
    letter = await _letter(session, row, vault)
    if letter is not None:
        row.tries += 1
        row.lease_id, row.leased_until = lease_id, leased_until
    await session.flush()
    return Claimed(row.id, endpoint_id, lease_id, leased_until, row.tries, letter)


async def _note_lost(session: WriteSession, row: Delivery) -> None:
    """Write down an attempt that nobody has told the outcome of."""
    attempt = {"at": utc_now(), "duration_ms": 0, "error": AttemptError.LOST.value}
    await repository.add_attempt(
        session,
        {"id": new_id(), "delivery_id": row.id, "endpoint_id": row.endpoint_id, "number": row.tries, **attempt},
    )


async def _letter(session: WriteSession, row: Delivery, vault: Vault) -> Letter | None:
    found = await endpoints.find_endpoint(session, row.endpoint_id)
    event = await repository.find_delivery(session, row.id)
    if found is None or event is None or found[0].state != EndpointState.ENABLED.value:
        _finish(row, DeliveryState.DROPPED, DropReason.DISABLED)
        return None
    endpoint, partner = found
    if partner.state != PartnerState.VETTED.value:
        _finish(row, DeliveryState.DROPPED, DropReason.SUSPENDED)
        return None
    if row.tries >= ATTEMPTS_MAX:
        _finish(row, DeliveryState.FAILED)
        return None
    keys = await endpoints.valid_keys(session, endpoint.id, utc_now())
    try:
        signers = [signer for key in keys for signer in signers_of(vault, key)]
    except UnreadableField:
        log.error("webhook_key_unreadable", tenant=session.tenant, endpoint_id=str(endpoint.id))
        raise
    return Letter(endpoint.url, str(row.event_id), event[1].body.encode(), signers)


def _finish(row: Delivery, state: DeliveryState, reason: DropReason | None = None) -> None:
    row.state = state.value
    row.reason = reason.value if reason is not None else None
    row.finished_at = utc_now()
    row.lease_id = row.leased_until = None
    row.version += 1


async def record(session: WriteSession, claimed: Claimed, answer: Answer) -> None:
    """Write down what an attempt met with: delivered, tried later, or given up, and its endpoint with it.

    A lease that was lost meanwhile leaves the delivery to whoever has it now.
    """
    endpoint = await endpoints.lock_endpoint(session, claimed.endpoint_id)
    row = await repository.lock_delivery(session, claimed.delivery_id)
    if endpoint is None or row is None:
        return
    await repository.add_attempt(session, _attempt(claimed, answer))
    succeeded = answer.status is not None and HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES
    ATTEMPTS.labels("delivered" if succeeded else str(answer.status or answer.error)).inc()
    if row.state == DeliveryState.DUE.value and row.lease_id == claimed.lease_id:
        _settle(row, answer, succeeded=succeeded)
        await session.flush()
    if endpoint.state == EndpointState.ENABLED.value:
        await _note_health(session, endpoint, answer, succeeded=succeeded)


def _settle(row: Delivery, answer: Answer, *, succeeded: bool) -> None:
    if succeeded:
        _finish(row, DeliveryState.DELIVERED)
        return
    now = utc_now()
    again = next_attempt(row.tries, row.began_at, now, _CHANCE.random())
    if again is None:
        _finish(row, DeliveryState.FAILED)
        return
    asked = now + answer.retry_after if answer.retry_after is not None else again
    row.next_at = max(again, asked)
    row.lease_id = row.leased_until = None


async def _note_health(session: WriteSession, endpoint: Endpoint, answer: Answer, *, succeeded: bool) -> None:
    """Note how an endpoint is, and give it up when it says that it is gone, or has failed too long."""
    now = utc_now()
    if succeeded:
        endpoint.failing_since, endpoint.last_succeeded_at = None, now
        await session.flush()
        return
    endpoint.failing_since = failing_since(endpoint.failing_since, endpoint.last_failed_at, now)
    endpoint.last_failed_at = now
    await session.flush()
    if answer.status == HTTPStatus.GONE:
        await _give_up(session, endpoint, DisabledReason.GONE)
    elif has_failed_too_long(endpoint.failing_since, now):
        await _give_up(session, endpoint, DisabledReason.FAILING)


async def _give_up(session: WriteSession, endpoint: Endpoint, reason: DisabledReason) -> None:
    found = await endpoints.find_endpoint(session, endpoint.id)
    partner: Partner | None = found[1] if found is not None else None
    if partner is not None:
        await disable_endpoint(session, endpoint, partner, reason)
        DISABLED.labels(reason.value).inc()
        log.warning("webhook_endpoint_disabled", tenant=session.tenant, endpoint_id=str(endpoint.id), reason=reason)


def _attempt(claimed: Claimed, answer: Answer) -> dict[str, object]:
    return {
        "id": new_id(),
        "delivery_id": claimed.delivery_id,
        "endpoint_id": claimed.endpoint_id,
        "number": claimed.number,
        "at": answer.at,
        "duration_ms": answer.duration_ms,
        "status": answer.status,
        "error": answer.error.value if answer.error is not None else None,
        "answer": answer.text,
    }
