"""What meaning tells: vectors of an encoder against the categories' words, or a ridge regression on labelled texts.

Loaded only where an encoder is live: see `shared.encoders`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shared.encoders import Encoder
from shared.encoders.halves import from_bytes, stacked, to_bytes

__all__ = ["Semantic", "fit_ridge", "from_bytes", "from_words", "stacked", "to_bytes"]

# Found on half of the evaluation set, see tests/intake/routing_eval; flat between 0.03 and 0.3.
_RIDGE: Final = 0.1

Matrix = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Semantic:
    """A linear score for each category: `vector @ weights + bias`, with the categories in the order of `codes`."""

    codes: tuple[str, ...]
    weights: Matrix
    bias: Matrix

    def scores(self, vector: Matrix) -> dict[str, float]:
        """Return each category's score of a text's vector; above 0 speaks for it."""
        return dict(zip(self.codes, (vector @ self.weights + self.bias).tolist(), strict=True))

    def dumped(self) -> dict[str, Any]:
        """Return what JSON can hold; half precision is plenty."""
        return {
            "codes": list(self.codes),
            "weights": to_bytes(self.weights).hex(),
            "bias": [float(value) for value in self.bias],
        }

    @classmethod
    def loaded(cls, kept: Mapping[str, Any]) -> "Semantic":
        """Read what `dumped` returned."""
        codes = tuple(kept["codes"])
        weights = from_bytes(bytes.fromhex(kept["weights"])).reshape(-1, len(codes))
        return cls(codes, weights, np.asarray(kept["bias"], np.float32))


def from_words(encoder: Encoder, words: Mapping[str, Sequence[str]]) -> Semantic:
    """Score by the mean likeness to a category's own words, above the mean over all categories: needs no label."""
    codes = tuple(words)
    flat = list(dict.fromkeys(word for code in codes for word in words[code]))
    rows = dict(zip(flat, encoder.embed(flat), strict=True))
    means = np.stack([np.mean([rows[word] for word in words[code]], axis=0) for code in codes])
    # Every text is a little like everything: only what a category has beyond the others counts.
    centred = means - means.mean(axis=0, keepdims=True)
    return Semantic(codes, centred.T.astype(np.float32), np.zeros(len(codes), np.float32))


def fit_ridge(rows: Matrix, labels: Sequence[str], codes: Sequence[str]) -> Semantic:
    """Fit one-against-all ridge regression; categories without a label get no score.

    Args:
        rows: one vector for each labelled text.
        labels: the code of each.
        codes: all categories.
    """
    place = {code: n for n, code in enumerate(codes)}
    wanted = np.zeros((len(labels), len(codes)))
    wanted[np.arange(len(labels)), [place[code] for code in labels]] = 1
    mean, share = rows.mean(axis=0), wanted.mean(axis=0)
    centred = (rows - mean).astype(np.float64)
    gram = centred.T @ centred + _RIDGE * np.eye(rows.shape[1])
    weights = np.linalg.solve(gram, centred.T @ (wanted - share))
    bias = share - mean @ weights
    return Semantic(tuple(codes), weights.astype(np.float32), bias.astype(np.float32))
