"""Statements on endpoints and their keys."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, func, or_, select, update

from services.matching.endpoints.models import Endpoint, EndpointKey
from services.matching.endpoints.rules import EndpointState
from services.matching.locking import locked
from services.matching.partners.models import Partner
from shared.db import Session, WriteSession

__all__ = [
    "count_enabled",
    "delete_expired_keys",
    "delete_old_keys",
    "expire_current_key",
    "find_endpoint",
    "keys_of",
    "list_endpoints",
    "lock_endpoint",
    "valid_keys",
]


async def find_endpoint(session: Session, endpoint_id: UUID) -> tuple[Endpoint, Partner] | None:
    """Return an endpoint, and the partner whose it is."""
    statement = (
        select(Endpoint, Partner)
        .join(Partner, (Partner.tenant_id == Endpoint.tenant_id) & (Partner.id == Endpoint.partner_id))
        .where(Endpoint.tenant_id == session.tenant, Endpoint.id == endpoint_id)
    )
    found = (await session.execute(statement)).one_or_none()
    return (found[0], found[1]) if found is not None else None


async def lock_endpoint(session: WriteSession, endpoint_id: UUID) -> Endpoint | None:
    """Return an endpoint and keep others from changing it meanwhile."""
    statement = select(Endpoint).where(Endpoint.tenant_id == session.tenant, Endpoint.id == endpoint_id)
    return await session.scalar(locked(statement))


async def count_enabled(session: Session, partner_id: UUID) -> int:
    """Return how many endpoints of a partner are told something."""
    statement = select(func.count()).where(
        Endpoint.tenant_id == session.tenant,
        Endpoint.partner_id == partner_id,
        Endpoint.state == EndpointState.ENABLED.value,
    )
    return int(await session.scalar(statement) or 0)


async def list_endpoints(
    session: Session,
    *,
    units: Sequence[UUID],
    paths: tuple[str, ...],
    partner_id: UUID | None,
    state: str | None,
    before: UUID | None,
    limit: int,
) -> Sequence[tuple[Endpoint, Partner]]:
    """Return the endpoints of some units' partners and of partners that cover something below some areas, the newest
    first.
    """
    statement = (
        select(Endpoint, Partner)
        .join(Partner, (Partner.tenant_id == Endpoint.tenant_id) & (Partner.id == Endpoint.partner_id))
        .where(
            Endpoint.tenant_id == session.tenant,
            or_(Partner.unit_id.in_(units), Partner.coverage.within_any(paths)),
        )
    )
    if partner_id is not None:
        statement = statement.where(Endpoint.partner_id == partner_id)
    if state is not None:
        statement = statement.where(Endpoint.state == state)
    if before is not None:
        statement = statement.where(Endpoint.id < before)
    rows = (await session.execute(statement.order_by(Endpoint.id.desc()).limit(limit))).all()
    return [(endpoint, partner) for endpoint, partner in rows]


async def keys_of(session: Session, endpoint_ids: Sequence[UUID], now: datetime) -> Sequence[EndpointKey]:
    """Return the keys of some endpoints that are valid, the newest first."""
    statement = select(EndpointKey).where(
        EndpointKey.tenant_id == session.tenant,
        EndpointKey.endpoint_id.in_(endpoint_ids),
        or_(EndpointKey.expires_at.is_(None), EndpointKey.expires_at > now),
    )
    return (await session.scalars(statement.order_by(EndpointKey.id.desc()))).all()


async def valid_keys(session: Session, endpoint_id: UUID, now: datetime) -> Sequence[EndpointKey]:
    """Return the keys that sign for an endpoint, the current one first."""
    return await keys_of(session, [endpoint_id], now)


async def expire_current_key(session: WriteSession, endpoint_id: UUID, expires_at: datetime) -> None:
    """Let the current key of an endpoint end."""
    statement = update(EndpointKey).where(
        EndpointKey.tenant_id == session.tenant,
        EndpointKey.endpoint_id == endpoint_id,
        EndpointKey.expires_at.is_(None),
    )
    await session.execute(statement.values(expires_at=expires_at), execution_options={"synchronize_session": False})


async def delete_old_keys(session: WriteSession, endpoint_id: UUID) -> None:
    """Forget the keys of an endpoint that have an end: at most two are valid at a time."""
    statement = delete(EndpointKey).where(
        EndpointKey.tenant_id == session.tenant,
        EndpointKey.endpoint_id == endpoint_id,
        EndpointKey.expires_at.is_not(None),
    )
    await session.execute(statement, execution_options={"synchronize_session": False})


async def delete_expired_keys(session: WriteSession, now: datetime) -> None:
    """Forget every key that has ended."""
    statement = delete(EndpointKey).where(EndpointKey.tenant_id == session.tenant, EndpointKey.expires_at <= now)
    await session.execute(statement, execution_options={"synchronize_session": False})
