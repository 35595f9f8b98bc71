"""Shapes of cases that are written down for others."""

from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import Field, StringConstraints, model_validator

from services.intake.cases.schemas import FileCaseIn
from services.intake.cases.terms import Channel
from shared.web import InputModel, ShortText

__all__ = ["CallerIn", "OnBehalfIn"]

Phone = Annotated[str, StringConstraints(pattern=r"^\+?[0-9][0-9 -]{4,19}$")]


class CallerIn(InputModel):
    """How to reach somebody without an account; sealed at once."""

    first_name: ShortText | None = None
    last_name: ShortText | None = None
    phone: Phone | None = None
    email: Annotated[ShortText | None, Field(pattern=r"^[^@\s]+@[^@\s]+$")] = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not any((self.first_name, self.last_name, self.phone, self.email)):
            message = "say at least one thing, or leave the contact out"
            raise ValueError(message)
        return self


class OnBehalfIn(FileCaseIn):
    """A case that was heard from somebody else: a person with an account, a contact, or nobody who said who it was."""

    channel: Literal[Channel.VISIT, Channel.HOTLINE, Channel.ENTERPRISE, Channel.COUNCIL]
    person_id: UUID | None = None
    contact: CallerIn | None = None

    @model_validator(mode="after")
    def _at_most_one(self) -> Self:
        if self.person_id is not None and self.contact is not None:
            message = "either person_id or contact"
            raise ValueError(message)
        return self
