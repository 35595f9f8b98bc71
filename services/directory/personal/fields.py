"""Telephone numbers as members of request bodies."""

from typing import Annotated

from pydantic import AfterValidator, StringConstraints

from services.directory.personal.rules import normalise_contact, normalise_phone

__all__ = ["ContactPhone", "Phone"]

_Raw = Annotated[str, StringConstraints(min_length=3, max_length=32)]

Phone = Annotated[_Raw, AfterValidator(normalise_phone)]
ContactPhone = Annotated[_Raw, AfterValidator(normalise_contact)]
