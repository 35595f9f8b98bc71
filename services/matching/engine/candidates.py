"""Candidates for a whole district: which pairs may be proposed at all, and the best of them.

A need looks only at offers of its branch that can reach it. Local offers lie within fifteen minutes on foot, so needs
are gone through cell by cell, each with the offers of the cells around it; all other offers are gone through by the
area that they cover. No pair that passes the filters is missed, and few others are looked at.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from services.matching.engine.branches import Branch, branch_of, cells_of, codes_of
from services.matching.engine.columns import NeedColumns, OfferColumns
from services.matching.engine.facts import KINDS
from services.matching.engine.scoring import TERMS, Weights
from services.matching.engine.standing import Background
from services.matching.engine.threads import one_thread

__all__ = ["PER_PART", "TOP_PER_NEED", "TOP_PER_OFFER", "Candidates", "Misses", "find_candidates"]

TOP_PER_NEED: Final = 20
TOP_PER_OFFER: Final = 5
# For each kind that a need asks for at once.
PER_PART: Final = 5
_NEEDS_AT_ONCE: Final = 96
_CELLS_MAX: Final = 4
_THREADS: Final = 2

Rows = NDArray[np.int64]


@dataclass(slots=True)
class Misses:
    """Of each line of one side the pair that stands best among those that are no candidates, and why it is none.

    Attributes:
        other: the row on the other side, -1 where nothing can reach the line at all.
        code: the reason, see `REASONS`.
        standing: how well it stands, see `standing`.
    """

    other: NDArray[np.int32]
    code: NDArray[np.uint8]
    standing: NDArray[np.float32]

    @classmethod
    def none(cls, lines: int) -> "Misses":
        """Return misses of lines that have not been looked at."""
        return cls(
            np.full(lines, -1, np.int32),
            np.zeros(lines, np.uint8),
            np.full(lines, -np.inf, np.float32),
        )

    def note(self, rows: Rows, columns: Rows, codes: NDArray[np.uint8], standing: NDArray[np.float32]) -> None:
        """Take in a block with one row for each of `rows`."""
        missed = np.where(codes > 0, standing, np.float32(-np.inf))
        best = missed.argmax(axis=1)
        at = np.arange(len(rows))
        is_better = missed[at, best] > self.standing[rows]
        chosen = rows[is_better]
        self.other[chosen] = columns[best[is_better]]
        self.code[chosen] = codes[at, best][is_better]
        self.standing[chosen] = missed[at, best][is_better]


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


@dataclass(slots=True)
class _Found:
    """Candidates as they are gathered."""

    need: list[NDArray[np.int32]] = field(default_factory=list)
    offer: list[NDArray[np.int32]] = field(default_factory=list)
    terms: list[NDArray[np.int16]] = field(default_factory=list)
    standing: list[NDArray[np.float32]] = field(default_factory=list)


def find_candidates(
    needs: NeedColumns, offers: OfferColumns, weights: Weights, background: Background | None = None
) -> Candidates:
    """Return the best pairs: up to twenty for each need, and up to five more for each offer, so that none starves."""
    misses = Misses.none(len(needs.branch)), Misses.none(len(offers.branch))

    def look(code: int) -> _Found:
        # Made by the thread that looks at it: so there are never more of them in memory than threads.
        branch, found = branch_of(code, needs, offers, background), _Found()
        for need_at, offer_at in _blocks(branch):
            _look(branch, need_at, offer_at, weights, found, misses)
        return found

    # Branches share no line. Inside of one, blocks are small: threads of the products that wait for each other would
    # make them ten times slower.
    with one_thread(), ThreadPoolExecutor(_THREADS) as threads:
        found = list(threads.map(look, codes_of(needs, offers)))
    return _best_of(found, needs, offers, misses)


def _blocks(branch: Branch) -> Iterator[tuple[Rows, Rows]]:
    """Cut a branch into blocks that together hold every pair that may pass the filters of place."""
    has_point = ~np.isnan(branch.needs.xy[:, 0])
    is_bound = branch.offers.is_local & ~np.isnan(branch.offers.xy[:, 0])
    placed, bound = np.flatnonzero(has_point), np.flatnonzero(is_bound)
    if len(placed) and len(bound):
        yield from _near(branch, placed, bound)
    if len(bound) < len(is_bound):
        yield from _wide(branch, np.flatnonzero(~is_bound))
    if len(placed) < len(has_point) and len(bound):
        for some in _some(np.flatnonzero(~has_point)):
            yield some, bound


def _some(rows: Rows, at_once: int = _NEEDS_AT_ONCE) -> Iterator[Rows]:
    for start in range(0, len(rows), at_once):
        yield rows[start : start + at_once]


def _near(branch: Branch, needs: Rows, offers: Rows) -> Iterator[tuple[Rows, Rows]]:
    """Go through neighbouring cells of a row together, with the offers of the cells around them."""
    need_x, need_y = cells_of(branch.needs.xy[needs])
    offer_x, offer_y = cells_of(branch.offers.xy[offers])
    west, width = need_x.min() - 2, np.int64(1) << 32
    need_keys, offer_keys = need_y * width + need_x - west, offer_y * width + offer_x - west
    need_order, offer_order = np.argsort(need_keys, kind="stable"), np.argsort(offer_keys, kind="stable")
    need_keys, offer_keys = need_keys[need_order], offer_keys[offer_order]
    needs, offers = needs[need_order], offers[offer_order]
    for start, end in _runs(need_keys):
        first, last = need_keys[start] - 1, need_keys[end - 1] + 1
        rows = [
            offers[np.searchsorted(offer_keys, first + step) : np.searchsorted(offer_keys, last + step, side="right")]
            for step in (-width, 0, width)
        ]
        around = np.concatenate(rows)
        if len(around):
            for some in _some(needs[start:end]):
                yield some, around


def _runs(keys: Rows) -> Iterator[tuple[int, int]]:
    """Cut ordered cells into runs of a few neighbours with enough needs to be worth a block."""
    starts = np.concatenate([[0], np.flatnonzero(np.diff(keys)) + 1, [len(keys)]]).tolist()
    begin = 0
    for place in range(1, len(starts)):
        is_last = place == len(starts) - 1
        is_far = not is_last and keys[starts[place]] - keys[starts[begin]] >= _CELLS_MAX
        if is_last or is_far or starts[place] - starts[begin] >= _NEEDS_AT_ONCE:
            yield starts[begin], starts[place]
            begin = place


def _wide(branch: Branch, offers: Rows) -> Iterator[tuple[Rows, Rows]]:
    """Go through the offers that no foot has to reach, by the area that they cover."""
    order = np.argsort(branch.needs.place, kind="stable")
    places = branch.needs.place[order]
    covered = np.stack([branch.offers.low[offers], branch.offers.high[offers]], axis=1)
    ranges, which = np.unique(covered, axis=0, return_inverse=True)
    for number, (low, high) in enumerate(ranges.tolist()):
        rows = order[np.searchsorted(places, low) : np.searchsorted(places, high)]
        for some in _some(rows, 4 * _NEEDS_AT_ONCE):
            yield some, offers[which.reshape(-1) == number]


def _look(
    branch: Branch,
    need_at: Rows,
    offer_at: Rows,
    weights: Weights,
    found: _Found,
    misses: tuple[Misses, Misses],
) -> None:
    block = branch.judge(need_at, offer_at, weights)
    need_rows, offer_rows = branch.need_rows[need_at], branch.offer_rows[offer_at]
    misses[0].note(need_rows, offer_rows, block.codes, block.standing)
    misses[1].note(offer_rows, need_rows, block.codes.T, block.standing.T)
    need, offer = np.nonzero(block.codes == 0)
    if len(need):
        found.need.append(need_rows[need].astype(np.int32))
        found.offer.append(offer_rows[offer].astype(np.int32))
        found.terms.append(np.stack([term[need, offer] for term in block.terms], axis=1))
        found.standing.append(block.standing[need, offer])


def _best_of(
    found: Sequence[_Found], needs: NeedColumns, offers: OfferColumns, misses: tuple[Misses, Misses]
) -> Candidates:
    if not any(some.need for some in found):
        nothing = np.zeros(0, np.int32)
        terms = np.zeros((0, len(TERMS)), np.int16)
        return Candidates(nothing, nothing, nothing, terms, np.zeros(0, np.float32), *misses)
    need = np.concatenate([rows for some in found for rows in some.need])
    offer = np.concatenate([rows for some in found for rows in some.offer])
    terms = np.concatenate([rows for some in found for rows in some.terms])
    standing = np.concatenate([rows for some in found for rows in some.standing])
    score = terms.sum(axis=1, dtype=np.int32)
    order = np.lexsort((offer, -score, need))
    need, offer, score, terms, standing = need[order], offer[order], score[order], terms[order], standing[order]
    of_need = _rank(need) < TOP_PER_NEED
    by_offer = np.lexsort((need, -score, offer))
    of_offer = np.zeros(len(need), np.bool_)
    of_offer[by_offer] = _rank(offer[by_offer]) < TOP_PER_OFFER
    kept = np.flatnonzero(of_need | of_offer | _of_part(needs.parts[need], offers.kind[offer], need))
    return Candidates(need[kept], offer[kept], score[kept], terms[kept], standing[kept], *misses)


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
