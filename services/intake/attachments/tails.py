"""What stands behind the end of a picture.

A phone may put a short film there, which is let go when the picture is written anew. Another file that only begins
like a picture is refused: somebody has made it so.
"""

from typing import Final

__all__ = ["hides_a_file", "tail_of"]

_PNG_HEAD: Final = 8
_END: Final = 0xD9
_ALONE: Final = frozenset({0x00, 0x01, *range(0xD0, 0xD8)})
_FOREIGN: Final = (b"%PDF-", b"Rar!\x1a\x07", b"7z\xbc\xaf\x27\x1c", b"<?php", b"<script", b"<!doctype html", b"<html")
_PROGRAMS: Final = (b"MZ", b"\x7fELF", b"#!")
# An archive is read from its end: a directory of at most this size, with its comment.
_ZIP_END: Final = b"PK\x05\x06"
_ZIP_END_MAX: Final = 65_557


def hides_a_file(media_type: str, content: bytes) -> bool:
    """Tell whether a document, program or archive stands behind a picture."""
    tail = tail_of(media_type, content)
    start = tail.lstrip()
    lower = tail.lower()
    has_program = any(start.startswith(sign) for sign in _PROGRAMS)
    has_zip = _ZIP_END in tail[-_ZIP_END_MAX:]
    return has_program or has_zip or any(sign.lower() in lower for sign in _FOREIGN)


def tail_of(media_type: str, content: bytes) -> bytes:
    """Return what stands behind the end of a JPEG, PNG or WebP; nothing when it has no end."""
    if media_type == "image/png":
        end = _end_of_png(content)
    elif media_type == "image/webp":
        end = 8 + int.from_bytes(content[4:8], "little")
    else:
        end = _end_of_jpeg(content)
    return content[end:]


def _end_of_png(content: bytes) -> int:
    place = _PNG_HEAD
    while place + 12 <= len(content):
        size = int.from_bytes(content[place : place + 4], "big")
        kind = content[place + 4 : place + 8]
        place += 12 + size
        if kind == b"IEND":
            return place
    return len(content)


def _end_of_jpeg(content: bytes) -> int:
    place = 2
    while True:
        place = content.find(b"\xff", place)
        if place < 0 or place + 4 > len(content):
            return len(content) if place < 0 or content[place + 1 : place + 2] != b"\xd9" else place + 2
        marker = content[place + 1]
        if marker == _END:
            return place + 2
        if marker == 0xFF:  # noqa: PLR2004 - a fill byte
            place += 1
        elif marker in _ALONE:
            place += 2
        else:
            # After a scan's header come its bits, in which every FF that is no marker is followed by 00.
            place += 2 + int.from_bytes(content[place + 2 : place + 4], "big")
