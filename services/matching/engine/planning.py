"""A plan for all open needs at once: candidates, bundles, then one flow, and for every line what came of it and why.

Within a branch the flow is exact. Needs of several units cannot be split over offers, which no flow can promise: where
they would not fit as the flow has placed them, they are placed first, the best fit first, and the flow decides all
others exactly with what remains; what this may have lost is told.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from services.matching.engine.bundles import Bundle, choose_bundles
from services.matching.engine.candidates import PER_PART, Candidates, find_candidates
from services.matching.engine.columns import NeedColumns, OfferColumns
from services.matching.engine.facts import kinds_of
from services.matching.engine.flow import Floors, Prices, assign
from services.matching.engine.scoring import Weights
from services.matching.engine.standing import Background

__all__ = ["NO_FLOORS", "Floors", "Plan", "Prices", "Shortfall", "make_plan"]

Ints = NDArray[np.int64]
NO_FLOORS: Final = Floors(np.zeros(0, np.int64), np.zeros(0, np.int64))


@dataclass(frozen=True, slots=True)
class Shortfall:
    """A floor that could not be met: how many were asked for, how many are met."""

    floor: int
    at_least: int
    met: int


@dataclass(frozen=True, slots=True)
class Plan:
    """Who gets what.

    Attributes:
        pairs: of each need the numbers of its candidates that were chosen: none, one, or one for each part.
        candidates: all that could have been chosen.
        score: the sum of the chosen scores.
        lost_at_most: how much better a plan could be, in points, because needs of several units were placed first;
            0 where no such need stood in the way.
        shortfalls: floors that are not met.
    """

    pairs: Sequence[tuple[int, ...]]
    candidates: Candidates
    score: int
    lost_at_most: int
    shortfalls: tuple[Shortfall, ...]


def make_plan(
    needs: NeedColumns,
    offers: OfferColumns,
    weights: Weights,
    *,
    background: Background | None = None,
    floors: Floors = NO_FLOORS,
    prices: Prices | None = None,
    refused: frozenset[tuple[int, int]] = frozenset(),
) -> Plan:
    """Make the plan. The same lines give the same plan, in whatever order they came.

    Args:
        needs: all open needs.
        offers: all offers.
        weights: what scores are made of.
        background: the words of the tree, for small branches.
        floors: by rows of needs, see `Floors`.
        prices: what is weighed against scores.
        refused: pairs of rows, need and offer, that are not to be proposed again.
    """
    candidates = find_candidates(needs, offers, weights, background).without(refused)
    return _Planner(needs, offers, candidates, floors, prices or Prices()).plan()


class _Planner:
    """The steps of one plan over the same arrays."""

    def __init__(
        self, needs: NeedColumns, offers: OfferColumns, candidates: Candidates, floors: Floors, prices: Prices
    ) -> None:
        self._needs, self._offers, self._found, self._prices = needs, offers, candidates, prices
        self._floors = floors if len(floors.of_need) else Floors(np.full(len(needs.branch), -1), floors.at_least)
        self._left = offers.free.astype(np.int64)
        self._open_price = prices.left_open + np.where(needs.urgent, prices.urgent, 0).astype(np.int64)
        self._chosen: list[tuple[int, ...]] = [()] * len(needs.branch)
        self._lost = 0

    def plan(self) -> Plan:
        """Bundles first, then everybody else, branch by branch; all together where a floor asks for more."""
        self._bundles()
        single = np.flatnonzero(self._needs.parts[self._found.need] == 0)
        of_branch = self._needs.branch[self._found.need[single]]
        left = self._left.copy()
        for branch in np.unique(of_branch).tolist():
            self._flow(single[of_branch == branch], np.zeros(0, np.int64))
        if self._shortfalls():
            self._redo(single, of_branch, left)
        score = sum(int(self._found.score[pair]) for pairs in self._chosen for pair in pairs)
        return Plan(self._chosen, self._found, score, self._lost, self._shortfalls())

    def _redo(self, single: Ints, of_branch: NDArray[np.int32], left: Ints) -> None:
        """Decide again, with the floors, about all branches that have needs of a floor."""
        has_floor = self._floors.of_need[self._found.need[single]] >= 0
        again = single[np.isin(of_branch, np.unique(of_branch[has_floor]))]
        touched = np.unique(self._found.offer[again])
        self._left[touched] = left[touched]
        for need in np.unique(self._found.need[again]).tolist():
            self._chosen[need] = ()
        self._lost = 0
        self._flow(again, np.maximum(self._floors.at_least - self._met(), 0))

    def _met(self) -> Ints:
        """Count of each floor how many of its needs have something."""
        met = np.array([bool(pairs) for pairs in self._chosen], np.bool_)
        floor = self._floors.of_need[met & (self._floors.of_need >= 0)]
        return np.bincount(floor, minlength=len(self._floors.at_least)).astype(np.int64)

    def _shortfalls(self) -> tuple[Shortfall, ...]:
        pairs = zip(self._floors.at_least.tolist(), self._met().tolist(), strict=True)
        return tuple(Shortfall(floor, least, met) for floor, (least, met) in enumerate(pairs) if met < least)

    def _bundles(self) -> None:
        found = self._found
        rows = np.flatnonzero(self._needs.parts[found.need] > 0)
        bundles, pair_of = [], {}
        for need in np.unique(found.need[rows]).tolist():
            pairs = rows[found.need[rows] == need].tolist()
            parts = []
            for kind in kinds_of(int(self._needs.parts[need])):
                some = [pair for pair in pairs if int(self._offers.kind[found.offer[pair]]) == kind][:PER_PART]
                parts.append(tuple((int(found.offer[pair]), int(found.score[pair])) for pair in some))
                pair_of.update({(need, int(found.offer[pair])): pair for pair in some})
            bundles.append(Bundle(need, int(self._needs.quantity[need]), tuple(parts)))
        offers = sorted({offer for bundle in bundles for part in bundle.parts for offer, _ in part})
        for need, taken in choose_bundles(bundles, {offer: int(self._left[offer]) for offer in offers}).items():
            self._take(np.array([pair_of[need, offer] for offer in taken], np.int64))

    def _take(self, pairs: Ints) -> None:
        for need, offer, pair in zip(self._found.need[pairs], self._found.offer[pairs], pairs.tolist(), strict=True):
            self._chosen[need] += (pair,)
            self._left[offer] -= self._needs.quantity[need]

    def _flow(self, pairs: Ints, at_least: Ints) -> None:
        """Decide about the needs of some pairs."""
        chosen = self._assigned(pairs, at_least)
        if self._fits(chosen):
            self._take(chosen)
            return
        large = self._place_large(pairs, chosen)
        singles = pairs[self._needs.quantity[self._found.need[pairs]] == 1]
        met = np.bincount(self._floor_of(large), minlength=len(self._floors.at_least)).astype(np.int64)
        rest = self._assigned(singles, np.maximum(at_least - met, 0) if len(at_least) else at_least)
        self._take(rest)
        self._lost += max(self._worth(pairs, chosen) - self._worth(pairs, np.concatenate([large, rest])), 0)

    def _floor_of(self, pairs: Ints) -> Ints:
        floor = self._floors.of_need[self._found.need[pairs]]
        return floor[floor >= 0]

    def _fits(self, pairs: Ints) -> bool:
        used = np.zeros(len(self._left), np.int64)
        np.add.at(used, self._found.offer[pairs], self._needs.quantity[self._found.need[pairs]])
        return bool((used <= self._left).all())

    def _worth(self, pairs: Ints, chosen: Ints) -> int:
        """Return what some choices are worth: their scores, less the price of what is left open."""
        left_open = np.setdiff1d(self._found.need[pairs], self._found.need[chosen])
        return int(self._found.score[chosen].sum()) - int(self._open_price[left_open].sum())

    def _place_large(self, pairs: Ints, relaxed: Ints) -> Ints:
        """Place the needs of several units one after the other, each as the flow did or else as well as it still can.

        Needs of a floor come first, then urgent ones, then those with the better score.
        """
        quantity = self._needs.quantity[self._found.need]
        large = pairs[quantity[pairs] > 1]
        wished = np.isin(large, relaxed)
        need = self._found.need[large]
        order = np.lexsort((
            large, -self._found.score[large], ~wished, -self._open_price[need], self._floors.of_need[need] < 0
        ))  # fmt: skip
        placed, done = [], set()
        for pair in large[order].tolist():
            owner, offer = int(self._found.need[pair]), int(self._found.offer[pair])
            if owner not in done and quantity[pair] <= self._left[offer]:
                done.add(owner)
                placed.append(pair)
                self._take(np.array([pair], np.int64))
        return np.array(placed, np.int64)

    def _assigned(self, pairs: Ints, at_least: Ints) -> Ints:
        """Return the chosen pairs of one flow."""
        need, offer = self._found.need[pairs].astype(np.int64), self._found.offer[pairs].astype(np.int64)
        fits = self._needs.quantity[need] <= self._left[offer]
        pairs, need, offer = pairs[fits], need[fits], offer[fits]
        got = assign(
            need,
            offer,
            self._found.score[pairs].astype(np.int64),
            self._room(need, offer),
            self._open_price,
            Floors(self._floors.of_need if len(at_least) else np.full(len(self._open_price), -1), at_least),
            self._prices,
        )
        return pairs[got[got >= 0]]

    def _room(self, need: Ints, offer: Ints) -> Ints:
        """Return how many of its candidates each offer could serve at most: as many small ones as fit."""
        room = self._left.copy()
        quantity = self._needs.quantity[need].astype(np.int64)
        if len(quantity) and quantity.max() > 1:
            order = np.lexsort((quantity, offer))
            some, sizes = offer[order], quantity[order]
            total = np.cumsum(sizes)
            first = np.flatnonzero(np.concatenate([[True], some[1:] != some[:-1]]))
            before = np.repeat(total[first] - sizes[first], np.diff(np.append(first, len(some))))
            fits = total - before <= self._left[some]
            room[:] = 0
            np.add.at(room, some[fits], 1)
        return room
