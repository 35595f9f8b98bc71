"""Shapes of areas. Boundaries are GeoJSON (RFC 7946) polygons in degrees, longitude first."""

from datetime import date
from typing import Annotated, Final, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, Field, model_validator

from services.directory.areas.geometry import Polygons
from services.directory.areas.rules import CODE_PATTERN, AreaKind
from shared.web import InputModel, OutputModel, ShortText

__all__ = ["AreaChange", "AreaClosing", "AreaDetail", "AreaView", "Boundary", "NewArea", "Point", "polygons_of"]

_RING_POSITIONS_MAX: Final = 5_000
_BOUNDARY_POSITIONS_MAX: Final = 20_000

Latitude = Annotated[float, Field(strict=True, ge=-90, le=90, allow_inf_nan=False)]
Longitude = Annotated[float, Field(strict=True, ge=-180, le=180, allow_inf_nan=False)]
Count = Annotated[int, Field(strict=True, ge=0, le=100_000_000)]
Flag = Annotated[bool, Field(strict=True)]


def _closed(ring: list[tuple[float, float]]) -> list[tuple[float, float]]:
    if ring[0] != ring[-1]:
        message = "a ring ends where it began"
        raise ValueError(message)
    return ring


_Ring = Annotated[
    list[tuple[Longitude, Latitude]], Field(min_length=4, max_length=_RING_POSITIONS_MAX), AfterValidator(_closed)
]
_Rings = Annotated[list[_Ring], Field(min_length=1, max_length=100)]


class PolygonBoundary(InputModel):
    """A GeoJSON Polygon."""

    type: Literal["Polygon"]
    coordinates: _Rings


class MultiPolygonBoundary(InputModel):
    """A GeoJSON MultiPolygon."""

    type: Literal["MultiPolygon"]
    coordinates: Annotated[list[_Rings], Field(min_length=1, max_length=100)]


def polygons_of(boundary: PolygonBoundary | MultiPolygonBoundary) -> Polygons:
    """Return the coordinates of either kind as those of a MultiPolygon."""
    return [boundary.coordinates] if isinstance(boundary, PolygonBoundary) else boundary.coordinates


def _bounded(boundary: PolygonBoundary | MultiPolygonBoundary) -> PolygonBoundary | MultiPolygonBoundary:
    if sum(len(ring) for polygon in polygons_of(boundary) for ring in polygon) > _BOUNDARY_POSITIONS_MAX:
        message = f"a boundary has at most {_BOUNDARY_POSITIONS_MAX} positions"
        raise ValueError(message)
    return boundary


Boundary = Annotated[PolygonBoundary | MultiPolygonBoundary, Field(discriminator="type"), AfterValidator(_bounded)]


class Point(InputModel):
    """A place on the map, WGS 84 degrees."""

    lat: Latitude
    lon: Longitude


class NewArea(InputModel):
    """An area to open. Without `parent_id` it is the topmost one; `opened_on` is today unless told."""

    id: UUID | None = None
    parent_id: UUID | None = None
    code: Annotated[str, Field(pattern=CODE_PATTERN)]
    kind: AreaKind
    name: ShortText
    no_property_owner: Flag = False
    no_management: Flag = False
    no_repair_fund: Flag = False
    households: Count | None = None
    population: Count | None = None
    centroid: Point | None = None
    boundary: Boundary | None = None
    opened_on: date | None = None


class AreaChange(InputModel):
    """What may change in an area; a member that is left out stays, one that is null is cleared."""

    name: ShortText | None = None
    no_property_owner: Flag | None = None
    no_management: Flag | None = None
    no_repair_fund: Flag | None = None
    households: Count | None = None
    population: Count | None = None
    centroid: Point | None = None
    boundary: Boundary | None = None

    @model_validator(mode="after")
    def _keeps_what_it_must(self) -> Self:
        """Refuse null where an area always has a value."""
        for member in ("name", "no_property_owner", "no_management", "no_repair_fund"):
            if member in self.model_fields_set and getattr(self, member) is None:
                message = f"{member} cannot be null"
                raise ValueError(message)
        return self


class AreaClosing(InputModel):
    """When an area ends, and what takes its place."""

    closed_on: date
    successor_id: UUID | None = None


class AreaView(OutputModel):
    """An area, without its boundary."""

    id: UUID
    parent_id: UUID | None
    code: str
    path: str
    kind: AreaKind
    name: str
    no_property_owner: bool
    no_management: bool
    no_repair_fund: bool
    households: int | None
    population: int | None
    centroid: Point | None
    opened_on: date
    closed_on: date | None
    successor_id: UUID | None
    version: int


class AreaDetail(AreaView):
    """An area with its boundary."""

    boundary: Annotated[PolygonBoundary | MultiPolygonBoundary, Field(discriminator="type")] | None
