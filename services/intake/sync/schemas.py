"""Shapes of sync."""

from datetime import date
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import UUID7, AwareDatetime, Field

from services.intake.handling.schemas import Answer, PauseReason
from services.intake.sync.terms import Status
from shared.problems import ProblemDocument
from shared.web import InputModel, OutputModel

__all__ = [
    "AreaItem",
    "GoneItem",
    "HeldItem",
    "OperationIn",
    "OperationOut",
    "RulesItem",
    "SyncIn",
    "SyncOut",
    "SyncPage",
    "UnitItem",
]

OPERATIONS_MAX = 100
_NAME = r"^[a-z][a-z_]{0,39}$"


class HeldItem(OutputModel):
    """A row as it stands; a greater version is a newer one."""

    entity: str
    id: str
    version: int
    gone: Literal[False]
    body: dict[str, Any]


class GoneItem(OutputModel):
    """A row that the phone has no business with any more, whether or not it holds it."""

    entity: str
    id: str
    gone: Literal[True]


class SyncPage(OutputModel):
    """Some rows, and where to go on: at once when there is `more`, else whenever the phone likes.

    `full` pages are a whole new store: what they do not name is gone.
    """

    items: list[HeldItem | GoneItem]
    cursor: str
    more: bool
    full: bool


class AreaItem(OutputModel):
    """An area at or below one of the caller's places."""

    path: str
    kind: str
    name: str
    parent_id: UUID | None
    closed_on: date | None


class UnitItem(OutputModel):
    """A unit whose area lies at or below one of the caller's places."""

    name: str
    kind: str
    area_id: UUID
    area_path: str
    active: bool


class RulesItem(OutputModel):
    """Of the tenant's rules what somebody needs who pauses or judges where there is no network."""

    pause_reasons: list[PauseReason]
    pauses_max: int
    pause_minutes_max: int
    answers: list[Answer]
    confirmations: int


class OperationIn(InputModel):
    """What somebody did on a phone.

    `op_id` is made by the phone, a UUIDv7. `base_version` is the version that the phone held; null for what it has
    filed itself in the same batch or before it heard of the version.
    """

    op_id: UUID7
    entity: Annotated[str, Field(pattern=_NAME)]
    id: UUID
    action: Annotated[str, Field(pattern=_NAME)]
    base_version: Annotated[int | None, Field(strict=True, ge=0, le=2_147_483_647)] = None
    body: dict[str, Any] = Field(default_factory=dict)
    made_at: AwareDatetime


class SyncIn(InputModel):
    """Operations in the order in which they were done."""

    operations: Annotated[list[OperationIn], Field(min_length=1, max_length=OPERATIONS_MAX)]


class OperationOut(OutputModel):
    """What came of an operation.

    `version` is what the object has after it (done, already) or now (conflict); `current` is the object as it stands,
    when it has moved on; `problem` is what the endpoint of the action would have answered.
    """

    op_id: UUID
    status: Status
    version: int | None
    current: dict[str, Any] | None
    problem: ProblemDocument | None


class SyncOut(OutputModel):
    """One answer for each operation, in their order."""

    results: list[OperationOut]
