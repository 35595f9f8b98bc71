"""SQL of merges."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import or_, select

from services.intake.merging.models import CaseMerge
from shared.db import Session

__all__ = ["merges_of", "other_standing_merges", "standing_merge"]


async def standing_merge(session: Session, from_case_id: UUID) -> CaseMerge | None:
    """Return the merge by which a case has gone into another, unless it was taken back."""
    statement = select(CaseMerge).where(
        CaseMerge.tenant_id == session.tenant, CaseMerge.from_case_id == from_case_id, CaseMerge.undone_at.is_(None)
    )
    return await session.scalar(statement)


async def other_standing_merges(session: Session, merge: CaseMerge) -> Sequence[CaseMerge]:
    """Return what else has gone into the same case and was not taken back, the first one first."""
    statement = select(CaseMerge).where(
        CaseMerge.tenant_id == session.tenant,
        CaseMerge.into_case_id == merge.into_case_id,
        CaseMerge.undone_at.is_(None),
        CaseMerge.id != merge.id,
    )
    return (await session.scalars(statement.order_by(CaseMerge.merged_at, CaseMerge.id))).all()


async def merges_of(session: Session, case_id: UUID) -> Sequence[CaseMerge]:
    """Return the merges of a case in either direction, the first one first."""
    either = or_(CaseMerge.from_case_id == case_id, CaseMerge.into_case_id == case_id)
    statement = select(CaseMerge).where(CaseMerge.tenant_id == session.tenant, either)
    return (await session.scalars(statement.order_by(CaseMerge.merged_at, CaseMerge.id))).all()
