"""SQL of appeals."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, tuple_

from services.intake.appeals.models import Appeal
from services.intake.cases.models import CaseStep
from shared.db import Session

__all__ = ["appeals_of", "last_decision", "late_appeals", "open_appeal"]


async def open_appeal(session: Session, case_id: UUID) -> Appeal | None:
    """Return the appeal that waits for an answer."""
    mine = (Appeal.tenant_id == session.tenant, Appeal.case_id == case_id)
    return await session.scalar(select(Appeal).where(*mine, Appeal.state == "open"))


async def appeals_of(session: Session, case_id: UUID) -> Sequence[Appeal]:
    """Return all appeals of a case, the first one first."""
    statement = select(Appeal).where(Appeal.tenant_id == session.tenant, Appeal.case_id == case_id)
    return (await session.scalars(statement.order_by(Appeal.made_at, Appeal.id))).all()


async def late_appeals(
    session: Session, now: datetime, *, after: tuple[datetime, UUID] | None, limit: int
) -> Sequence[Appeal]:
    """Return open appeals of which somebody further up is to be told by now, the longest overdue first."""
    statement = select(Appeal).where(Appeal.tenant_id == session.tenant, Appeal.next_at <= now)
    if after is not None:
        statement = statement.where(tuple_(Appeal.next_at, Appeal.id) > tuple_(*after))
    return (await session.scalars(statement.order_by(Appeal.next_at, Appeal.id).limit(limit))).all()


async def last_decision(session: Session, case_id: UUID) -> CaseStep | None:
    """Return the step in which a case was last judged or declined."""
    statement = select(CaseStep).where(
        CaseStep.tenant_id == session.tenant,
        CaseStep.case_id == case_id,
        CaseStep.step.in_(("triage", "change_level", "decline")),
    )
    return await session.scalar(statement.order_by(CaseStep.position.desc()).limit(1))
