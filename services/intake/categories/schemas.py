"""Shapes of categories."""

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


class CategoryOut(OutputModel):
    """A category as everybody may see it."""

    code: str
    name_zh: str
    name_en: str
    kind: str
    parent_code: str | None
    proof_required: bool
    active: bool
    version: int
