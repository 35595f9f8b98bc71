"""Use cases of endpoints: registering, changing, rotating keys, disabling and enabling."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from services.matching.endpoints import repository
from services.matching.endpoints.addresses import Fault, read_target
from services.matching.endpoints.catalogue import PARTNER_EVENTS
from services.matching.endpoints.keys import new_key
from services.matching.endpoints.models import Endpoint
from services.matching.endpoints.rules import (
    ENABLED_MAX,
    STEPS,
    DisabledReason,
    EndpointAction,
    EndpointFacts,
    EndpointState,
    TooManyEndpoints,
    UnknownEventType,
    UrlRefused,
    may_see,
)
from services.matching.endpoints.schemas import EndpointIn, EndpointPatch
from services.matching.locking import take_turn
from services.matching.outgoing.repository import drop_due
from services.matching.partners.models import Partner
from services.matching.partners.repository import find_partner
from services.matching.problems import UnknownPartner
from shared.auth import Principal, Role
from shared.clock import utc_now
from shared.contracts.matching_partners import WebhookEndpointDisabled
from shared.db import Session, WriteSession
from shared.ids import new_id
from shared.messaging import publish
from shared.problems import Forbidden, IdTaken, NotFound
from shared.steps import check_step
from shared.vault import Vault

__all__ = [
    "begin_step",
    "change_endpoint",
    "disable_by_hand",
    "disable_endpoint",
    "enable_endpoint",
    "facts_of",
    "lock_visible",
    "read_visible",
    "register_endpoint",
    "rotate_key",
]


def facts_of(endpoint: Endpoint, partner: Partner) -> EndpointFacts:
    """Return what the rules know of an endpoint."""
    reason = DisabledReason(endpoint.reason) if endpoint.reason else None
    return EndpointFacts(EndpointState(endpoint.state), reason, partner.unit_id, partner.coverage)


async def read_visible(session: Session, caller: Principal, endpoint_id: UUID) -> tuple[Endpoint, Partner]:
    """Return an endpoint that the caller may know of, or NotFound."""
    found = await repository.find_endpoint(session, endpoint_id)
    if found is None or not may_see(facts_of(*found), caller):
        raise NotFound
    return found


async def lock_visible(session: WriteSession, caller: Principal, endpoint_id: UUID) -> tuple[Endpoint, Partner]:
    """Return an endpoint for a change, or NotFound."""
    _, partner = await read_visible(session, caller, endpoint_id)
    endpoint = await repository.lock_endpoint(session, endpoint_id)
    if endpoint is None:
        raise NotFound
    return endpoint, partner


def begin_step(caller: Principal, endpoint: Endpoint, partner: Partner, action: EndpointAction) -> None:
    """Refuse a step that the caller may not take, or that is not possible now."""
    check_step(STEPS, action, facts_of(endpoint, partner), caller)


def _checked_url(url: str, *, allows_loopback: bool) -> str:
    target = read_target(url, allows_loopback=allows_loopback)
    if isinstance(target, Fault):
        raise UrlRefused(target)
    return target.url


def _checked_types(event_types: Sequence[str]) -> list[str]:
    for position, name in enumerate(event_types):
        if name not in PARTNER_EVENTS:
            raise UnknownEventType(pointer=f"/event_types/{position}")
    return sorted(set(event_types))


async def _check_room(session: WriteSession, partner_id: UUID) -> None:
    await take_turn(session, "endpoints_of_partner", partner_id)
    if await repository.count_enabled(session, partner_id) >= ENABLED_MAX:
        raise TooManyEndpoints


async def register_endpoint(
    session: WriteSession, caller: Principal, vault: Vault, wanted: EndpointIn, *, allows_loopback: bool
) -> tuple[Endpoint, Partner, str | None]:
    """Let a partner hear of events; returns the endpoint and, if it is new, its secret."""
    partner = await find_partner(session, wanted.partner_id)
    if partner is None:
        raise UnknownPartner(pointer="/partner_id")
    if partner.unit_id not in caller.units(Role.UNIT_STAFF, Role.PARTNER):
        raise Forbidden(rule="own_partner")
    url = _checked_url(wanted.url, allows_loopback=allows_loopback)
    event_types = _checked_types(wanted.event_types)
    await take_turn(session, "endpoint", wanted.id)
    earlier = await repository.find_endpoint(session, wanted.id) if wanted.id else None
    if earlier is not None:
        if (earlier[0].partner_id, earlier[0].url) != (partner.id, url):
            raise IdTaken(pointer="/id")
        return earlier[0], partner, None
    await _check_room(session, partner.id)
    endpoint = Endpoint(
        tenant_id=session.tenant,
        id=wanted.id or new_id(),
        partner_id=partner.id,
        url=url,
        description=wanted.description,
        event_types=event_types,
        state=EndpointState.ENABLED.value,
        created_by=caller.actor,
        created_at=utc_now(),
        version=1,
    )
    session.add(endpoint)
    await session.flush()
    key = new_key(vault, session.tenant, endpoint.id)
    session.add(key.row)
    await session.flush()
    return endpoint, partner, key.secret


async def change_endpoint(
    session: WriteSession, endpoint: Endpoint, wanted: EndpointPatch, *, allows_loopback: bool
) -> None:
    """Change where and of what a partner hears; what is due goes to the new address."""
    if wanted.url is not None:
        endpoint.url = _checked_url(wanted.url, allows_loopback=allows_loopback)
    if wanted.event_types is not None:
        endpoint.event_types = _checked_types(wanted.event_types)
    if wanted.description is not None:
        endpoint.description = wanted.description
    endpoint.version += 1
    await session.flush()


async def rotate_key(session: WriteSession, vault: Vault, endpoint: Endpoint, *, overlap: timedelta) -> str:
    """Give an endpoint a new secret and key pair; those before sign as well for a while. Returns the secret."""
    await repository.delete_old_keys(session, endpoint.id)
    await repository.expire_current_key(session, endpoint.id, utc_now() + overlap)
    key = new_key(vault, session.tenant, endpoint.id)
    session.add(key.row)
    endpoint.version += 1
    await session.flush()
    return key.secret


async def disable_by_hand(
    session: WriteSession, caller: Principal, endpoint: Endpoint, partner: Partner, note: str | None
) -> None:
    """Let the partner or an officer stop an endpoint."""
    is_own = partner.unit_id in caller.units(Role.UNIT_STAFF, Role.PARTNER)
    reason = DisabledReason.PARTNER if is_own else DisabledReason.OFFICER
    await disable_endpoint(session, endpoint, partner, reason, note=note)


async def disable_endpoint(
    session: WriteSession, endpoint: Endpoint, partner: Partner, reason: DisabledReason, *, note: str | None = None
) -> None:
    """Send an endpoint nothing more, and tell of it; what was due is dropped. The endpoint is locked already."""
    now = utc_now()
    endpoint.state, endpoint.reason, endpoint.note = EndpointState.DISABLED.value, reason.value, note
    endpoint.version += 1
    await session.flush()
    await drop_due(session, endpoint.id, now)
    told = WebhookEndpointDisabled(
        endpoint_id=endpoint.id, partner_id=partner.id, unit_id=partner.unit_id, reason=reason.value, at=now
    )
    await publish(session, f"webhook_endpoint/{endpoint.id}", told)


async def enable_endpoint(session: WriteSession, endpoint: Endpoint) -> None:
    """Send an endpoint what happens from now on; what it has missed takes a replay."""
    await _check_room(session, endpoint.partner_id)
    endpoint.state, endpoint.reason, endpoint.note = EndpointState.ENABLED.value, None, None
    endpoint.failing_since = None
    endpoint.version += 1
    await session.flush()
