"""Canonical bytes: the one way in which the ledger turns fields into what is hashed.

Each field is text: whole numbers in decimal, ids and days in their usual form, bytes in lower-case hexadecimal. It is
written as four bytes of length, big-endian, and then its UTF-8 bytes; nothing is the length 0xFFFFFFFF alone. No two
lists of fields have the same bytes, and whoever checks needs no more than this paragraph.
"""

from collections.abc import Sequence
from typing import Final, TypeAlias
from uuid import UUID

__all__ = ["Field", "canonical_bytes"]

Field: TypeAlias = str | int | bytes | UUID | None

_NOTHING: Final = b"\xff\xff\xff\xff"


def canonical_bytes(fields: Sequence[Field]) -> bytes:
    """Return the canonical bytes of a list of fields."""
    return b"".join(map(_one, fields))


def _one(field: Field) -> bytes:
    if field is None:
        return _NOTHING
    content = (field.hex() if isinstance(field, bytes) else str(field)).encode()
    return len(content).to_bytes(4, "big") + content
