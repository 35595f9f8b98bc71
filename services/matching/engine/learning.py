"""Weights learned from what people accepted and refused, starting from the stated ones. Pure and deterministic.

A logistic regression on the shares of the terms, drawn towards the stated weights as if they had been learned from
some decisions already: a few refusals move them a little, hundreds move them where they want. No weight falls below
zero, so no term ever speaks against what it stands for. The threshold is where accepting becomes as likely as the
stated threshold made it, then moved to where the decisions are told apart best.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import NDArray

from services.matching.engine.scoring import TERMS, Weights

__all__ = ["LEARNS_FROM", "Lesson", "learn"]

LEARNS_FROM: Final = 60
_LEAST_OF_EACH: Final = 15
_POINTS: Final = 1_000
# How steeply a point above the threshold makes accepting likelier, at the stated weights: 1000 points are 20 logits.
_STEEP: Final = 20.0
_PULL: Final = 0.5
_STEPS: Final = 400
_FOLDS: Final = 5
_RATE: Final = 0.5

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Lesson:
    """What was learned, and what it was worth on decisions that it had not seen.

    Attributes:
        accuracy: the share of unseen decisions that the learned weights would have foretold.
        stated_accuracy: the same for the weights that it started from.
    """

    weights: Weights
    decisions: int
    accuracy: float
    stated_accuracy: float


def _fit(shares: Floats, accepted: Floats, start: Floats, bias: float) -> tuple[Floats, float]:
    """Return weights and bias by projected gradient descent from the start; the same input gives the same numbers."""
    weights, offset = start.copy(), bias
    counts = np.where(accepted > 0, 0.5 / max(accepted.sum(), 1), 0.5 / max((1 - accepted).sum(), 1)) * len(accepted)
    # The shares lie between 0 and 1, so this bounds the curvature, and no step overshoots.
    rate = _RATE * 4 / (counts.sum() * (shares.shape[1] + 1) / 4 + _PULL)
    for _ in range(_STEPS):
        told = 1 / (1 + np.exp(-np.clip(shares @ weights + offset, -30, 30)))
        error = counts * (told - accepted)
        weights = np.maximum(weights - rate * (shares.T @ error + _PULL * (weights - start)), 0)
        offset -= rate * float(error.sum())
    return weights, offset


def _as_points(weights: Floats, name: str) -> Weights:
    """Scale weights to a thousand points; the rounding goes to the largest."""
    scaled = weights / max(weights.sum(), 1e-9) * _POINTS
    whole = np.floor(scaled).astype(int)
    whole[int(scaled.argmax())] += _POINTS - int(whole.sum())
    return Weights(name, MappingProxyType(dict(zip(TERMS, whole.tolist(), strict=True))), 0)


def _threshold(score: Floats, accepted: Floats) -> int:
    """Return the score that tells both kinds of decisions apart best; the middle of the best range."""
    candidates = np.arange(0, _POINTS + 1, 5)
    good = score[accepted > 0][None, :] >= candidates[:, None]
    bad = score[accepted == 0][None, :] < candidates[:, None]
    balance = good.mean(axis=1) + bad.mean(axis=1)
    best = np.flatnonzero(balance >= balance.max() - 1e-9)
    return int(candidates[best[len(best) // 2]])


def _learned(shares: Floats, accepted: Floats, stated: Weights) -> Weights:
    start = stated.vector().astype(np.float64) / _POINTS * _STEEP
    bias = -stated.threshold / _POINTS * _STEEP
    weights, _ = _fit(shares, accepted, start, bias)
    found = _as_points(weights, stated.name)
    return Weights(found.name, found.of, _threshold(_score(shares, found), accepted))


def _score(shares: Floats, weights: Weights) -> Floats:
    return np.asarray(np.rint(shares * weights.vector()).sum(axis=1), np.float64)


def _accuracy(shares: Floats, accepted: Floats, weights: Weights) -> float:
    told = _score(shares, weights) >= weights.threshold
    both = (told[accepted > 0].mean(), (~told[accepted == 0]).mean())
    return float(np.mean(both))


def learn(shares: Sequence[Sequence[float]], accepted: Sequence[bool], stated: Weights, name: str) -> Lesson | None:
    """Learn weights from decisions; None when there are too few of either kind.

    Args:
        shares: of each decided proposal the share of each term, in the order of `TERMS`.
        accepted: whether it was accepted; what was refused was not.
        stated: what to start from.
        name: what to call the new weights.
    """
    rows, kinds = np.array(shares, np.float64).reshape(-1, len(TERMS)), np.array(accepted, np.float64)
    if len(kinds) < LEARNS_FROM or min(kinds.sum(), (1 - kinds).sum()) < _LEAST_OF_EACH:
        return None
    fold = np.arange(len(kinds)) % _FOLDS
    unseen = [(_learned(rows[fold != part], kinds[fold != part], stated), fold == part) for part in range(_FOLDS)]
    accuracy = float(
        np.mean([_accuracy(rows[held], kinds[held], weights) for weights, held in unseen if _both(kinds[held])])
    )
    found = _learned(rows, kinds, stated)
    return Lesson(Weights(name, found.of, found.threshold), len(kinds), accuracy, _accuracy(rows, kinds, stated))


def _both(kinds: Floats) -> bool:
    return bool(0 < kinds.sum() < len(kinds))
