"""Cutting a branch into blocks that together hold every pair that may pass the filters of place, and few others.

Local offers lie within fifteen minutes on foot, so needs are gone through cell by cell, each with the offers of the
cells around it; all other offers are gone through by the area that they cover.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from services.matching.engine.branches import Branch, cells_of

__all__ = ["Cut", "cut"]

_NEEDS_AT_ONCE: Final = 96
_CELLS_MAX: Final = 2

Rows = NDArray[np.int64]
Floats = NDArray[np.float32]


class Cut(NamedTuple):
    """Some needs of a branch with some of its offers, by their rows in it.

    Attributes:
        is_near: whether the offers have to be reached on foot, from where the needs are.
    """

    needs: Rows
    offers: Rows
    is_near: bool


def cut(branch: Branch) -> Iterator[Cut]:
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
            yield Cut(some, bound, is_near=False)


def _some(rows: Rows, at_once: int = _NEEDS_AT_ONCE) -> Iterator[Rows]:
    for start in range(0, len(rows), at_once):
        yield rows[start : start + at_once]


def _near(branch: Branch, needs: Rows, offers: Rows) -> Iterator[Cut]:
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
                yield Cut(some, around, is_near=True)


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


def _wide(branch: Branch, offers: Rows) -> Iterator[Cut]:
    """Go through the offers that no foot has to reach, by the area that they cover."""
    order = np.argsort(branch.needs.place, kind="stable")
    places = branch.needs.place[order]
    covered = np.stack([branch.offers.low[offers], branch.offers.high[offers]], axis=1)
    ranges, which = np.unique(covered, axis=0, return_inverse=True)
    for number, (low, high) in enumerate(ranges.tolist()):
        rows = order[np.searchsorted(places, low) : np.searchsorted(places, high)]
        of_range = offers[which.reshape(-1) == number]
        # In the order of the branch, in which they lie in memory.
        for some in _some(np.sort(rows), 4 * _NEEDS_AT_ONCE):
            yield Cut(some, of_range, is_near=False)
