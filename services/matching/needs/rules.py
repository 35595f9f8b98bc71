"""States of a need."""

from enum import StrEnum

__all__ = ["NeedState"]


class NeedState(StrEnum):
    """Where a need is."""

    OPEN = "open"
    MATCHED = "matched"
    MET = "met"
    WITHDRAWN = "withdrawn"
