"""Shapes of suppliers."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field, model_validator

from shared.web import InputModel, OutputModel, ShortText

__all__ = ["RelationIn", "SupplierIn", "SupplierOut"]


class SupplierIn(InputModel):
    """A new supplier, registered at an area. A related party says to whom it is related; everybody can see that."""

    id: UUID | None = None
    name: ShortText
    area_id: UUID
    credit_code: Annotated[str, Field(pattern=r"^[0-9A-Z]{18}$")] | None = None
    is_related: bool = False
    relation: ShortText | None = None

    @model_validator(mode="after")
    def _says_how(self) -> "SupplierIn":
        if self.is_related != (self.relation is not None):
            message = "a related supplier, and only one, has a relation"
            raise ValueError(message)
        return self


class RelationIn(InputModel):
    """To whom a supplier is related; nothing when it is not any more."""

    relation: ShortText | None


class SupplierOut(OutputModel):
    """A supplier."""

    id: UUID
    name: str
    area_path: str
    credit_code: str | None
    is_related: bool
    relation: str | None
    registered_at: datetime
    version: int
