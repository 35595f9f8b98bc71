"""SQL of drafts."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import delete, func, select, text, tuple_

from services.intake.drafts.models import Draft
from shared.db import Session, WriteSession

__all__ = ["count_drafts", "drafts_of", "find_draft", "lock_draft", "remove_draft", "remove_untouched", "wait_for_own"]

_LOCK: Final = text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))")


async def find_draft(session: Session, draft_id: UUID) -> Draft | None:
    """Return a draft, whoever owns it."""
    return await session.scalar(select(Draft).where(Draft.tenant_id == session.tenant, Draft.id == draft_id))


async def lock_draft(session: WriteSession, draft_id: UUID) -> Draft | None:
    """Return a draft and keep others from changing it meanwhile."""
    statement = select(Draft).where(Draft.tenant_id == session.tenant, Draft.id == draft_id)
    return await session.scalar(statement.with_for_update())


async def drafts_of(session: Session, owner_id: UUID, *, after: tuple[Any, ...] | None, limit: int) -> Sequence[Draft]:
    """Return somebody's drafts, the last touched first."""
    statement = select(Draft).where(Draft.tenant_id == session.tenant, Draft.owner_id == owner_id)
    if after is not None:
        statement = statement.where(tuple_(Draft.updated_at, Draft.id) < tuple_(*after))
    return (await session.scalars(statement.order_by(Draft.updated_at.desc(), Draft.id.desc()).limit(limit))).all()


async def wait_for_own(session: WriteSession, owner_id: UUID) -> None:
    """Let the new drafts of one person come one after the other, so that they can be counted."""
    await session.execute(_LOCK, {"name": f"drafts/{session.tenant}/{owner_id}"})


async def count_drafts(session: Session, owner_id: UUID) -> int:
    """Count somebody's drafts."""
    statement = select(func.count()).where(Draft.tenant_id == session.tenant, Draft.owner_id == owner_id)
    return await session.scalar(statement) or 0


async def remove_draft(session: WriteSession, draft_id: UUID) -> None:
    """Remove a draft."""
    await session.execute(delete(Draft).where(Draft.tenant_id == session.tenant, Draft.id == draft_id))


async def remove_untouched(session: WriteSession, before: datetime) -> int:
    """Remove what nobody has touched since; returns how many there were."""
    statement = delete(Draft).where(Draft.tenant_id == session.tenant, Draft.updated_at < before).returning(Draft.id)
    return len((await session.scalars(statement)).all())
