"""How a likeness stands among others: the normalisation on both sides that makes "no suitable resource" possible.

An encoder says of any two texts of a neighbourhood that they are rather alike. What tells is how an offer stands among
all offers for this need, and how the need stands among all needs for this offer. So a likeness is measured in standard
deviations above the mean of both sides; and beside it stands how far it lies below the best that this need, and this
offer, could have had, whether or not a filter allows it: a need whose true match is too far away is not to be
comforted with the next best.

Both are taken over a sample of the branch, spread evenly over the ids, so that a need that has just arrived and a plan
for the whole district measure alike. A branch with few lines is filled up with the words of the tree.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from services.matching.engine.singles import Kept
from services.matching.engine.words import Grams, likeness
from services.matching.slots.tree import BRANCHES, LEAVES, leaves_of

__all__ = [
    "SAMPLE",
    "Background",
    "Channel",
    "Sides",
    "compare",
    "fills",
    "joint",
    "rows_of",
    "sample",
    "sides_known",
    "sides_of",
]

SAMPLE: Final = 128
_FILLED_TO: Final = 16
_LEAST: Final = 1e-4

Floats = NDArray[np.float32]
Rows = NDArray[np.int64]


# A way to compare texts: unit rows of an encoder, or weighed grams where no encoder is live.
Channel = NDArray[np.float32] | Kept | Grams
Channels = tuple[Channel, ...]


def rows_of(channel: Channel, rows: NDArray[np.int64]) -> Channel:
    """Return some lines of a channel."""
    return channel.take(rows) if isinstance(channel, Grams | Kept) else channel[rows]


def compare(one: Channel, other: Channel) -> Floats:
    """Return the likeness of every line of one with every line of the other."""
    if isinstance(one, Grams):
        if not isinstance(other, Grams):
            message = "grams can be compared with grams only"
            raise TypeError(message)
        return likeness(one, other)
    if isinstance(one, Kept):
        return one.against(other)  # type: ignore[arg-type]  # some rows of a channel are no longer kept
    return np.asarray(one @ other.T, np.float32)  # type: ignore[union-attr]  # neither are grams


def _stacked(one: Channel, other: Channel) -> Channel:
    if isinstance(one, Grams) and isinstance(other, Grams):
        return Grams(np.vstack([one.terms, other.terms]), np.vstack([one.weights, other.weights]))
    return np.vstack([one, other])  # type: ignore[list-item]  # neither are grams


@dataclass(frozen=True, slots=True)
class Background:
    """What a small branch is filled up with: `LEAF_TEXTS` as needs and as offers, for each channel."""

    needs: Channels
    offers: Channels

    def of(self, branch: int) -> "Background":
        """Return it with a branch's own leaves first, as far as it has to fill."""
        own = set(leaves_of(BRANCHES[branch])) if branch < len(BRANCHES) else set()
        order = sorted(range(len(LEAVES)), key=lambda place: (LEAVES[place] not in own, place))[:_FILLED_TO]
        rows = np.array(order, np.int64)
        return Background(
            tuple(rows_of(item, rows) for item in self.needs), tuple(rows_of(item, rows) for item in self.offers)
        )


@dataclass(frozen=True, slots=True)
class Sides:
    """Mean and deviation of each line's likenesses, for each encoder, and the best joint standing it could have."""

    means: tuple[Floats, ...]
    deviations: tuple[Floats, ...]
    best: Floats

    def take(self, rows: NDArray[np.int64] | slice) -> "Sides":
        """Return some lines."""
        return Sides(
            tuple(item[rows] for item in self.means), tuple(item[rows] for item in self.deviations), self.best[rows]
        )


def sample(count: int) -> NDArray[np.int64]:
    """Return which of so many lines, ordered by id, stand for all."""
    return np.unique(np.linspace(0, count - 1, min(count, SAMPLE)).astype(np.int64)) if count else np.zeros(0, np.int64)


def joint(likenesses: Sequence[Floats], needs: Sides, offers: Sides) -> Floats:
    """Return the mean over encoders and sides of the likenesses in standard deviations."""
    each = np.float32(1 / (2 * len(likenesses)))
    of_need, of_offer = np.zeros(len(needs.best), np.float32), np.zeros(len(offers.best), np.float32)
    total = np.zeros((len(of_need), len(of_offer)), np.float32)
    for place, alike in enumerate(likenesses):
        by_need, by_offer = each / needs.deviations[place], each / offers.deviations[place]
        of_need += needs.means[place] * by_need
        of_offer += offers.means[place] * by_offer
        total += alike * (by_need[:, None] + by_offer[None, :])
    total -= of_need[:, None] + of_offer[None, :]
    return total


def _filled(some: Channels, background: Channels | None) -> Channels:
    missing = max(_FILLED_TO - len(some[0]), 0)
    if not missing or background is None:
        return some
    first = np.arange(missing)
    return tuple(_stacked(rows, rows_of(words, first)) for rows, words in zip(some, background, strict=True))


def sides_of(
    needs: Channels, offers: Channels, chosen: tuple[Rows, Rows], background: Background | None
) -> tuple[Sides, Sides]:
    """Return how the needs and the offers of a branch stand.

    Args:
        needs: for each channel one row a need.
        offers: for each channel one row an offer.
        chosen: which needs and which offers stand for all, see `sample`.
        background: what to fill up a small branch with.
    """
    some_needs, some_offers = chosen
    words = (background.needs, background.offers) if background else (None, None)
    asked = _against(needs, tuple(rows_of(item, some_offers) for item in offers), words[1])
    found = _against(offers, tuple(rows_of(item, some_needs) for item in needs), words[0])
    return _sides(asked, found, chosen)


def sides_known(alike: Sequence[Floats], chosen: tuple[Rows, Rows]) -> tuple[Sides, Sides]:
    """Return how needs and offers stand that fill a branch by themselves, and whose likenesses are all known.

    Args:
        alike: for each channel one row a need and one column an offer.
        chosen: which needs and which offers stand for all, see `sample`.
    """
    asked = [matrix[:, chosen[1]] for matrix in alike]
    found = [np.ascontiguousarray(matrix[chosen[0]].T) for matrix in alike]
    return _sides(asked, found, chosen)


def fills(lines: int) -> bool:
    """Tell whether so many lines are enough for one side of a branch, without the words of the tree."""
    return lines >= _FILLED_TO


def _sides(asked: Sequence[Floats], found: Sequence[Floats], chosen: tuple[Rows, Rows]) -> tuple[Sides, Sides]:
    """Return how needs stand by their likenesses to some offers, and offers by theirs to some needs."""
    some_needs, some_offers = chosen
    of_needs, of_offers = _moments(asked), _moments(found)
    real_offers, real_needs = len(some_offers), len(some_needs)
    return (
        replace(of_needs, best=_best(asked, real_offers, of_needs, of_offers.take(some_offers))),
        replace(of_offers, best=_best(found, real_needs, of_offers, of_needs.take(some_needs))),
    )


def _against(rows: Channels, others: Channels, background: Channels | None) -> list[Floats]:
    """Return the likenesses of all rows with a sample of the other side, filled up if it is small."""
    return [compare(item, some) for item, some in zip(rows, _filled(others, background), strict=True)]


def _moments(likenesses: Sequence[Floats]) -> Sides:
    """Return mean and deviation of each row; without anything on the other side, of nothing."""
    means, deviations = [], []
    for alike in likenesses:
        rows = alike if alike.shape[1] else np.zeros((len(alike), 1), np.float32)
        means.append(rows.mean(axis=1))
        deviations.append(np.maximum(rows.std(axis=1), _LEAST))
    return Sides(tuple(means), tuple(deviations), np.zeros(len(means[0]), np.float32))


def _best(likenesses: Sequence[Floats], real: int, sides: Sides, of_others: Sides) -> Floats:
    """Return the best joint standing of each row among the real lines of the other side, which come first."""
    if not real:
        return np.zeros(len(likenesses[0]), np.float32)
    return np.asarray(joint([alike[:, :real] for alike in likenesses], sides, of_others).max(axis=1), np.float32)
