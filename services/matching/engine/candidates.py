"""Candidates for a whole district: which pairs may be proposed at all, and the best of them.

A need looks only at offers of its branch that can reach it, block by block (see `cutting`). Texts are compared for all
pairs of a block. Everything else is looked at for the few pairs that lie near enough and stand well enough to come to
the threshold at all: no candidate is missed by that.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from services.matching.engine.blocks import BELOW
from services.matching.engine.branches import Branch, branch_of, codes_of
from services.matching.engine.columns import NeedColumns, OfferColumns
from services.matching.engine.cutting import Cut, cut
from services.matching.engine.facts import FOOT_M, KINDS
from services.matching.engine.filters import PASSED, first_failures, passing
from services.matching.engine.pairs import Pairs
from services.matching.engine.scoring import TERMS, Reach, Weights, points, shares
from services.matching.engine.standing import Background
from services.matching.engine.threads import one_thread
from services.matching.engine.words import Sharing

__all__ = ["PER_PART", "TOP_PER_NEED", "TOP_PER_OFFER", "Candidates", "Misses", "find_candidates"]

TOP_PER_NEED: Final = 20
TOP_PER_OFFER: Final = 5
# For each kind that a need asks for at once.
PER_PART: Final = 5
# So many pairs are looked at closely in one go.
_PAIRS_AT_ONCE: Final = 1 << 18
_ROW_BITS: Final = 32
_THREADS: Final = 2

Rows = NDArray[np.int64]
Floats = NDArray[np.float32]


@dataclass(slots=True)
class Misses:
    """Of each line of one side the pair that stands best, and why it is no candidate; for lines that have none.

    Attributes:
        other: the row on the other side, -1 where nothing can reach the line at all.
        code: the reason, see `REASONS`; `PASSED` where the pair is a candidate.
        standing: how well it stands, see `standing`.
    """

    other: NDArray[np.int32]
    code: NDArray[np.uint8]
    standing: Floats

    @classmethod
    def none(cls, lines: int) -> "Misses":
        """Return misses of lines that have not been looked at."""
        return cls(
            np.full(lines, -1, np.int32),
            np.zeros(lines, np.uint8),
            np.full(lines, -np.inf, np.float32),
        )

    def note(self, rows: Rows, columns: Rows, standing: Floats) -> None:
        """Take in a block with one row for each of `rows`."""
        best = standing.argmax(axis=1)
        reached = standing[np.arange(len(rows)), best]
        is_better = reached > self.standing[rows]
        chosen = rows[is_better]
        self.other[chosen] = columns[best[is_better]]
        self.standing[chosen] = reached[is_better]


@dataclass(frozen=True, slots=True)
class Candidates:
    """Pairs that may be proposed, ordered by need, then the best first, then by offer.

    Attributes:
        need: the row of each pair's need.
        offer: the row of its offer.
        score: its points.
        terms: one column for each term.
        standing: how each pair stands among others, in deviations.
        need_misses: why not, for each need.
        offer_misses: why not, for each offer.
    """

    need: NDArray[np.int32]
    offer: NDArray[np.int32]
    score: NDArray[np.int32]
    terms: NDArray[np.int16]
    standing: NDArray[np.float32]
    need_misses: Misses
    offer_misses: Misses

    def without(self, pairs: frozenset[tuple[int, int]]) -> "Candidates":
        """Return them without some pairs of rows, which people have refused."""
        if not pairs:
            return self
        told = zip(self.need.tolist(), self.offer.tolist(), strict=True)
        kept = np.flatnonzero([pair not in pairs for pair in told])
        return Candidates(
            self.need[kept],
            self.offer[kept],
            self.score[kept],
            self.terms[kept],
            self.standing[kept],
            self.need_misses,
            self.offer_misses,
        )


class _Standing(NamedTuple):
    """Pairs that may become candidates, by their rows in the branch, and how they stand."""

    need: Rows
    offer: Rows
    standing: Floats


class _Found(NamedTuple):
    """Candidates as they are gathered; see `Candidates`."""

    need: NDArray[np.int32]
    offer: NDArray[np.int32]
    score: NDArray[np.int32]
    terms: NDArray[np.int16]
    standing: Floats

    @classmethod
    def nothing(cls) -> "_Found":
        """Return no candidates."""
        rows = np.zeros(0, np.int32)
        return cls(rows, rows, rows, np.zeros((0, len(TERMS)), np.int16), np.zeros(0, np.float32))

    def only(self, which: Rows) -> "_Found":
        """Return some of them."""
        return _Found(self.need[which], self.offer[which], self.score[which], self.terms[which], self.standing[which])


class _Finder:
    """The candidates of one branch."""

    def __init__(
        self, branch: Branch, lines: tuple[NeedColumns, OfferColumns], weights: Weights, misses: tuple[Misses, Misses]
    ) -> None:
        self._branch, self._lines, self._weights, self._misses = branch, lines, weights, misses
        self._reach = Reach(branch.offers, branch.sides, weights)
        self._sharing: Sharing | None = None

    def find(self) -> _Found:
        """Go through the branch: what may be at all by place and standing, then what passes, then the best of it."""
        waiting: list[_Standing] = []
        found: list[_Found] = []
        count = 0
        for block in cut(self._branch):
            waiting.append(self._possible(block))
            count += len(waiting[-1].need)
            if count >= _PAIRS_AT_ONCE:
                found.append(self._passing(waiting))
                waiting, count = [], 0
        found.append(self._passing(waiting))
        every = _joined(found)
        self._tell(every)
        return every.only(_best(every, *self._lines))

    def _possible(self, block: Cut) -> _Standing:
        """Compare a block, and keep the pairs that may become candidates."""
        branch = self._branch
        standing = branch.standing(block.needs, block.offers)
        need_rows, offer_rows = branch.need_rows[block.needs], branch.offer_rows[block.offers]
        self._misses[0].note(need_rows, offer_rows, standing)
        self._misses[1].note(offer_rows, need_rows, standing.T)
        may = self._reach.may(standing, block.needs, block.offers)
        if block.is_near:
            may &= _within(branch.needs.xy[block.needs], branch.offers.xy[block.offers])
        flat = np.flatnonzero(may)
        need, offer = np.divmod(flat, len(block.offers))
        return _Standing(block.needs[need], block.offers[offer], standing.reshape(-1)[flat])

    def _passing(self, waiting: Sequence[_Standing]) -> _Found:
        """Look closely at what may be, and return what is: the pairs that pass all filters and reach the threshold."""
        if not waiting:
            return _Found.nothing()
        need, offer, standing = (np.concatenate(part) for part in zip(*waiting, strict=True))
        order = np.argsort(need, kind="stable")
        pairs = Pairs(self._branch.needs, self._branch.offers, need[order], offer[order])
        left = passing(pairs)
        pairs, standing = pairs.only(left), standing[order][left]
        if self._sharing is None:
            self._sharing = Sharing(pairs.needs.grams, pairs.offers.grams)
        words = self._sharing.of(pairs.need_at, pairs.offer_at)
        terms = np.stack(points(shares(pairs, self._branch.sides, standing, words), self._weights), axis=1)
        score = terms.sum(axis=1, dtype=np.int32)
        kept = np.flatnonzero(score >= self._weights.threshold)
        return _Found(
            self._branch.need_rows[pairs.need_at[kept]].astype(np.int32),
            self._branch.offer_rows[pairs.offer_at[kept]].astype(np.int32),
            score[kept],
            terms[kept],
            standing[kept],
        )

    def _tell(self, found: _Found) -> None:
        """Say of each line why the pair that stands best is no candidate, where it is none."""
        known = np.sort(_keys(found.need, found.offer))
        branch = self._branch
        for side, rows in ((0, branch.need_rows), (1, branch.offer_rows)):
            misses = self._misses[side]
            own = rows[misses.other[rows] >= 0]
            others = misses.other[own].astype(np.int64)
            need, offer = (own, others) if side == 0 else (others, own)
            codes = first_failures(Pairs(*self._lines, need, offer))
            is_none = ~np.isin(_keys(need, offer), known, assume_unique=False)
            codes[(codes == PASSED) & is_none] = BELOW
            misses.code[own] = codes


def find_candidates(
    needs: NeedColumns, offers: OfferColumns, weights: Weights, background: Background | None = None
) -> Candidates:
    """Return the best pairs: up to twenty for each need, and up to five more for each offer, so that none starves."""
    misses = Misses.none(len(needs.branch)), Misses.none(len(offers.branch))

    def look(code: int) -> _Found:
        # Made by the thread that looks at it: so there are never more of them in memory than threads.
        branch = branch_of(code, needs, offers, background)
        return _Finder(branch, (needs, offers), weights, misses).find()

    # Branches share no line. Inside of one, blocks are small: threads of the products that wait for each other would
    # make them ten times slower.
    with one_thread(), ThreadPoolExecutor(_THREADS) as threads:
        every = _joined(list(threads.map(look, codes_of(needs, offers))))
    # Inside of a branch the order is right already, and each need is of one.
    found = every.only(np.argsort(every.need, kind="stable"))
    return Candidates(found.need, found.offer, found.score, found.terms, found.standing, *misses)


def _within(needs: Floats, offers: Floats) -> NDArray[np.bool_]:
    """Return which are near enough, give or take a metre: the filter decides."""
    east = needs[:, 0][:, None] - offers[:, 0][None, :]
    north = needs[:, 1][:, None] - offers[:, 1][None, :]
    east *= east
    north *= north
    east += north
    return np.asarray(east <= np.float32((FOOT_M + 1) ** 2), np.bool_)


def _keys(need: NDArray[Any], offer: NDArray[Any]) -> Rows:
    """Return one number for each pair of rows."""
    return np.asarray(need.astype(np.int64) << _ROW_BITS | offer, np.int64)


def _joined(found: Sequence[_Found]) -> _Found:
    some = [_Found.nothing(), *found]
    return _Found(*(np.concatenate(part) for part in zip(*some, strict=True)))


def _best(found: _Found, needs: NeedColumns, offers: OfferColumns) -> Rows:
    """Return the places of the pairs that are kept, ordered by need, then the best first, then by offer."""
    order = np.lexsort((found.offer, -found.score, found.need))
    need, offer, score = found.need[order], found.offer[order], found.score[order]
    of_need = _rank(need) < TOP_PER_NEED
    by_offer = np.lexsort((need, -score, offer))
    of_offer = np.zeros(len(need), np.bool_)
    of_offer[by_offer] = _rank(offer[by_offer]) < TOP_PER_OFFER
    return order[of_need | of_offer | _of_part(needs.parts[need], offers.kind[offer], need)]


def _of_part(parts: NDArray[np.int32], kind: NDArray[np.int32], need: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Return which pairs are among the best for one of the kinds that a need asks for at once."""
    wanted = np.flatnonzero((parts & kind) > 0)
    order = wanted[np.lexsort((wanted, kind[wanted], need[wanted]))]
    chosen = np.zeros(len(need), np.bool_)
    if len(order):
        chosen[order] = _rank(need[order].astype(np.int64) * (1 << len(KINDS)) + kind[order]) < PER_PART
    return chosen


def _rank(keys: NDArray[np.int32] | Rows) -> Rows:
    """Return the place of each entry among those with the same key; the keys are ordered."""
    starts = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]]))
    lengths = np.diff(np.concatenate([starts, [len(keys)]]))
    return np.arange(len(keys)) - np.repeat(starts, lengths)
