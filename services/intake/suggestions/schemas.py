"""Shapes of suggestions."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from services.intake.cases.schemas import PointIn
from services.intake.cases.terms import State
from services.intake.categories.schemas import CategoryCode
from shared.web import InputModel, OutputModel, PlainText

__all__ = ["SuggestIn", "SuggestionOut", "SuggestionReasonOut", "SuggestionsOut"]


class SuggestIn(InputModel):
    """What somebody is about to file."""

    text: Annotated[PlainText, Field(description="Title and description, or what there is of them 标题与描述")]
    area_id: UUID
    location: PointIn | None = None
    category: CategoryCode | None = None


class SuggestionReasonOut(OutputModel):
    """Why a case is suggested."""

    code: str
    detail_zh: str
    detail_en: str


class SuggestionOut(OutputModel):
    """An open case that may be the same. Its title is shown to those who may see it; all others may join it.

    `score` and `similarity` go from 0 to 1, in tenths; `within_m` is a step and no distance.
    """

    id: UUID
    number: str
    category: str
    title: str | None
    area_id: UUID
    state: State
    joiners: int
    filed_at: datetime
    score: float
    similarity: float
    within_m: int | None
    reasons: list[SuggestionReasonOut]


class SuggestionsOut(OutputModel):
    """At most five, the likest first."""

    items: list[SuggestionOut]
