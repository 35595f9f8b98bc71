"""SQL of attachments."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Uuid, delete, func, literal, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import undefer

from services.intake.attachments.models import Attachment, AttachmentUse, HeldAttachment
from services.intake.attachments.rules import ScanState
from shared.db import Session, WriteSession

__all__ = [
    "add_uses",
    "attachments_of_case",
    "bind_to_case",
    "decide",
    "due_held",
    "find_attachment",
    "get_attachment",
    "has_held",
    "own_attachments",
    "put_off",
    "use_of",
    "used_by",
]


async def get_attachment(session: Session, attachment_id: UUID) -> Attachment | None:
    """Return an attachment with its bytes."""
    statement = select(Attachment).where(Attachment.tenant_id == session.tenant, Attachment.id == attachment_id)
    return await session.scalar(statement.options(undefer(Attachment.content)))


async def attachments_of_case(session: Session, case_id: UUID) -> Sequence[Attachment]:
    """Return what is attached to a case, without the bytes."""
    statement = select(Attachment).where(Attachment.tenant_id == session.tenant, Attachment.case_id == case_id)
    return (await session.scalars(statement.order_by(Attachment.id))).all()


async def bind_to_case(
    session: WriteSession,
    attachment_ids: Sequence[UUID],
    *,
    case_id: UUID,
    uploader: UUID,
    purpose: str,
    states: Sequence[ScanState],
) -> int:
    """Give the uploader's unbound attachments in some states to a case; returns how many there were."""
    statement = (
        update(Attachment)
        .where(
            Attachment.tenant_id == session.tenant,
            Attachment.id.in_(attachment_ids),
            Attachment.uploaded_by == uploader,
            Attachment.case_id.is_(None),
            # What only the table of a mediation sees does not come into a case by being attached once more.
            Attachment.purpose.is_(None),
            Attachment.state.in_(states),
        )
        .values(case_id=case_id, purpose=purpose)
        .returning(Attachment.id)
    )
    return len((await session.scalars(statement)).all())


async def find_attachment(session: Session, attachment_id: UUID) -> Attachment | None:
    """Return an attachment without its bytes."""
    statement = select(Attachment).where(Attachment.tenant_id == session.tenant, Attachment.id == attachment_id)
    return await session.scalar(statement)


async def has_held(session: Session, attachment_ids: Sequence[UUID], uploader: UUID) -> bool:
    """Tell whether one of the uploader's attachments is not judged yet."""
    statement = select(Attachment.id).where(
        Attachment.tenant_id == session.tenant,
        Attachment.id.in_(attachment_ids),
        Attachment.uploaded_by == uploader,
        Attachment.state == ScanState.HELD,
    )
    return await session.scalar(statement.limit(1)) is not None


async def due_held(session: Session, now: datetime, limit: int) -> Sequence[HeldAttachment]:
    """Return what somebody is to be asked about, the longest waiting first."""
    statement = select(HeldAttachment).where(HeldAttachment.tenant_id == session.tenant, HeldAttachment.next_at <= now)
    statement = statement.order_by(HeldAttachment.next_at, HeldAttachment.attachment_id).limit(limit)
    return (await session.scalars(statement)).all()


async def decide(session: WriteSession, attachment_id: UUID, now: datetime, reason: str | None) -> bool:
    """Say of a held attachment that it is clean, or why not; returns whether nobody has said so before."""
    mine = (HeldAttachment.tenant_id == session.tenant, HeldAttachment.attachment_id == attachment_id)
    await session.execute(delete(HeldAttachment).where(*mine))
    values: dict[str, object] = {"state": ScanState.CLEAN.value, "scanned_at": now}
    if reason is not None:
        values |= {"state": ScanState.REFUSED.value, "reason": reason, "content": b""}
    statement = update(Attachment).where(
        Attachment.tenant_id == session.tenant, Attachment.id == attachment_id, Attachment.state == ScanState.HELD
    )
    return await session.scalar(statement.values(values).returning(Attachment.id)) is not None


async def put_off(session: WriteSession, attachment_id: UUID, next_at: datetime) -> None:
    """Ask again later."""
    statement = update(HeldAttachment).where(
        HeldAttachment.tenant_id == session.tenant, HeldAttachment.attachment_id == attachment_id
    )
    await session.execute(statement.values(next_at=next_at, tries=HeldAttachment.tries + 1))


async def add_uses(
    session: WriteSession,
    attachment_ids: Sequence[UUID],
    use: AttachmentUse,
    *,
    uploader: UUID,
    states: Sequence[ScanState],
) -> int:
    """Give the uploader's attachments that belong to nothing to what `use` names; returns how many there were."""
    free = select(
        Attachment.tenant_id,
        Attachment.id,
        literal(use.owner_kind),
        literal(use.owner_id),
        literal(use.purpose),
        func.text2ltree(use.area_path),
        literal(use.unit_id, Uuid()),
    ).where(
        Attachment.tenant_id == session.tenant,
        Attachment.id.in_(attachment_ids),
        Attachment.uploaded_by == uploader,
        Attachment.case_id.is_(None),
        Attachment.state.in_(states),
    )
    columns = [column.key for column in AttachmentUse.__table__.columns]
    statement = insert(AttachmentUse).from_select(columns, free).on_conflict_do_nothing()
    return len((await session.scalars(statement.returning(AttachmentUse.attachment_id))).all())


async def own_attachments(session: Session, attachment_ids: Sequence[UUID], uploader: UUID) -> set[UUID]:
    """Return which of some attachments somebody has uploaded and were not refused, whatever they belong to."""
    statement = select(Attachment.id).where(
        Attachment.tenant_id == session.tenant,
        Attachment.id.in_(attachment_ids),
        Attachment.uploaded_by == uploader,
        Attachment.state != ScanState.REFUSED.value,
    )
    return set((await session.scalars(statement)).all())


async def use_of(session: Session, attachment_id: UUID) -> AttachmentUse | None:
    """Return what an attachment belongs to, if that is no case."""
    statement = select(AttachmentUse).where(
        AttachmentUse.tenant_id == session.tenant, AttachmentUse.attachment_id == attachment_id
    )
    return await session.scalar(statement)


async def used_by(session: Session, owner_ids: Collection[UUID]) -> dict[UUID, list[tuple[UUID, str]]]:
    """Return the attachments of visits, hazards and the like, each with its purpose, without refused ones."""
    statement = (
        select(AttachmentUse.owner_id, AttachmentUse.attachment_id, AttachmentUse.purpose)
        .join(
            Attachment,
            (Attachment.tenant_id == AttachmentUse.tenant_id) & (Attachment.id == AttachmentUse.attachment_id),
        )
        .where(
            AttachmentUse.tenant_id == session.tenant,
            AttachmentUse.owner_id.in_(owner_ids),
            Attachment.state != ScanState.REFUSED,
        )
        .order_by(AttachmentUse.attachment_id)
    )
    found: dict[UUID, list[tuple[UUID, str]]] = {}
    for owner_id, attachment_id, purpose in await session.execute(statement):
        found.setdefault(owner_id, []).append((attachment_id, purpose))
    return found
