"""SQL of checks."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select, tuple_

from services.intake.facts.models import FactCheck, FactProgress
from shared.db import Session, WriteSession

__all__ = ["find", "list_checks", "lock_oldest", "progress_of"]


async def find(session: Session, check_id: UUID) -> FactCheck | None:
    """Return a check."""
    return await session.scalar(
        select(FactCheck).where(FactCheck.tenant_id == session.tenant, FactCheck.id == check_id)
    )


async def list_checks(session: Session, *, after: tuple[Any, ...] | None, limit: int) -> Sequence[FactCheck]:
    """Return checks, the newest first."""
    statement = select(FactCheck).where(FactCheck.tenant_id == session.tenant)
    if after is not None:
        statement = statement.where(tuple_(FactCheck.asked_at, FactCheck.id) < tuple_(*after))
    ordered = statement.order_by(FactCheck.asked_at.desc(), FactCheck.id.desc())
    return (await session.scalars(ordered.limit(limit))).all()


async def lock_oldest(session: WriteSession) -> FactCheck | None:
    """Return the oldest check that is not done; whoever asks holds the progress, so nobody else is at it."""
    statement = select(FactCheck).where(FactCheck.tenant_id == session.tenant, FactCheck.finished_at.is_(None))
    ordered = statement.order_by(FactCheck.asked_at, FactCheck.id).limit(1)
    return await session.scalar(ordered.with_for_update())


async def progress_of(session: Session) -> FactProgress | None:
    """Return how far the facts are counted; None when nobody has begun."""
    return await session.scalar(select(FactProgress).where(FactProgress.tenant_id == session.tenant))
