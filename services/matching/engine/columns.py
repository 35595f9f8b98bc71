"""Facts as columns: one array for each thing that the filters and the score look at, for thousands of lines at once."""

from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from services.matching.engine.facts import Vectors
from services.matching.engine.words import Grams

__all__ = ["NeedColumns", "OfferColumns", "take"]

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class NeedColumns:
    """Needs by columns; see `NeedFacts`.

    Attributes:
        branch: the place of the branch in the tree; others come after.
        place: where the area stands among the areas of all needs.
        depth: how many levels of areas its path has.
        xy: in metres.
    """

    ids: tuple[UUID, ...]
    branch: Ints
    place: Ints
    depth: Ints
    xy: Floats
    quantity: Ints
    times: NDArray[np.uint64]
    groups: Ints
    age: Ints
    kinds: Ints
    parts: Ints
    wants_home: NDArray[np.bool_]
    wants_remote: NDArray[np.bool_]
    wants_free: NDArray[np.bool_]
    urgent: NDArray[np.bool_]
    leaves: Floats
    grams: Grams
    vectors: Vectors


@dataclass(frozen=True, slots=True)
class OfferColumns:
    """Offers by columns; see `OfferFacts`.

    Attributes:
        low: the first place that it covers.
        high: the place after the last one that it covers.
        resident_low: the same of each area whose residents may have it; no column where no offer asks for any.
        resident_high: the same.
    """

    ids: tuple[UUID, ...]
    branch: Ints
    low: Ints
    high: Ints
    depth: Ints
    resident_low: Ints
    resident_high: Ints
    xy: Floats
    is_local: NDArray[np.bool_]
    is_remote: NDArray[np.bool_]
    is_visit: NDArray[np.bool_]
    free: Ints
    times: NDArray[np.uint64]
    alternatives: Ints
    age_from: Ints
    age_until: Ints
    kind: Ints
    is_priced: NDArray[np.bool_]
    is_vetted: NDArray[np.bool_]
    is_valid: NDArray[np.bool_]
    freshness: Floats
    fulfilment: Floats
    leaves: Floats
    grams: Grams
    vectors: Vectors


Columns = TypeVar("Columns", NeedColumns, OfferColumns)


def take(columns: Columns, rows: NDArray[np.int64] | slice, *, with_ids: bool = True) -> Columns:
    """Return some lines of needs or offers, in the order of `rows`."""
    chosen: dict[str, Any] = {}
    for name in columns.__dataclass_fields__:
        value = getattr(columns, name)
        if name == "ids":
            chosen[name] = tuple(value[row] for row in np.arange(len(value))[rows].tolist()) if with_ids else ()
        elif name == "vectors":
            chosen[name] = tuple(matrix[rows] for matrix in value)
        else:
            chosen[name] = value.take(rows) if isinstance(value, Grams) else value[rows]
    return type(columns)(**chosen)
