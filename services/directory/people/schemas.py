"""Shapes of people and grants. Phone numbers are shown masked unless a purpose is stated."""

from datetime import UTC, datetime
from typing import Annotated, Final, Self
from uuid import UUID

from pydantic import AwareDatetime, Field, StringConstraints, model_validator

from services.directory.people.rules import USERNAME_PATTERN
from services.directory.personal.fields import Phone
from shared.auth import Role
from shared.web import InputModel, OutputModel, ShortText

__all__ = [
    "GrantView",
    "NewGrant",
    "NewPerson",
    "PersonChange",
    "PersonDetail",
    "PersonSearch",
    "PersonView",
]

_FIRST: Final = datetime(2000, 1, 1, tzinfo=UTC)
_LAST: Final = datetime(2200, 1, 1, tzinfo=UTC)

Username = Annotated[str, StringConstraints(to_lower=True, strip_whitespace=True, pattern=USERNAME_PATTERN)]
Password = Annotated[str, Field(min_length=8, max_length=128)]
Moment = Annotated[AwareDatetime, Field(ge=_FIRST, le=_LAST)]


class NewPerson(InputModel):
    """Somebody to register; at the topmost area unless an area is named. A password needs a username."""

    id: UUID | None = None
    display_name: ShortText
    label: ShortText | None = None
    area_id: UUID | None = None
    phone: Phone | None = None
    username: Username | None = None
    password: Password | None = None

    @model_validator(mode="after")
    def _password_needs_username(self) -> Self:
        """Refuse a password that nobody could sign in with."""
        if self.password is not None and self.username is None:
            message = "a password needs a username"
            raise ValueError(message)
        return self


class PersonChange(InputModel):
    """What may change in a person; a member that is left out stays, one that is null is cleared."""

    display_name: ShortText | None = None
    label: ShortText | None = None
    phone: Phone | None = None
    username: Username | None = None
    password: Password | None = None

    @model_validator(mode="after")
    def _keeps_a_name(self) -> Self:
        """Refuse null where a person always has a value."""
        if "display_name" in self.model_fields_set and self.display_name is None:
            message = "display_name cannot be null"
            raise ValueError(message)
        return self


class PersonSearch(InputModel):
    """Find the person with a number. In a body, because addresses are written to logs."""

    phone: Phone
    purpose: Annotated[str, StringConstraints(strip_whitespace=True, min_length=2, max_length=200)]


class NewGrant(InputModel):
    """A role to give; from now unless told, without an end unless told."""

    id: UUID | None = None
    role: Role
    area_id: UUID
    unit_id: UUID | None = None
    starts_at: Moment | None = None
    ends_at: Moment | None = None


class GrantView(OutputModel):
    """A role held at an area; `active` tells whether it is held now."""

    id: UUID
    role: Role
    area_id: UUID
    area_path: str
    unit_id: UUID | None
    starts_at: datetime
    ends_at: datetime | None
    active: bool
    granted_by: str
    version: int


class PersonView(OutputModel):
    """A person."""

    id: UUID
    display_name: str
    label: str | None
    area_id: UUID
    area_path: str
    phone: str | None
    username: str | None
    version: int


class PersonDetail(PersonView):
    """A person with all roles, past ones too, the newest first."""

    grants: list[GrantView]
