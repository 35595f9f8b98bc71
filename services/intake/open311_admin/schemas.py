"""Shapes of keys and of how categories are offered."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field, StringConstraints

from services.intake.open311_admin.rules import PER_MINUTE_MAX, Visibility
from shared.web import InputModel, OutputModel, PlainText, ShortText

__all__ = ["KeyIn", "KeyOut", "NewKeyOut", "ServiceIn", "ServiceOut"]


# They travel as one text, divided by commas.
Keyword = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=40, pattern=r"^[^\x00,，]*$")
]


class KeyIn(InputModel):
    """A key for another app. Its cases are filed at the area, or below it when the app names an area by its id."""

    id: UUID | None = None
    name: ShortText
    area_id: UUID
    answers_with_token: Annotated[
        bool, Field(description="Answer filings with a token in place of the number 以令牌代替编号应答")
    ] = False
    per_minute: Annotated[int, Field(strict=True, ge=1, le=PER_MINUTE_MAX, description="每分钟上限")] = 60


class KeyOut(OutputModel):
    """A key without its secret."""

    id: UUID
    name: str
    area_id: UUID
    area_path: str
    answers_with_token: bool
    per_minute: int
    created_by: str
    created_at: datetime
    last_used_at: datetime | None
    revoked_by: str | None
    revoked_at: datetime | None
    version: int


class NewKeyOut(KeyOut):
    """A new key. `api_key` is shown this once; it is null when the same request comes again."""

    api_key: str | None


class ServiceIn(InputModel):
    """How a category is offered to other apps; PUT replaces the whole of it. All of it is public."""

    offered: bool = True
    visibility: Annotated[
        Visibility, Field(description="What anybody sees of its cases: hidden, facts, or also words 公开程度")
    ] = Visibility.HIDDEN
    description: PlainText | None = None
    keywords: Annotated[list[Keyword], Field(max_length=20)] = Field(default_factory=list)
    notice: Annotated[PlainText | None, Field(description="What will be done, and how soon 办理说明")] = None


class ServiceOut(OutputModel):
    """How a category is offered."""

    category: str
    offered: bool
    visibility: Visibility
    description: str | None
    keywords: list[str]
    notice: str | None
    version: int
