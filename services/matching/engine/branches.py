"""The lines of one branch, ready to be compared: vectors in single precision, and how every line stands."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from services.matching.engine.blocks import Block, judge
from services.matching.engine.columns import NeedColumns, OfferColumns, take
from services.matching.engine.scoring import Weights
from services.matching.engine.standing import Background, Sides, sides_of

__all__ = ["Branch", "branches_of"]

Rows = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Branch:
    """The lines of a branch, with their rows among all lines."""

    needs: NeedColumns
    offers: OfferColumns
    need_rows: Rows
    offer_rows: Rows
    sides: tuple[Sides, Sides]

    def judge(self, need_at: Rows, offer_at: Rows, weights: Weights) -> Block:
        """Look at all pairs of some lines of the branch."""
        return judge(
            take(self.needs, need_at, with_ids=False),
            take(self.offers, offer_at, with_ids=False),
            (self.sides[0].take(need_at), self.sides[1].take(offer_at)),
            weights,
        )


def branches_of(needs: NeedColumns, offers: OfferColumns, background: Background | None) -> Iterator[Branch]:
    """Return the branches that have both needs and offers, in the tree's order.

    Where no encoder is live, texts are compared by their words.
    """
    for code in np.intersect1d(needs.branch, offers.branch).tolist():
        need_rows, offer_rows = np.flatnonzero(needs.branch == code), np.flatnonzero(offers.branch == code)
        some_needs, some_offers = take(needs, need_rows, with_ids=False), take(offers, offer_rows, with_ids=False)
        some_needs = replace(some_needs, vectors=tuple(_single(matrix) for matrix in some_needs.vectors))
        some_offers = replace(some_offers, vectors=tuple(_single(matrix) for matrix in some_offers.vectors))
        sides = sides_of(
            some_needs.vectors or (some_needs.grams,),
            some_offers.vectors or (some_offers.grams,),
            background.of(code) if background else None,
        )
        yield Branch(some_needs, some_offers, need_rows, offer_rows, sides)


def _single(matrix: NDArray[np.float16] | NDArray[np.float32]) -> NDArray[np.float32]:
    return np.ascontiguousarray(matrix, np.float32)
