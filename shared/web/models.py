"""Bases of request and response shapes: inputs refuse what they do not know, outputs hide nothing behind a default."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

__all__ = ["ApiModel", "InputModel", "OutputModel", "PlainText", "ShortText"]

# PostgreSQL text cannot hold U+0000, and nobody means it.
_NO_NUL = r"^[^\x00]*$"

ShortText = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200), Field(pattern=_NO_NUL)
]
PlainText = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=4000), Field(pattern=_NO_NUL)
]


class ApiModel(BaseModel):
    """What both directions share: attributes can be read from rows."""

    model_config = ConfigDict(from_attributes=True)


class InputModel(ApiModel):
    """A request body: an unknown member is an error, so that a misspelt one is not silently lost."""

    model_config = ConfigDict(extra="forbid", from_attributes=False)


class OutputModel(ApiModel):
    """A response body: every member is always there, so no field has a default."""
