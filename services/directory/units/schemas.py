"""Shapes of units. Contact phones are shown masked unless a purpose is stated."""

from typing import Annotated, Self
from uuid import UUID

from pydantic import Field, model_validator

from services.directory.personal.fields import ContactPhone
from services.directory.units.rules import UnitKind
from shared.web import InputModel, OutputModel, ShortText

__all__ = ["NewUnit", "UnitChange", "UnitView"]


class NewUnit(InputModel):
    """A unit to register."""

    id: UUID | None = None
    kind: UnitKind
    name: ShortText
    area_id: UUID
    contact_name: ShortText | None = None
    contact_phone: ContactPhone | None = None


class UnitChange(InputModel):
    """What may change in a unit; a member that is left out stays, a contact that is null is cleared."""

    name: ShortText | None = None
    contact_name: ShortText | None = None
    contact_phone: ContactPhone | None = None
    active: Annotated[bool | None, Field(strict=True)] = None

    @model_validator(mode="after")
    def _keeps_what_it_must(self) -> Self:
        """Refuse null where a unit always has a value."""
        for member in ("name", "active"):
            if member in self.model_fields_set and getattr(self, member) is None:
                message = f"{member} cannot be null"
                raise ValueError(message)
        return self


class UnitView(OutputModel):
    """A unit."""

    id: UUID
    kind: UnitKind
    name: str
    area_id: UUID
    area_path: str
    contact_name: str | None
    contact_phone: str | None
    active: bool
    version: int
