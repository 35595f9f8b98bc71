"""What every route that gives a file back does: only what was found clean, and nothing that a browser would run."""

from uuid import UUID

from fastapi import Response

from services.intake.attachments import repository
from services.intake.attachments.rules import AttachmentHeld, RefusedAttachment, ScanState
from shared.db import Session
from shared.problems import NotFound

__all__ = ["file_answer"]

_HEADERS = {
    "Cache-Control": "private, max-age=3600",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
}


async def file_answer(session: Session, attachment_id: UUID, *, is_own: bool = False) -> Response:
    """Answer with a file that the caller may see; its uploader gets it before it was judged.

    Raises:
        RefusedAttachment: it was found harmful.
        AttachmentHeld: nobody has judged it yet.
    """
    whole = await repository.get_attachment(session, attachment_id)
    if whole is None:
        raise NotFound
    if whole.state == ScanState.REFUSED:
        raise RefusedAttachment(reason=whole.reason)
    if whole.state == ScanState.HELD and not is_own:
        raise AttachmentHeld
    return Response(whole.content, media_type=whole.media_type, headers=dict(_HEADERS))
