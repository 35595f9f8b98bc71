"""The lines of one branch, ready to be compared: near ones beside each other, vectors in single precision."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from services.matching.engine.blocks import Block, judge
from services.matching.engine.columns import NeedColumns, OfferColumns, take
from services.matching.engine.facts import FOOT_M
from services.matching.engine.scoring import Weights
from services.matching.engine.singles import Kept, singles
from services.matching.engine.standing import Background, Sides, joint, sample, sides_known, sides_of
from services.matching.engine.words import likeness

__all__ = ["Branch", "branch_of", "branches_of", "cells_of", "codes_of", "known_branch"]

Rows = NDArray[np.int64]
Floats = NDArray[np.float32]


def cells_of(xy: Floats) -> tuple[Rows, Rows]:
    """Return in which cell, as wide as fifteen minutes on foot, points lie: east and north."""
    cells = np.floor(xy / np.float32(FOOT_M)).astype(np.int64)
    return cells[:, 0], cells[:, 1]


@dataclass(frozen=True, slots=True)
class Branch:
    """The lines of a branch, with their rows among all lines, in the order of places.

    Where all likenesses are known already, `alike` has them instead of the vectors, and the order is that of the ids.
    """

    needs: NeedColumns
    offers: OfferColumns
    need_rows: Rows
    offer_rows: Rows
    need_vectors: tuple[Kept, ...]
    offer_vectors: tuple[Floats, ...]
    sides: tuple[Sides, Sides]
    alike: tuple[Floats, ...] = ()

    def judge(self, need_at: Rows, offer_at: Rows, weights: Weights) -> Block:
        """Look at all pairs of some lines of the branch."""
        return judge(
            take(self.needs, need_at, with_ids=False),
            take(self.offers, offer_at, with_ids=False),
            (self.sides[0].take(need_at), self.sides[1].take(offer_at)),
            self._products(need_at, offer_at),
            weights,
        )

    def standing(self, need_at: Rows, offer_at: Rows) -> Floats:
        """Return how all pairs of some lines stand, see `standing`."""
        alike = self._products(need_at, offer_at)
        if not alike:
            alike = [likeness(self.needs.grams.take(need_at), self.offers.grams.take(offer_at))]
        return joint(alike, self.sides[0].take(need_at), self.sides[1].take(offer_at))

    def _products(self, need_at: Rows, offer_at: Rows) -> list[Floats]:
        if self.alike:
            return [matrix[np.ix_(need_at, offer_at)] for matrix in self.alike]
        vectors = zip(self.need_vectors, self.offer_vectors, strict=True)
        return [_products(asked.take(need_at), found, offer_at) for asked, found in vectors]


def _products(asked: Floats, found: Floats, offer_at: Rows) -> Floats:
    """Multiply with runs of neighbouring rows, which need not be copied for it."""
    products = np.empty((len(asked), len(offer_at)), np.float32)
    ends = np.flatnonzero(np.diff(offer_at) != 1) + 1
    start = 0
    for end in (*ends.tolist(), len(offer_at)):
        first = int(offer_at[start])
        np.matmul(asked, found[first : first + end - start].T, out=products[:, start:end])
        start = end
    return products


def codes_of(needs: NeedColumns, offers: OfferColumns) -> list[int]:
    """Return the branches that have both needs and offers, in the tree's order."""
    found: list[int] = np.intersect1d(needs.branch, offers.branch).tolist()
    return found


def branches_of(needs: NeedColumns, offers: OfferColumns, background: Background | None) -> Iterator[Branch]:
    """Return all branches, one after the other."""
    return (branch_of(code, needs, offers, background) for code in codes_of(needs, offers))


def branch_of(code: int, needs: NeedColumns, offers: OfferColumns, background: Background | None) -> Branch:
    """Return one branch. Where no encoder is live, texts are compared by their words."""
    by_id = np.flatnonzero(needs.branch == code), np.flatnonzero(offers.branch == code)
    order = _need_order(needs, by_id[0]), _offer_order(offers, by_id[1])
    need_rows, offer_rows = by_id[0][order[0]], by_id[1][order[1]]
    # Offers are multiplied again and again, and needs a few times.
    asked = tuple(Kept(matrix, need_rows) for matrix in needs.vectors)
    found = tuple(singles(matrix, offer_rows) for matrix in offers.vectors)
    some_needs = take(replace(needs, vectors=()), need_rows, with_ids=False)
    some_offers = take(replace(offers, vectors=()), offer_rows, with_ids=False)
    # Who stands for all is chosen by id, wherever it has moved to.
    chosen = np.argsort(order[0])[sample(len(need_rows))], np.argsort(order[1])[sample(len(offer_rows))]
    sides = sides_of(
        asked or (some_needs.grams,),
        found or (some_offers.grams,),
        chosen,
        background.of(code) if background else None,
    )
    return Branch(some_needs, some_offers, need_rows, offer_rows, asked, found, sides)


def known_branch(needs: NeedColumns, offers: OfferColumns, alike: tuple[Floats, ...]) -> Branch:
    """Return the branch of lines that are all of one, that fill it by themselves, and whose likenesses are all known.

    Args:
        needs: all lines of one side.
        offers: all lines of the other.
        alike: for each encoder one row a need and one column an offer.
    """
    rows = np.arange(len(needs.branch)), np.arange(len(offers.branch))
    sides = sides_known(alike, (sample(len(rows[0])), sample(len(rows[1]))))
    return Branch(replace(needs, vectors=()), replace(offers, vectors=()), *rows, (), (), sides, alike)


def _need_order(needs: NeedColumns, rows: Rows) -> Rows:
    east, north = cells_of(np.nan_to_num(needs.xy[rows]))
    return np.lexsort((rows, east, north))


def _offer_order(offers: OfferColumns, rows: Rows) -> Rows:
    """Put what has to be reached on foot beside what is near it, then all others by the area that they cover."""
    east, north = cells_of(np.nan_to_num(offers.xy[rows]))
    is_wide = ~offers.is_local[rows] | np.isnan(offers.xy[rows, 0])
    return np.lexsort((
        rows, np.where(is_wide, offers.high[rows], east), np.where(is_wide, offers.low[rows], north), is_wide
    ))  # fmt: skip
