"""Shapes of slots."""

from datetime import datetime
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from services.matching.offers.schemas import Quantity
from services.matching.slots.groups import GROUPS
from services.matching.slots.tree import LEAVES
from shared.web import InputModel, OutputModel

__all__ = ["LearnedWordOut", "NeedSlotsPatch", "OfferSlotsPatch", "SlotsOut", "WindowIn"]

Leaf = Annotated[str, Field(pattern=f"^(?:{'|'.join(LEAVES)})$")]
Group = Annotated[str, Field(pattern=f"^(?:{'|'.join(GROUPS)})$")]
Kind = Literal["venue", "service", "people", "goods", "discount", "money"]
Level = Literal["grid", "council", "joint"]
Age = Annotated[int, Field(strict=True, ge=0, le=130)]
Clock = Annotated[str, Field(pattern=r"^(?:([01][0-9]|2[0-3]):[03]0|24:00)$", description="Local, by half hours 半点")]
_WINDOWS_MAX: Final = 50


class WindowIn(InputModel):
    """A time in every week; an end that is not later than the start is that of the next day."""

    day: Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
    start: Clock
    end: Clock


class AgesIn(InputModel):
    """From and until which age, both included."""

    at_least: Age = 0
    at_most: Age = 130


Windows = Annotated[list[WindowIn], Field(max_length=_WINDOWS_MAX)]


class NeedSlotsPatch(InputModel):
    """What a person says against the slots that were read; null takes a correction back."""

    leaf: Leaf | None = None
    quantity: Quantity | None = None
    kinds: Annotated[list[Kind], Field(max_length=6)] | None = None
    parts: Annotated[list[Kind], Field(max_length=6, description="Needed at once 需同时满足")] | None = None
    times: Windows | None = None
    groups: Annotated[list[Group], Field(max_length=20)] | None = None
    age: Age | None = None
    manner: Literal["any", "home", "remote"] | None = None
    wants_free: bool | None = None
    urgent: bool | None = None
    level: Level | None = None


class OfferSlotsPatch(InputModel):
    """What a person says against the slots that were read; null takes a correction back."""

    leaf: Leaf | None = None
    reach: Literal["local", "visit", "remote", "municipal"] | None = None
    times: Windows | None = None
    limited_to: (
        Annotated[
            list[Annotated[list[Group], Field(min_length=1, max_length=6)]],
            Field(max_length=4, description="Any of these; within one, all 任一组，组内须全部满足"),
        ]
        | None
    ) = None
    ages: AgesIn | None = None
    priced: bool | None = None
    level: Level | None = None


class SlotsOut(OutputModel):
    """What was read from the words, what a person said against it, and what counts."""

    proposed: dict[str, Any]
    corrected: dict[str, Any]
    effective: dict[str, Any]
    version: int


class LearnedWordOut(OutputModel):
    """A word that tells a leaf, learned from so many texts that people have corrected."""

    leaf: str
    word: str
    texts: int
    learned_at: datetime
