"""Use cases of attachments."""

import asyncio
import hashlib
from collections.abc import Sequence
from uuid import UUID

from services.intake.attachments import repository
from services.intake.attachments.models import Attachment
from services.intake.attachments.rules import UnknownAttachment, clean_picture
from shared.auth import Principal
from shared.clock import utc_now
from shared.db import WriteSession
from shared.ids import new_id
from shared.problems import Unauthenticated

__all__ = ["attach", "keep_picture"]


async def keep_picture(session: WriteSession, caller: Principal, content: bytes) -> Attachment:
    """Keep a picture that belongs to nothing yet; cleaned in a thread, since decoding takes a core for a while."""
    if caller.subject_id is None:
        raise Unauthenticated
    media_type, bare = await asyncio.to_thread(clean_picture, content)
    attachment = Attachment(
        tenant_id=session.tenant,
        id=new_id(),
        media_type=media_type,
        sha256=hashlib.sha256(bare).digest(),
        size_bytes=len(bare),
        content=bare,
        uploaded_by=caller.subject_id,
        uploaded_at=utc_now(),
        case_id=None,
        purpose=None,
    )
    session.add(attachment)
    await session.flush()
    return attachment


async def attach(
    session: WriteSession, caller: Principal, attachment_ids: Sequence[UUID], *, case_id: UUID, purpose: str
) -> None:
    """Give the caller's attachments to a case, all or none."""
    if not attachment_ids:
        return
    if caller.subject_id is None:
        raise Unauthenticated
    bound = await repository.bind_to_case(
        session, attachment_ids, case_id=case_id, uploader=caller.subject_id, purpose=purpose
    )
    if bound != len(set(attachment_ids)):
        raise UnknownAttachment(pointer="/attachment_ids")
