"""Identifiers made by the client, so that sending a thing twice is the same as sending it once.

A pack's row gets its id from tenant and key alone: the second load sends the same ids and changes nothing. A story
makes fresh ids, so that it can be told many times in one house. Both have the shape of UUIDv7 (RFC 9562 §5.7).
"""

import hashlib
import secrets
import time
from typing import Final
from uuid import UUID

__all__ = ["fresh_id", "pack_id"]

# 2026-01-01T00:00:00Z: packs are older than anything that happens in a house, so their ids sort first.
_PACK_EPOCH_MS: Final = 1_767_225_600_000
_RANDOM_BITS: Final = 80


def pack_id(tenant: str, kind: str, key: str) -> UUID:
    """Derive the id of one row of a pack; the same words always give the same id."""
    digest = hashlib.sha256(f"{tenant}/{kind}/{key}".encode()).digest()
    return _shape(_PACK_EPOCH_MS, int.from_bytes(digest[:10], "big"))


def fresh_id() -> UUID:
    """Make an id for something that has not happened before."""
    return _shape(time.time_ns() // 1_000_000, secrets.randbits(_RANDOM_BITS))


def _shape(millis: int, bits: int) -> UUID:
    """Put 48 bits of time, version 7, variant 10 and 74 of the given bits into their places."""
    rand_a, rand_b = (bits >> 62) & 0xFFF, bits & ((1 << 62) - 1)
    return UUID(int=(millis & ((1 << 48) - 1)) << 80 | 0x7 << 76 | rand_a << 64 | 0b10 << 62 | rand_b)
