"""Use cases of attachments."""

import asyncio
import hashlib
from collections.abc import Sequence
from typing import Final
from uuid import UUID

from services.intake.attachments import repository
from services.intake.attachments.models import Attachment
from services.intake.attachments.rules import Picture, UnknownAttachment, clean_picture
from shared.auth import Principal
from shared.clock import utc_now
from shared.db import WriteSession
from shared.ids import new_id
from shared.problems import Unauthenticated

__all__ = ["attach", "cleaned", "keep_picture"]

# A decoded picture takes up to 400 MB for a moment: this many at a time, the others wait.
_DECODED_AT_ONCE: Final = 2
_decoding = asyncio.Semaphore(_DECODED_AT_ONCE)


async def cleaned(content: bytes) -> Picture:
    """Clean a picture, in a thread, since decoding takes a core for a while."""
    async with _decoding:
        return await asyncio.to_thread(clean_picture, content)


async def keep_picture(session: WriteSession, caller: Principal, picture: Picture) -> Attachment:
    """Keep a cleaned picture that belongs to nothing yet."""
    if caller.subject_id is None:
        raise Unauthenticated
    media_type, bare = picture
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
