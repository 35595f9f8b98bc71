"""Shapes of merges."""

from datetime import datetime
from uuid import UUID

from shared.web import InputModel, OutputModel, PlainText

__all__ = ["MergeIn", "MergeOut", "UnmergeIn"]


class MergeIn(InputModel):
    """Into which case, and why they are the same."""

    into_case_id: UUID
    reason: PlainText


class UnmergeIn(InputModel):
    """Why they are not the same after all."""

    reason: PlainText


class MergeOut(OutputModel):
    """A merge; taken back when `undone_at` is set."""

    id: UUID
    from_case_id: UUID
    into_case_id: UUID
    reason: str
    merged_by: str
    merged_at: datetime
    undone_by: str | None
    undone_at: datetime | None
