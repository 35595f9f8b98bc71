"""SQL of agreements."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, tuple_

from services.matching.agreements.models import Agreement, AgreementStep, ServiceRecord
from services.matching.holds.models import Hold
from services.matching.locking import locked
from shared.db import Session, WriteSession

__all__ = [
    "find_agreement",
    "find_service",
    "future_holds",
    "list_agreements",
    "lock_agreement",
    "room_minutes",
    "service_minutes",
    "services_of",
    "steps_of",
]


async def find_agreement(session: Session, agreement_id: UUID) -> Agreement | None:
    """Return an agreement."""
    return await session.scalar(
        select(Agreement).where(Agreement.tenant_id == session.tenant, Agreement.id == agreement_id)
    )


async def lock_agreement(session: WriteSession, agreement_id: UUID) -> Agreement | None:
    """Return an agreement and keep others from changing it meanwhile."""
    statement = select(Agreement).where(Agreement.tenant_id == session.tenant, Agreement.id == agreement_id)
    return await session.scalar(locked(statement))


async def list_agreements(
    session: Session,
    *,
    offer_id: UUID | None,
    unit_id: UUID | None,
    state: str | None,
    after: tuple[Any, ...] | None,
    limit: int,
) -> Sequence[Agreement]:
    """Return agreements, the newest first."""
    statement = select(Agreement).where(Agreement.tenant_id == session.tenant)
    for column, value in (
        (Agreement.offer_id, offer_id),
        (Agreement.guest_unit_id, unit_id),
        (Agreement.state, state),
    ):
        if value is not None:
            statement = statement.where(column == value)
    if after is not None:
        statement = statement.where(tuple_(Agreement.proposed_at, Agreement.id) < tuple_(*after))
    ordered = statement.order_by(Agreement.proposed_at.desc(), Agreement.id.desc())
    return (await session.scalars(ordered.limit(limit))).all()


async def find_service(session: Session, service_id: UUID) -> ServiceRecord | None:
    """Return a record of service."""
    return await session.scalar(
        select(ServiceRecord).where(ServiceRecord.tenant_id == session.tenant, ServiceRecord.id == service_id)
    )


async def services_of(session: Session, agreement_id: UUID) -> Sequence[ServiceRecord]:
    """Return what was served under an agreement, in the order of its days."""
    statement = select(ServiceRecord).where(
        ServiceRecord.tenant_id == session.tenant, ServiceRecord.agreement_id == agreement_id
    )
    return (await session.scalars(statement.order_by(ServiceRecord.served_on, ServiceRecord.id))).all()


async def service_minutes(session: Session, agreement_id: UUID) -> dict[str, int]:
    """Return the minutes of service by their state."""
    statement = (
        select(ServiceRecord.state, func.sum(ServiceRecord.minutes))
        .where(ServiceRecord.tenant_id == session.tenant, ServiceRecord.agreement_id == agreement_id)
        .group_by(ServiceRecord.state)
    )
    return {state: int(minutes) for state, minutes in await session.execute(statement)}


async def room_minutes(session: Session, agreement_id: UUID, now: datetime) -> tuple[int, int]:
    """Return for how many minutes the room was used, and for how many it is booked from now on."""
    statement = select(Hold.starts_at, Hold.ends_at).where(
        Hold.tenant_id == session.tenant,
        Hold.for_kind == "agreement",
        Hold.for_id == agreement_id,
        Hold.state == "committed",
    )
    used = booked = 0
    for starts_at, ends_at in await session.execute(statement):
        if starts_at is None or ends_at is None:
            continue
        middle = min(max(now, starts_at), ends_at)
        used += int((middle - starts_at).total_seconds())
        booked += int((ends_at - middle).total_seconds())
    total = (used + booked) // 60
    return used // 60, total - used // 60


async def future_holds(session: Session, agreement_id: UUID, now: datetime) -> Sequence[UUID]:
    """Return what is booked under an agreement and has not begun."""
    statement = select(Hold.id).where(
        Hold.tenant_id == session.tenant,
        Hold.for_kind == "agreement",
        Hold.for_id == agreement_id,
        Hold.state == "committed",
        Hold.starts_at > now,
    )
    return (await session.scalars(statement.order_by(Hold.id))).all()


async def steps_of(session: Session, agreement_id: UUID) -> Sequence[AgreementStep]:
    """Return the history of an agreement in its order."""
    statement = select(AgreementStep).where(
        AgreementStep.tenant_id == session.tenant, AgreementStep.agreement_id == agreement_id
    )
    return (await session.scalars(statement.order_by(AgreementStep.position))).all()
