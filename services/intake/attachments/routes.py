"""HTTP of attachments: bytes in, bytes out."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request, Response

from services.intake.attachments import service
from services.intake.attachments.answers import file_answer
from services.intake.attachments.models import Attachment
from services.intake.attachments.rules import MAX_BYTES, PictureTooLarge, ScanState
from services.intake.attachments.schemas import AttachmentOut
from services.intake.attachments.service import Scanned
from shared.auth import Principal, authenticated
from shared.web import Reading, Writing, service_router

__all__ = ["router"]

router = service_router(tags=["attachments 附件"])

_FILE = {"schema": {"type": "string", "format": "binary"}}
_FILES = {"image/jpeg": _FILE, "image/png": _FILE, "image/webp": _FILE, "application/pdf": _FILE}


async def _scanned(request: Request) -> Scanned:
    """Read and judge the body before there is a transaction that would be held open meanwhile."""
    declared = request.headers.get("content-length", "0")
    if declared.isdecimal() and int(declared) > MAX_BYTES:
        raise PictureTooLarge
    return await service.scanned(await request.body(), request.app.state.scanner)


def _out(attachment: Attachment) -> AttachmentOut:
    return AttachmentOut(
        id=attachment.id,
        media_type=attachment.media_type,
        size_bytes=attachment.size_bytes,
        sha256=attachment.sha256.hex(),
        uploaded_at=attachment.uploaded_at,
        state=ScanState(attachment.state),
        reason=attachment.reason,
    )


@router.post(
    "/v1/attachments",
    status_code=201,
    summary="Upload a picture or document 上传图片或文件",
    openapi_extra={"requestBody": {"required": True, "content": _FILES}},
)
async def upload_attachment(
    caller: Annotated[Principal, Depends(authenticated)],
    found: Annotated[Scanned, Depends(_scanned)],
    session: Writing,
    response: Response,
) -> AttachmentOut:
    """Keep a picture or PDF (the raw bytes are the body); its id is named when a case is filed or resolved.

    It is judged before the answer; `held` only when the scanner of the house is away, and then judged a little later.
    """
    attachment = await service.keep_attachment(session, caller, found)
    response.headers["Location"] = f"/v1/attachments/{attachment.id}"
    return _out(attachment)


@router.get("/v1/attachments/{attachment_id}/status", summary="What is known of an attachment 附件状态")
async def read_attachment_status(
    caller: Annotated[Principal, Depends(authenticated)], session: Reading, attachment_id: UUID
) -> AttachmentOut:
    """Return size, hash and whether it was found clean, to its uploader and to who may see its case."""
    attachment, _ = await service.visible_attachment(session, caller, attachment_id)
    return _out(attachment)


@router.get(
    "/v1/attachments/{attachment_id}",
    summary="Download a picture or document 下载图片或文件",
    response_class=Response,
    responses={200: {"content": _FILES, "description": "The picture or document 图片或文件"}},
)
async def download_attachment(
    caller: Annotated[Principal, Depends(authenticated)], session: Reading, attachment_id: UUID
) -> Response:
    """Return a file to its uploader and, once it is found clean, to who may see its case."""
    _, is_own = await service.visible_attachment(session, caller, attachment_id)
    return await file_answer(session, attachment_id, is_own=is_own)
