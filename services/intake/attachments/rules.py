"""What may be attached: pictures and documents, known by their content, and nothing that tells where their maker
lives.
"""

import io
from datetime import timedelta
from enum import StrEnum
from typing import Final, NamedTuple

import filetype
from PIL import Image, ImageOps, UnidentifiedImageError

from services.intake.attachments.tails import hides_a_file
from shared.problems import Conflict, Invalid, TooLarge, UnsupportedMedia
from shared.texts import Text

__all__ = [
    "MAX_BYTES",
    "PDF",
    "AttachmentHeld",
    "AttachmentRefused",
    "BadPicture",
    "Picture",
    "PictureTooLarge",
    "Reason",
    "RefusedAttachment",
    "ScanState",
    "UnknownAttachment",
    "UnknownPictureType",
    "again_in",
    "clean_picture",
    "media_type_of",
]

MAX_BYTES: Final = 10 * 1024 * 1024
# Decoding is bounded by pixels: a small file can unpack to gigabytes. Pillow's own bound only warns in between.
_MAX_PIXELS: Final = 50_000_000
Image.MAX_IMAGE_PIXELS = None
_HARMLESS: Final = ("transparency",)
PDF: Final = "application/pdf"
_FIRST_AGAIN_S: Final = 5
_LONGEST_AGAIN_S: Final = 600
_FORMATS: Final = {"image/jpeg": "JPEG", "image/png": "PNG", "image/webp": "WEBP"}


class PictureTooLarge(TooLarge):
    """More bytes or pixels than a phone's camera makes."""

    code = "picture_too_large"


class ScanState(StrEnum):
    """What is known of an attachment's harmlessness."""

    HELD = "held"
    CLEAN = "clean"
    REFUSED = "refused"


class Reason(StrEnum):
    """Why a file is not kept."""

    INFECTED = "infected"
    HIDDEN_FILE = "hidden_file"
    ACTIVE_CONTENT = "active_content"
    BROKEN_DOCUMENT = "broken_document"
    DOCUMENT_TOO_LARGE = "document_too_large"
    ENCRYPTED_DOCUMENT = "encrypted_document"
    TRAILING_DATA = "trailing_data"


class AttachmentRefused(Invalid):
    """What was sent is not kept; `reason` says why."""

    code = "attachment_refused"
    title = Text(zh="附件未通过安全检查", en="The file did not pass the safety check")


class RefusedAttachment(Conflict):
    """It was kept, and then found harmful; `reason` says why."""

    code = "attachment_refused"
    title = Text(zh="附件未通过安全检查，已删除", en="The file did not pass the safety check and was removed")


class AttachmentHeld(Conflict):
    """It is still being judged; until then it is its uploader's alone."""

    code = "attachment_held"
    title = Text(zh="附件正在安全检查，请稍后再试", en="The file is still being checked, try again in a moment")


class UnknownPictureType(UnsupportedMedia):
    """Not a JPEG, PNG, WebP or PDF by its content, whatever its name says."""

    code = "unsupported_picture"
    title = Text(zh="只支持 JPEG、PNG、WebP 图片和 PDF", en="Only JPEG, PNG and WebP pictures, and PDF")


class BadPicture(Invalid):
    """It begins like a picture and is none."""

    code = "broken_picture"
    title = Text(zh="图片无法读取", en="The picture cannot be read")


class UnknownAttachment(Invalid):
    """An attachment that the caller has not uploaded, or that belongs to another case."""

    code = "unknown_attachment"
    title = Text(zh="没有这个附件，或它不属于您", en="No such attachment of yours")


class Picture(NamedTuple):
    """A picture or document that may be kept."""

    media_type: str
    content: bytes


def media_type_of(content: bytes) -> str:
    """Tell the media type by content.

    Raises:
        PictureTooLarge: more than 10 MiB.
        UnknownPictureType: not one of the four types.
    """
    if len(content) > MAX_BYTES:
        raise PictureTooLarge
    media_type: str | None = filetype.guess_mime(content)
    if media_type != PDF and media_type not in _FORMATS:
        raise UnknownPictureType
    return media_type


def again_in(tries: int) -> timedelta:
    """Return after how long a scanner that was away is asked again: 5 s, and twice as long each time, up to 10 min."""
    return timedelta(seconds=min(_LONGEST_AGAIN_S, _FIRST_AGAIN_S * 2 ** min(tries, 16)))


def clean_picture(content: bytes) -> Picture:
    """Tell the media type by content, and return the picture without EXIF, GPS or any other metadata, turned upright.

    Raises:
        PictureTooLarge: more than 10 MiB or 50 million pixels.
        UnknownPictureType: not one of the three types.
        BadPicture: damaged.
        AttachmentRefused: another file hides behind it.
    """
    media_type = media_type_of(content)
    if media_type not in _FORMATS:
        raise UnknownPictureType
    try:
        with Image.open(io.BytesIO(content), formats=[_FORMATS[media_type]]) as opened:
            if opened.width * opened.height > _MAX_PIXELS:
                raise PictureTooLarge
            ImageOps.exif_transpose(opened, in_place=True)
            # Pillow writes nothing that it is not told to write, but for a comment and a colour profile.
            kept = {name: opened.info[name] for name in _HARMLESS if name in opened.info}
            opened.info.clear()
            opened.info.update(kept)
            output = io.BytesIO()
            opened.save(output, _FORMATS[media_type])
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError) as error:
        raise BadPicture from error
    if hides_a_file(media_type, content):
        raise AttachmentRefused(reason=Reason.HIDDEN_FILE)
    return Picture(media_type, output.getvalue())
