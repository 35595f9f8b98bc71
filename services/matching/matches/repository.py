"""SQL of matches."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert

from services.matching.locking import locked
from services.matching.matches.models import Match
from shared.db import Session, WriteSession

__all__ = ["find_match", "keep_proposals", "lock_match", "matches_of_need", "refused_offers"]


async def matches_of_need(session: Session, need_id: UUID) -> Sequence[Match]:
    """Return a need's proposals, the best first."""
    statement = select(Match).where(Match.tenant_id == session.tenant, Match.need_id == need_id)
    return (await session.scalars(statement.order_by(Match.rank, Match.id))).all()


async def refused_offers(session: Session, need_id: UUID) -> frozenset[UUID]:
    """Return the offers that somebody has refused for a need."""
    statement = select(Match.offer_id).where(
        Match.tenant_id == session.tenant, Match.need_id == need_id, Match.state == "refused"
    )
    return frozenset((await session.scalars(statement)).all())


async def find_match(session: Session, match_id: UUID) -> Match | None:
    """Return a proposal."""
    return await session.scalar(select(Match).where(Match.tenant_id == session.tenant, Match.id == match_id))


async def lock_match(session: WriteSession, match_id: UUID) -> Match | None:
    """Return a proposal and keep others from deciding it meanwhile."""
    statement = select(Match).where(Match.tenant_id == session.tenant, Match.id == match_id)
    return await session.scalar(locked(statement))


async def keep_proposals(
    session: WriteSession, need_id: UUID, proposals: Sequence[dict[str, Any]], now: datetime
) -> None:
    """Replace a need's undecided proposals; what a person has decided stays as it was."""
    undecided = delete(Match).where(
        Match.tenant_id == session.tenant, Match.need_id == need_id, Match.state == "proposed"
    )
    await session.execute(undecided, execution_options={"synchronize_session": False})
    if proposals:
        rows = [
            {
                "tenant_id": session.tenant,
                "need_id": need_id,
                "state": "proposed",
                "computed_at": now,
                "version": 1,
                **row,
            }
            for row in proposals
        ]
        await session.execute(insert(Match).values(rows).on_conflict_do_nothing())
