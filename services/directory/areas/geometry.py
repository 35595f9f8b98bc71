"""Point in polygon on GeoJSON coordinates (RFC 7946): longitude first, degrees, rings closed.

Ray casting by the crossing number with half-open edges (Shimrat 1962, in the form of W. R. Franklin's PNPOLY): a point
on an edge that two polygons share lies in exactly one of them, so that grids that tile a community leave no gap and no
overlap. A polygon that crosses the antimeridian must be cut there, as the RFC asks.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple, TypeAlias

__all__ = ["Box", "Polygons", "bounding_box", "contains"]

Position: TypeAlias = Sequence[float]
Ring: TypeAlias = Sequence[Position]
Polygons: TypeAlias = Sequence[Sequence[Ring]]


class Box(NamedTuple):
    """The smallest rectangle around a shape, in degrees."""

    west: float
    south: float
    east: float
    north: float


def _positions(polygons: Polygons) -> Iterator[Position]:
    """Give the positions of all outer rings; holes lie inside of them."""
    for polygon in polygons:
        yield from polygon[0]


def bounding_box(polygons: Polygons) -> Box:
    """Return the rectangle around the polygons."""
    longitudes = [position[0] for position in _positions(polygons)]
    latitudes = [position[1] for position in _positions(polygons)]
    return Box(min(longitudes), min(latitudes), max(longitudes), max(latitudes))


def _inside_ring(ring: Ring, longitude: float, latitude: float) -> bool:
    """Count the edges that a ray to the east crosses; odd is inside."""
    inside = False
    for (x1, y1), (x2, y2) in pairwise(ring):
        if (y1 > latitude) != (y2 > latitude):
            # From the lower end always, so that both polygons of a shared edge compute the same number.
            (lower_x, lower_y), (upper_x, upper_y) = ((x1, y1), (x2, y2)) if y1 < y2 else ((x2, y2), (x1, y1))
            crossing = lower_x + (upper_x - lower_x) * (latitude - lower_y) / (upper_y - lower_y)
            if longitude < crossing:
                inside = not inside
    return inside


def contains(polygons: Polygons, longitude: float, latitude: float) -> bool:
    """Tell whether a point lies in one of the polygons and in none of that one's holes."""
    return any(
        _inside_ring(outer, longitude, latitude) and not any(_inside_ring(hole, longitude, latitude) for hole in holes)
        for outer, *holes in polygons
    )
