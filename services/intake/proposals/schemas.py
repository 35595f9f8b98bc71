"""Shapes of proposals, labels and keywords."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from services.intake.categories.schemas import CategoryCode
from shared.web import InputModel, OutputModel, PlainText, ShortText

__all__ = [
    "CategoryCandidateOut",
    "KeywordsIn",
    "KeywordsOut",
    "LabelIn",
    "LabelOut",
    "ModeOut",
    "ModelOut",
    "ProposalOut",
    "ProposeIn",
    "SimilarOut",
    "UnitCandidateOut",
    "WhyOut",
]

Keyword = Annotated[ShortText, Field(max_length=40)]


class ProposeIn(InputModel):
    """The words of a case that is about to be filed, and where, if that is known."""

    text: PlainText
    area_id: UUID | None = None


class KeywordsIn(InputModel):
    """All keywords of a category; PUT replaces them."""

    keywords: Annotated[list[Keyword], Field(max_length=50)]


class LabelIn(InputModel):
    """What a case is about. `id` may be made by the client (UUIDv7)."""

    id: UUID | None = None
    category: CategoryCode


class KeywordsOut(OutputModel):
    """The keywords of a category; version 0 means that none were ever set."""

    category: str
    keywords: list[str]
    version: int


class LabelOut(OutputModel):
    """A label on a case."""

    id: UUID
    case_id: UUID
    category: str
    labelled_by: str
    labelled_at: datetime


class SimilarOut(OutputModel):
    """Cases like this one; numbers only of those that the caller may see."""

    count: int
    numbers: list[str]


class SharedOut(OutputModel):
    """Words in common, and their part in the likeness by words, of 1."""

    text: str
    part: float


class WhyOut(OutputModel):
    """Why nothing is proposed as the one."""

    code: str
    detail_zh: str
    detail_en: str


class CategoryCandidateOut(OutputModel):
    """A category with its share of what speaks for any: by words, and by meaning where an encoder is live."""

    category: str
    name_zh: str
    name_en: str
    parent_code: str | None
    score: float
    by_words: float
    by_meaning: float | None
    shared: list[SharedOut]
    similar: SimilarOut


class UnitCandidateOut(OutputModel):
    """A unit that resolved cases like this one, with its share of the likeness."""

    unit_id: UUID
    name: str
    score: float
    shared: list[str]
    similar: SimilarOut


class ModeOut(OutputModel):
    """What proposes: which encoder is live, and whether from labels (and which model) or from the categories' words."""

    encoder: str
    learned: bool
    model: int | None
    meaning: Literal["none", "words", "labels"]


class ProposalOut(OutputModel):
    """Candidates with reasons. Where `abstains` is true, none of them should be taken without a person."""

    mode: ModeOut
    categories: list[CategoryCandidateOut]
    abstains: bool
    why: WhyOut | None
    threshold: float
    units: list[UnitCandidateOut]
    units_abstain: bool
    units_why: WhyOut | None


class ModelOut(OutputModel):
    """What was learned last, and what it was worth on labels that it had not seen."""

    number: int
    labels: int
    encoder: str | None
    threshold: float
    held_out: int
    accuracy: float
    abstained: float
    learned_at: datetime
