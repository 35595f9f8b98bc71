"""Canonical bytes: the one way in which the ledger turns fields into what is hashed.

Each field is four bytes of length, big-endian, and then its bytes: text in UTF-8, whole numbers in decimal, ids as
their sixteen bytes, nothing as the length 0xFFFFFFFF alone. No two lists of fields have the same bytes.
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
    if isinstance(field, bytes):
        content = field
    elif isinstance(field, UUID):
        content = field.bytes
    else:
        content = str(field).encode()
    return len(content).to_bytes(4, "big") + content
