"""Shapes of forms."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from services.intake.plain_json import JsonObject
from shared.web import InputModel, OutputModel

__all__ = ["Answers", "FormIn", "FormOut"]

Answers = Annotated[
    JsonObject, Field(description="Answers to the category's questions, as its form asks 分类问题的答案")
]


class FormIn(InputModel):
    """What a category asks from now on."""

    # pydantic's own `schema` is a method of models, so the member has another name here.
    questions: JsonObject = Field(
        alias="schema", description="JSON Schema 2020-12 of type object, 50 questions at most"
    )
    ui: Annotated[JsonObject, Field(default_factory=dict, description="For clients: order, widgets, hints; 16 kB")]


class FormOut(OutputModel):
    """What a category asks. Version 1 asks nothing and was published by nobody."""

    category: str
    version: int
    questions: dict[str, Any] = Field(alias="schema")
    ui: dict[str, Any]
    published_by: str | None
    published_at: datetime | None
