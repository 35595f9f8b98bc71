"""Shapes of rooms and groups."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from services.matching.offers.schemas import Code, HoursIn, HoursOut
from services.matching.resources.rules import ResourceKind
from shared.web import InputModel, OutputModel, ShortText

__all__ = ["ResourceIn", "ResourceOut", "ResourcePatch"]

Units = Annotated[int, Field(strict=True, ge=1, le=500, description="People in a group; a room has one 人数")]
Minutes = Annotated[int, Field(strict=True, ge=0, le=24 * 60)]
SlotMinutes = Annotated[int, Field(strict=True, ge=5, le=24 * 60)]
Skills = Annotated[list[Code], Field(max_length=50)]
Seats = Annotated[int, Field(strict=True, ge=1, le=100_000)]


class ResourceIn(InputModel):
    """A room of a venue, maybe a part of another room; or a group of a team: people with the same skills and hours."""

    id: UUID | None = None
    name: ShortText
    parent_id: Annotated[UUID | None, Field(description="The room that it is a part of 所属房间")] = None
    units: Units = 1
    seats: Seats | None = None
    skills: Skills = Field(default_factory=list)
    hours: Annotated[HoursIn | None, Field(description="Left out, those of the offer hold 不填则同资源")] = None
    buffer_before_min: Minutes = 0
    buffer_after_min: Minutes = 0
    slot_min: SlotMinutes | None = None


class ResourcePatch(InputModel):
    """What may change; what is left out stays."""

    name: ShortText | None = None
    units: Units | None = None
    seats: Seats | None = None
    skills: Skills | None = None
    hours: HoursIn | None = None
    buffer_before_min: Minutes | None = None
    buffer_after_min: Minutes | None = None
    slot_min: SlotMinutes | None = None
    active: bool | None = None


class ResourceOut(OutputModel):
    """A room or a group."""

    id: UUID
    offer_id: UUID
    parent_id: UUID | None
    kind: ResourceKind
    name: str
    units: int
    seats: int | None
    skills: list[str]
    hours: HoursOut | None
    buffer_before_min: int
    buffer_after_min: int
    slot_min: int | None
    active: bool
    created_at: datetime
    version: int
