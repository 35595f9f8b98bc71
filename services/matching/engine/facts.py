"""What the engine knows of needs and offers. No text of a person's name, no account, no row of a table."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from services.matching.slots.groups import Ages, Eligibility
from services.matching.slots.times import ALWAYS

__all__ = [
    "FOOT_M",
    "KINDS",
    "Fulfilment",
    "Manner",
    "NeedFacts",
    "OfferFacts",
    "Point",
    "Reach",
    "Vectors",
    "kinds_mask",
    "kinds_of",
]

# Fifteen minutes on foot.
FOOT_M: Final = 1_200.0
KINDS: Final = ("venue", "service", "people", "goods", "discount", "money")

# One row for each text, for each encoder that is live, in the same order everywhere; halves or singles.
Vectors = tuple[NDArray[np.floating[Any]], ...]


class Reach(StrEnum):
    """How an offer and a person come together."""

    LOCAL = "local"
    VISIT = "visit"
    REMOTE = "remote"
    MUNICIPAL = "municipal"


class Manner(StrEnum):
    """Where a person wants it: anywhere, at home, or without meeting."""

    ANY = "any"
    HOME = "home"
    REMOTE = "remote"


@dataclass(frozen=True, slots=True)
class Point:
    """A place in WGS 84 degrees."""

    longitude: float
    latitude: float


@dataclass(frozen=True, slots=True)
class Fulfilment:
    """How a partner has kept its promises so far."""

    kept: int = 0
    late: int = 0
    broken: int = 0


@dataclass(frozen=True, slots=True)
class NeedFacts:
    """One line of the demand list.

    Attributes:
        leaves: how likely each leaf of its branch is, in the tree's order; they add up to 1, or there are none.
        times: half hours of a week, as bits.
        groups: whom it is for, as bits.
        age: in years; None when unknown.
        kinds: kinds of offers that would do, as bits in the order of `KINDS`; 0 for any.
        parts: kinds that are needed at once; fewer than two for a need that one offer meets.
    """

    id: UUID
    branch: str
    text: str
    area_path: str
    point: Point | None = None
    quantity: int = 1
    leaves: tuple[float, ...] = ()
    times: int = ALWAYS
    groups: int = 0
    age: int | None = None
    kinds: int = 0
    manner: Manner = Manner.ANY
    wants_free: bool = False
    urgent: bool = False
    parts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OfferFacts:
    """One line of the resource list.

    Attributes:
        free: what nobody holds.
        residents: paths of areas; with any, only people from one of them may have it.
    """

    id: UUID
    branch: str
    kind: str
    text: str
    coverage: str
    free: int
    active: bool
    is_vetted: bool
    valid_from: datetime
    valid_until: datetime | None
    confirmed_at: datetime
    point: Point | None = None
    reach: Reach = Reach.LOCAL
    leaves: tuple[float, ...] = ()
    times: int = ALWAYS
    eligibility: Eligibility = field(default_factory=lambda: Eligibility((), Ages()))
    residents: tuple[str, ...] = ()
    is_priced: bool = False
    fulfilment: Fulfilment = field(default_factory=Fulfilment)


def kinds_mask(kinds: tuple[str, ...] | list[str]) -> int:
    """Return kinds of offers as bits; raises ValueError for an unknown one."""
    return sum(1 << KINDS.index(kind) for kind in set(kinds))


def kinds_of(mask: int) -> list[int]:
    """Return the single bits of a mask of kinds, in the order of `KINDS`."""
    return [1 << place for place in range(len(KINDS)) if mask >> place & 1]
