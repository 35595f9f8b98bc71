"""Shapes of credentials. Numbers are shown masked unless a purpose is stated."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field, StringConstraints

from shared.web import InputModel, OutputModel, ShortText

__all__ = ["CredentialIn", "CredentialOut"]

Number = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60, pattern=r"^[^\x00]*$")]
Day = Annotated[date, Field(ge=date(1950, 1, 1), le=date(2199, 12, 31))]


class CredentialIn(InputModel):
    """A licence of a partner."""

    id: UUID | None = None
    name: ShortText
    number: Number
    issuer: ShortText
    valid_from: Day | None = None
    valid_until: Annotated[Day | None, Field(description="Its last day; left out, it does not run out")] = None
    attachment_ids: Annotated[list[UUID], Field(max_length=20)] = Field(default_factory=list)


class CredentialOut(OutputModel):
    """A licence of a partner, its number masked (`****5678`) unless a purpose was stated."""

    id: UUID
    partner_id: UUID
    name: str
    number: str
    issuer: str
    valid_from: date | None
    valid_until: date | None
    is_valid: bool
    attachment_ids: list[UUID]
    added_at: datetime
    withdrawn_at: datetime | None
    version: int
