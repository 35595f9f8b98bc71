"""SQL of partners."""

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select, tuple_

from services.matching.locking import locked
from services.matching.partners.models import Partner, PartnerStep
from shared.db import Session, WriteSession

__all__ = ["find_partner", "list_partners", "lock_partner", "partner_of_unit", "partners_by_id", "steps_of"]


async def find_partner(session: Session, partner_id: UUID) -> Partner | None:
    """Return a partner."""
    return await session.scalar(select(Partner).where(Partner.tenant_id == session.tenant, Partner.id == partner_id))


async def lock_partner(session: WriteSession, partner_id: UUID) -> Partner | None:
    """Return a partner and keep others from changing it meanwhile."""
    statement = select(Partner).where(Partner.tenant_id == session.tenant, Partner.id == partner_id)
    return await session.scalar(locked(statement))


async def partner_of_unit(session: Session, unit_id: UUID) -> Partner | None:
    """Return the partner that a unit is."""
    return await session.scalar(select(Partner).where(Partner.tenant_id == session.tenant, Partner.unit_id == unit_id))


async def partners_by_id(session: Session, partner_ids: Collection[UUID]) -> dict[UUID, Partner]:
    """Return several partners by their ids."""
    statement = select(Partner).where(Partner.tenant_id == session.tenant, Partner.id.in_(partner_ids))
    return {row.id: row for row in await session.scalars(statement)}


async def list_partners(
    session: Session, *, state: str | None, kind: str | None, after: tuple[Any, ...] | None, limit: int
) -> Sequence[Partner]:
    """Return partners, the newest first."""
    statement = select(Partner).where(Partner.tenant_id == session.tenant)
    for column, value in ((Partner.state, state), (Partner.kind, kind)):
        if value is not None:
            statement = statement.where(column == value)
    if after is not None:
        statement = statement.where(tuple_(Partner.applied_at, Partner.id) < tuple_(*after))
    return (await session.scalars(statement.order_by(Partner.applied_at.desc(), Partner.id.desc()).limit(limit))).all()


async def steps_of(session: Session, partner_id: UUID, *, after: int, limit: int) -> Sequence[PartnerStep]:
    """Return the history in its order."""
    statement = select(PartnerStep).where(
        PartnerStep.tenant_id == session.tenant, PartnerStep.partner_id == partner_id, PartnerStep.position > after
    )
    return (await session.scalars(statement.order_by(PartnerStep.position).limit(limit))).all()
