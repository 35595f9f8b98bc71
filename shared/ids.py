"""Identifiers are UUIDv7 (RFC 9562): they sort by creation time, so indexes grow at one end, and a phone can make
them offline.
"""

from uuid import UUID

import uuid_utils

__all__ = ["new_id"]


def new_id() -> UUID:
    """Make a new identifier that sorts after all earlier ones of this machine."""
    return UUID(int=uuid_utils.uuid7().int)
