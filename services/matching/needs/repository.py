"""SQL of needs."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select, tuple_, update

from services.matching.locking import locked
from services.matching.needs.models import Need
from services.matching.needs.rules import NeedState
from shared.db import Session, WriteSession

__all__ = ["find_need", "list_needs", "lock_need", "mark_proposals_due", "needs_by_id"]


async def find_need(session: Session, need_id: UUID) -> Need | None:
    """Return a need."""
    return await session.scalar(select(Need).where(Need.tenant_id == session.tenant, Need.id == need_id))


async def lock_need(session: WriteSession, need_id: UUID) -> Need | None:
    """Return a need and keep others from changing it meanwhile."""
    statement = select(Need).where(Need.tenant_id == session.tenant, Need.id == need_id)
    return await session.scalar(locked(statement))


async def mark_proposals_due(session: WriteSession, need_ids: Sequence[UUID], now: datetime) -> None:
    """Have the proposals of some needs computed anew, as far as these are open."""
    # In the order of their ids, as every decision locks needs.
    open_ones = select(Need.id).where(
        Need.tenant_id == session.tenant, Need.id.in_(need_ids), Need.state == NeedState.OPEN.value
    )
    ids = (await session.scalars(open_ones.order_by(Need.id).with_for_update())).all()
    statement = update(Need).where(Need.tenant_id == session.tenant, Need.id.in_(ids)).values(proposals_due_at=now)
    await session.execute(statement, execution_options={"synchronize_session": False})


async def needs_by_id(session: Session, need_ids: Sequence[UUID]) -> Sequence[Need]:
    """Return some needs in the order of their ids."""
    statement = select(Need).where(Need.tenant_id == session.tenant, Need.id.in_(need_ids))
    return (await session.scalars(statement.order_by(Need.id))).all()


async def list_needs(
    session: Session,
    *,
    under: str | None,
    state: str | None,
    category: str | None,
    text: str | None,
    after: tuple[Any, ...] | None,
    limit: int,
) -> Sequence[Need]:
    """Return needs, the newest first."""
    statement = select(Need).where(Need.tenant_id == session.tenant)
    if under is not None:
        statement = statement.where(Need.area_path.within(under))
    for column, value in ((Need.state, state), (Need.category, category)):
        if value is not None:
            statement = statement.where(column == value)
    if text is not None:
        statement = statement.where(Need.summary.icontains(text, autoescape=True))
    if after is not None:
        statement = statement.where(tuple_(Need.opened_at, Need.id) < tuple_(*after))
    return (await session.scalars(statement.order_by(Need.opened_at.desc(), Need.id.desc()).limit(limit))).all()
