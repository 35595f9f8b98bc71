"""Shapes of partners."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from services.matching.partners.rules import PartnerKind, PartnerState
from shared.steps import NextActionOut
from shared.web import InputModel, OutputModel, PlainText

__all__ = [
    "CoverageOut",
    "PartnerIn",
    "PartnerOut",
    "PartnerPatch",
    "PartnerStepOut",
    "ReapplyIn",
    "RecordOut",
    "VetIn",
]

FurtherAreas = Annotated[
    list[UUID], Field(max_length=50, description="Areas covered beside the first one 其他服务区域")
]


class PartnerIn(InputModel):
    """A unit that wants to give. It covers the areas and everything below them."""

    id: UUID | None = None
    unit_id: UUID
    kind: PartnerKind
    area_id: UUID
    further_area_ids: FurtherAreas = Field(default_factory=list)
    note: PlainText | None = None


class PartnerPatch(InputModel):
    """What a partner may change of itself; what is left out stays."""

    area_id: UUID | None = None
    further_area_ids: FurtherAreas | None = None
    note: PlainText | None = None


class VetIn(InputModel):
    """An officer's decision; refusing and suspending take a reason."""

    decision: Literal["vet", "refuse", "suspend"]
    reason: PlainText | None = None


class ReapplyIn(InputModel):
    """What has changed since the refusal."""

    note: PlainText


class CoverageOut(OutputModel):
    """An area that a partner covers, with everything below it."""

    area_id: UUID
    path: str


class RecordOut(OutputModel):
    """How often a partner kept its word, and what the matcher makes of it, in thousandths."""

    kept: int
    late: int
    broken: int
    weight: int


class PartnerOut(OutputModel):
    """A partner as everybody may see it."""

    id: UUID
    unit_id: UUID
    kind: PartnerKind
    area_id: UUID
    coverage: str
    covers: list[CoverageOut]
    state: PartnerState
    reason: str | None
    note: str | None
    record: RecordOut
    applied_at: datetime
    version: int
    next_actions: list[NextActionOut]


class PartnerStepOut(OutputModel):
    """One step of a partner's history."""

    position: int
    step: str
    from_state: PartnerState | None
    to_state: PartnerState
    reason: str | None
    actor: str
    at: datetime
