"""HTTP of attachments: bytes in, bytes out."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request, Response

from services.intake.attachments import repository, service
from services.intake.attachments.rules import MAX_BYTES, Picture, PictureTooLarge
from services.intake.attachments.schemas import AttachmentOut
from services.intake.cases.viewing import can_see_case
from shared.auth import Principal, authenticated
from shared.problems import NotFound
from shared.web import Reading, Writing, service_router

__all__ = ["router"]

router = service_router(tags=["attachments 附件"])

_PICTURE = {"schema": {"type": "string", "format": "binary"}}
_PICTURES = {"image/jpeg": _PICTURE, "image/png": _PICTURE, "image/webp": _PICTURE}


async def _cleaned(request: Request) -> Picture:
    """Read and clean the body before there is a transaction that would be held open meanwhile."""
    declared = request.headers.get("content-length", "0")
    if declared.isdecimal() and int(declared) > MAX_BYTES:
        raise PictureTooLarge
    return await service.cleaned(await request.body())


@router.post(
    "/v1/attachments",
    status_code=201,
    summary="Upload a picture 上传图片",
    openapi_extra={"requestBody": {"required": True, "content": _PICTURES}},
)
async def upload_attachment(
    caller: Annotated[Principal, Depends(authenticated)],
    picture: Annotated[Picture, Depends(_cleaned)],
    session: Writing,
    response: Response,
) -> AttachmentOut:
    """Keep a picture (the raw bytes are the body) and return its id, to be named when a case is filed or resolved."""
    attachment = await service.keep_picture(session, caller, picture)
    response.headers["Location"] = f"/v1/attachments/{attachment.id}"
    return AttachmentOut(
        id=attachment.id,
        media_type=attachment.media_type,
        size_bytes=attachment.size_bytes,
        sha256=attachment.sha256.hex(),
        uploaded_at=attachment.uploaded_at,
    )


@router.get(
    "/v1/attachments/{attachment_id}",
    summary="Download a picture 下载图片",
    response_class=Response,
    responses={200: {"content": _PICTURES, "description": "The picture 图片"}},
)
async def download_attachment(
    caller: Annotated[Principal, Depends(authenticated)], session: Reading, attachment_id: UUID
) -> Response:
    """Return a picture to its uploader and to who may see its case."""
    attachment = await repository.get_attachment(session, attachment_id)
    if attachment is None:
        raise NotFound
    is_own = attachment.uploaded_by == caller.subject_id
    if not is_own and (attachment.case_id is None or not await can_see_case(session, caller, attachment.case_id)):
        raise NotFound
    headers = {"Cache-Control": "private, max-age=3600", "X-Content-Type-Options": "nosniff"}
    return Response(attachment.content, media_type=attachment.media_type, headers=headers)
