"""SQL of attachments."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import undefer

from services.intake.attachments.models import Attachment
from shared.db import Session, WriteSession

__all__ = ["attachments_of_case", "bind_to_case", "get_attachment"]


async def get_attachment(session: Session, attachment_id: UUID) -> Attachment | None:
    """Return an attachment with its bytes."""
    statement = select(Attachment).where(Attachment.tenant_id == session.tenant, Attachment.id == attachment_id)
    return await session.scalar(statement.options(undefer(Attachment.content)))


async def attachments_of_case(session: Session, case_id: UUID) -> Sequence[Attachment]:
    """Return what is attached to a case, without the bytes."""
    statement = select(Attachment).where(Attachment.tenant_id == session.tenant, Attachment.case_id == case_id)
    return (await session.scalars(statement.order_by(Attachment.id))).all()


async def bind_to_case(
    session: WriteSession, attachment_ids: Sequence[UUID], *, case_id: UUID, uploader: UUID, purpose: str
) -> int:
    """Give the uploader's unbound attachments to a case; returns how many there were."""
    statement = (
        update(Attachment)
        .where(
            Attachment.tenant_id == session.tenant,
            Attachment.id.in_(attachment_ids),
            Attachment.uploaded_by == uploader,
            Attachment.case_id.is_(None),
        )
        .values(case_id=case_id, purpose=purpose)
        .returning(Attachment.id)
    )
    return len((await session.scalars(statement)).all())
