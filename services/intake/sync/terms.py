"""The words of sync."""

from enum import StrEnum

__all__ = ["Status"]


class Status(StrEnum):
    """What came of an operation."""

    DONE = "done"
    ALREADY = "already"
    CONFLICT = "conflict"
    REFUSED = "refused"
    SKIPPED = "skipped"
