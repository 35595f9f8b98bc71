"""How alike the offers of a branch are to needs: remembered, since one need after the other is looked at beside the
same ones, and multiplying them all with thousands of offers each time takes longer than all else.
"""

from collections import OrderedDict
from collections.abc import Sequence
from threading import Lock
from typing import Final
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from services.matching.engine.facts import Vectors
from services.matching.engine.singles import products, singles
from services.matching.engine.standing import SAMPLE

__all__ = ["Alike"]

# Needs whose likenesses are remembered: those of a sample, and those that come and go beside it.
_NEEDS_MAX: Final = SAMPLE + 32

Floats = NDArray[np.float32]


class Alike:
    """The likenesses of offers that stay as they are to needs that come and go.

    Args:
        offers: one matrix for each encoder, one row an offer.
    """

    def __init__(self, offers: Vectors) -> None:
        self._offers = offers
        # In single precision from the first comparison on: making two thousand of them takes as long as all products.
        self._single: tuple[Floats, ...] = ()
        self._known: OrderedDict[UUID, tuple[Floats, ...]] = OrderedDict()
        self._turn = Lock()

    def to(self, needs: Sequence[UUID], vectors: Vectors) -> tuple[Floats, ...]:
        """Return for each encoder a matrix with one row a need and one column an offer.

        Args:
            needs: their ids; the words of a need never change, so they stand for its vectors.
            vectors: one matrix for each encoder, one row a need; rows of zeros are of needs that stand nowhere yet.
        """
        with self._turn:
            new = [place for place, need in enumerate(needs) if need not in self._known]
            made = dict(zip((needs[place] for place in new), self._compared(vectors, new), strict=True))
            rows = [made.get(need) or self._known[need] for need in needs]
            for place in new:
                if all(matrix[place].any() for matrix in vectors):
                    self._known[needs[place]] = made[needs[place]]
            for need in needs:
                if need in self._known:
                    self._known.move_to_end(need)
            while len(self._known) > _NEEDS_MAX:
                self._known.popitem(last=False)
        return tuple(np.stack(of_encoder) for of_encoder in zip(*rows, strict=True))

    def _compared(self, vectors: Vectors, new: Sequence[int]) -> list[tuple[Floats, ...]]:
        """Compare needs with all offers; returns for each of them one row for each encoder."""
        if not new:
            return []
        rows = np.array(new, np.int64)
        self._single = self._single or tuple(singles(matrix, np.arange(len(matrix))) for matrix in self._offers)
        matrices = []
        for asked, found in zip(vectors, self._single, strict=True):
            matrices.append(np.ascontiguousarray(products(found, singles(asked, rows)).T))
        return [tuple(matrix[place] for matrix in matrices) for place in range(len(new))]
