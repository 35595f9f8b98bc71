"""SQL of records of fulfilment."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select, tuple_, update
from sqlalchemy.dialects.postgresql import insert

from services.matching.locking import locked
from services.matching.partners.models import Partner
from services.matching.record.models import FulfilmentEntry
from services.matching.record.rules import Fulfilment
from shared.db import Session, WriteSession

__all__ = ["add_entry", "count", "entries_of", "entry_about", "find_entry", "lock_entry"]


async def add_entry(session: WriteSession, values: dict[str, Any]) -> bool:
    """Add an entry; returns False when there is one about the same thing."""
    statement = insert(FulfilmentEntry).values(tenant_id=session.tenant, **values).on_conflict_do_nothing()
    return await session.scalar(statement.returning(FulfilmentEntry.id)) is not None


async def count(session: WriteSession, partner_id: UUID, outcome: Fulfilment, by: int) -> None:
    """Count an entry in, or out again."""
    column = getattr(Partner, outcome.value)
    statement = update(Partner).where(Partner.tenant_id == session.tenant, Partner.id == partner_id)
    await session.execute(statement.values({outcome.value: column + by}))


async def find_entry(session: Session, entry_id: UUID) -> FulfilmentEntry | None:
    """Return an entry."""
    return await session.scalar(
        select(FulfilmentEntry).where(FulfilmentEntry.tenant_id == session.tenant, FulfilmentEntry.id == entry_id)
    )


async def entry_about(session: Session, partner_id: UUID, about_kind: str, about_id: UUID) -> FulfilmentEntry | None:
    """Return the entry about a thing that a partner promised."""
    statement = select(FulfilmentEntry).where(
        FulfilmentEntry.tenant_id == session.tenant,
        FulfilmentEntry.partner_id == partner_id,
        FulfilmentEntry.about_kind == about_kind,
        FulfilmentEntry.about_id == about_id,
    )
    return await session.scalar(statement)


async def lock_entry(session: WriteSession, entry_id: UUID) -> FulfilmentEntry | None:
    """Return an entry and keep others from deciding on it meanwhile."""
    statement = select(FulfilmentEntry).where(
        FulfilmentEntry.tenant_id == session.tenant, FulfilmentEntry.id == entry_id
    )
    return await session.scalar(locked(statement))


async def entries_of(
    session: Session, partner_id: UUID, *, after: tuple[Any, ...] | None, limit: int
) -> Sequence[FulfilmentEntry]:
    """Return a partner's entries, the newest first."""
    statement = select(FulfilmentEntry).where(
        FulfilmentEntry.tenant_id == session.tenant, FulfilmentEntry.partner_id == partner_id
    )
    if after is not None:
        statement = statement.where(tuple_(FulfilmentEntry.noted_at, FulfilmentEntry.id) < tuple_(*after))
    ordered = statement.order_by(FulfilmentEntry.noted_at.desc(), FulfilmentEntry.id.desc())
    return (await session.scalars(ordered.limit(limit))).all()
