"""The lines that were looked at last: whoever opens a need reads its candidates next, beside the same needs."""

from collections.abc import Sequence
from datetime import datetime

from services.matching.engine.facts import NeedFacts, Vectors
from services.matching.engine.lines import Lines, OfferLines, columns_of, renewed

__all__ = ["Recent"]


class Recent:
    """Makes lines of needs beside offers that stay as they are, and keeps the last ones.

    Args:
        offers: as they were read.
    """

    def __init__(self, offers: OfferLines) -> None:
        self._offers = offers
        self._last: tuple[Sequence[NeedFacts], Lines] | None = None

    def lines(self, needs: Sequence[NeedFacts], need_vectors: Vectors, now: datetime) -> Lines:
        """Return what `columns_of` would; for the same needs as the last time only what the moment changes is made."""
        last = self._last
        if last is not None and last[0] == needs:
            return renewed(last[1], needs, self._offers, need_vectors, now)
        lines = columns_of(needs, self._offers, need_vectors, now)
        self._last = needs, lines
        return lines
