"""Shapes of drafts."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field, StringConstraints

from services.intake.cases.schemas import AttachmentIds, PointIn
from services.intake.categories.schemas import CategoryCode
from services.intake.forms.schemas import Answers
from shared.web import InputModel, OutputModel

__all__ = ["DraftIn", "DraftOut"]

_NO_NUL = r"^[^\x00]*$"
Line = Annotated[str, StringConstraints(max_length=200), Field(pattern=_NO_NUL)]
Words = Annotated[str, StringConstraints(max_length=4_000), Field(pattern=_NO_NUL)]


class DraftIn(InputModel):
    """As much of a case as there is; PUT replaces it whole."""

    category: CategoryCode | None = None
    title: Line | None = None
    description: Words | None = None
    area_id: UUID | None = None
    location: PointIn | None = None
    place_text: Line | None = None
    attachment_ids: AttachmentIds | None = None
    answers: Answers | None = None


class DraftOut(OutputModel):
    """A draft as its owner sees it; it holds what was sent, and nothing else."""

    id: UUID
    body: dict[str, Any]
    created_at: datetime
    updated_at: datetime
    version: int
