"""Shapes of partners."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from services.matching.partners.rules import PartnerKind, PartnerState
from shared.steps import NextActionOut
from shared.web import InputModel, OutputModel, PlainText

__all__ = ["PartnerIn", "PartnerOut", "PartnerPatch", "VetIn"]


class PartnerIn(InputModel):
    """A unit that wants to give. It covers the area and everything below it."""

    id: UUID | None = None
    unit_id: UUID
    kind: PartnerKind
    area_id: UUID
    note: PlainText | None = None


class PartnerPatch(InputModel):
    """What a partner may change of itself; what is left out stays."""

    area_id: UUID | None = None
    note: PlainText | None = None


class VetIn(InputModel):
    """An officer's decision."""

    decision: Literal["vet", "suspend"]
    note: PlainText | None = None


class PartnerOut(OutputModel):
    """A partner as everybody may see it."""

    id: UUID
    unit_id: UUID
    kind: PartnerKind
    area_id: UUID
    coverage: str
    state: PartnerState
    note: str | None
    applied_at: datetime
    version: int
    next_actions: list[NextActionOut]
