"""The encodings in which Chinese offices save CSV: UTF-8 with or without a mark, or GB18030, which holds GBK."""

from typing import Final

__all__ = ["UnreadableText", "decoded"]

# A text that is valid UTF-8 is hardly ever meant otherwise; GB18030 takes nearly anything, so it comes last.
_ENCODINGS: Final = ("utf-8-sig", "gb18030")


class UnreadableText(ValueError):
    """Neither UTF-8 nor GB18030."""


def decoded(content: bytes) -> str:
    """Return a file's text, without the mark that it may begin with.

    Raises:
        UnreadableText: it is in no encoding that we know.
    """
    for encoding in _ENCODINGS:
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise UnreadableText
