"""What may be attached: pictures, known by their content, and nothing that tells where their maker lives."""

import io
from typing import Final, NamedTuple

import filetype
from PIL import Image, ImageOps, UnidentifiedImageError

from shared.problems import Invalid, TooLarge, UnsupportedMedia
from shared.texts import Text

__all__ = [
    "MAX_BYTES",
    "BadPicture",
    "Picture",
    "PictureTooLarge",
    "UnknownAttachment",
    "UnknownPictureType",
    "clean_picture",
]

MAX_BYTES: Final = 10 * 1024 * 1024
# Decoding is bounded by pixels: a small file can unpack to gigabytes. Pillow's own bound only warns in between.
_MAX_PIXELS: Final = 50_000_000
Image.MAX_IMAGE_PIXELS = None
_HARMLESS: Final = ("transparency",)
_FORMATS: Final = {"image/jpeg": "JPEG", "image/png": "PNG", "image/webp": "WEBP"}


class PictureTooLarge(TooLarge):
    """More bytes or pixels than a phone's camera makes."""

    code = "picture_too_large"


class UnknownPictureType(UnsupportedMedia):
    """Not a JPEG, PNG or WebP by its content, whatever its name says."""

    code = "unsupported_picture"
    title = Text(zh="只支持 JPEG、PNG、WebP 图片", en="Only JPEG, PNG and WebP pictures")


class BadPicture(Invalid):
    """It begins like a picture and is none."""

    code = "broken_picture"
    title = Text(zh="图片无法读取", en="The picture cannot be read")


class UnknownAttachment(Invalid):
    """An attachment that the caller has not uploaded, or that belongs to another case."""

    code = "unknown_attachment"
    title = Text(zh="没有这个附件，或它不属于您", en="No such attachment of yours")


class Picture(NamedTuple):
    """A picture that may be kept."""

    media_type: str
    content: bytes


def clean_picture(content: bytes) -> Picture:
    """Tell the media type by content, and return the picture without EXIF, GPS or any other metadata, turned upright.

    Raises:
        PictureTooLarge: more than 10 MiB or 50 million pixels.
        UnknownPictureType: not one of the three types.
        BadPicture: damaged.
    """
    if len(content) > MAX_BYTES:
        raise PictureTooLarge
    media_type: str | None = filetype.guess_mime(content)
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
    return Picture(media_type, output.getvalue())
