"""One block: some needs of a branch against some of its offers, all at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from services.matching.engine.columns import NeedColumns, OfferColumns
from services.matching.engine.filters import FILTERS, PASSED, first_failures
from services.matching.engine.pairs import all_pairs
from services.matching.engine.scoring import Weights, points, shares
from services.matching.engine.standing import Sides, joint
from services.matching.engine.words import likeness

__all__ = ["BELOW", "REASONS", "Block", "judge"]

# One more reason beside the filters: it passes them all, and its score is below the threshold.
BELOW: Final = len(FILTERS) + 1
REASONS: Final = ("", *FILTERS, "score_below_threshold")


@dataclass(frozen=True, slots=True)
class Block:
    """What came out for each pair.

    Attributes:
        codes: 0 for a candidate, else the number of the reason why not, see `REASONS`.
        standing: how the pair stands among others, in deviations.
        terms: the points of each term, in the order of `TERMS`.
        score: their sum; of no meaning where a filter failed.
    """

    codes: NDArray[np.uint8]
    standing: NDArray[np.float32]
    terms: tuple[NDArray[np.int16], ...]
    score: NDArray[np.int16]


def judge(
    needs: NeedColumns,
    offers: OfferColumns,
    sides: tuple[Sides, Sides],
    likenesses: Sequence[NDArray[np.float32]],
    weights: Weights,
) -> Block:
    """Look at all pairs of a block.

    Args:
        needs: lines of one branch.
        offers: lines of the same branch.
        sides: how these needs and these offers stand, line by line.
        likenesses: of every pair, for each encoder; by words where there is none.
        weights: what the terms may give.
    """
    pairs = all_pairs(needs, offers)
    codes = first_failures(pairs)
    words = likeness(needs.grams, offers.grams)
    standing = joint(likenesses or [words], *sides)
    terms = tuple(np.broadcast_to(term, codes.shape) for term in points(shares(pairs, sides, standing, words), weights))
    score = terms[0].copy()
    for term in terms[1:]:
        score += term
    codes[(codes == PASSED) & (score < weights.threshold)] = BELOW
    return Block(codes, standing, terms, score)
