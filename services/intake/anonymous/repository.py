"""SQL of anonymous cases."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select, tuple_, update

from services.intake.anonymous.models import SealedRequester, Unsealing
from services.intake.attachments.models import Attachment
from services.intake.cases.models import Case
from shared.db import Session, WriteSession

__all__ = ["find_sealed", "give_pictures_to", "make_anonymous", "unsealings"]


async def find_sealed(session: Session, case_id: UUID) -> SealedRequester | None:
    """Return what is sealed of a case."""
    statement = select(SealedRequester).where(
        SealedRequester.tenant_id == session.tenant, SealedRequester.case_id == case_id
    )
    return await session.scalar(statement)


async def give_pictures_to(
    session: WriteSession, attachment_ids: Sequence[UUID], person_id: UUID, pseudonym: UUID
) -> None:
    """Let pictures that belong to nothing yet have been uploaded by a pseudonym."""
    statement = update(Attachment).where(
        Attachment.tenant_id == session.tenant,
        Attachment.id.in_(attachment_ids),
        Attachment.uploaded_by == person_id,
        Attachment.case_id.is_(None),
    )
    await session.execute(statement.values(uploaded_by=pseudonym))


async def make_anonymous(session: WriteSession, case_id: UUID) -> None:
    """Mark a case that was just filed."""
    statement = update(Case).where(Case.tenant_id == session.tenant, Case.id == case_id)
    await session.execute(statement.values(anonymous=True))


async def unsealings(session: Session, *, after: tuple[Any, ...] | None, limit: int) -> Sequence[Unsealing]:
    """Return who has looked, the newest first."""
    statement = select(Unsealing).where(Unsealing.tenant_id == session.tenant)
    if after is not None:
        statement = statement.where(tuple_(Unsealing.at, Unsealing.id) < tuple_(*after))
    return (await session.scalars(statement.order_by(Unsealing.at.desc(), Unsealing.id.desc()).limit(limit))).all()
