"""Needs beside offers: every need with every offer, or chosen pairs one by one; the same arithmetic for both."""

from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from services.matching.engine.columns import NeedColumns, OfferColumns

__all__ = ["Pairs", "all_pairs"]

Rows = NDArray[np.int64]
Value = TypeVar("Value", bound=np.generic)


@dataclass(frozen=True, slots=True)
class Pairs:
    """Pairs of lines of one branch; what is measured of them has the shape that both rows have together.

    Attributes:
        needs: lines of a branch.
        offers: lines of the same branch.
        need_at: rows of the needs.
        offer_at: rows of the offers, of a shape that goes with the other's.
    """

    needs: NeedColumns
    offers: OfferColumns
    need_at: Rows
    offer_at: Rows

    @property
    def shape(self) -> tuple[int, ...]:
        """How many pairs, in which shape."""
        return np.broadcast_shapes(self.need_at.shape, self.offer_at.shape)

    def need(self, column: NDArray[Value]) -> NDArray[Value]:
        """Return a column of the needs as it stands beside the offers."""
        return column[self.need_at]

    def offer(self, column: NDArray[Value]) -> NDArray[Value]:
        """Return a column of the offers as it stands beside the needs."""
        return column[self.offer_at]

    def only(self, which: NDArray[Any]) -> "Pairs":
        """Return some of chosen pairs: flags, or their places."""
        return Pairs(self.needs, self.offers, self.need_at[which], self.offer_at[which])


def all_pairs(needs: NeedColumns, offers: OfferColumns) -> Pairs:
    """Return every need with every offer: needs from above, offers from left to right."""
    return Pairs(needs, offers, np.arange(len(needs.branch))[:, None], np.arange(len(offers.branch))[None, :])
