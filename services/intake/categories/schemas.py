"""Shapes of categories."""

from datetime import date
from typing import Annotated

from pydantic import Field

from services.intake.categories.rules import CaseKind
from shared.web import InputModel, OutputModel, ShortText

__all__ = ["CategoryCode", "CategoryIn", "CategoryOut"]

CategoryCode = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$", description="Category code 分类代码")]


class CategoryIn(InputModel):
    """The whole of a category; PUT replaces it."""

    name_zh: ShortText
    name_en: ShortText
    kind: CaseKind
    parent_code: CategoryCode | None = None
    proof_required: bool = False
    active: bool = True
    valid_from: Annotated[
        date | None,
        Field(description="First day, in China; a new one is valid at once, an old one keeps its day 生效日"),
    ] = None
    valid_to: Annotated[date | None, Field(description="Last day, in China; without one it stays valid 失效日")] = None
    successor_code: Annotated[
        CategoryCode | None, Field(description="Where to file afterwards; goes with valid_to 后续分类")
    ] = None


class CategoryOut(OutputModel):
    """A category as everybody may see it."""

    code: str
    name_zh: str
    name_en: str
    kind: str
    parent_code: str | None
    proof_required: bool
    active: bool
    valid_from: date
    valid_to: date | None
    successor_code: str | None
    version: int
