"""What words alone tell: characters and pairs of characters, weighted by BM25. Exact, without a dictionary.

A gram is a number of twenty bits: the hash of one or two neighbouring letters. Of each text only the weightiest grams
are kept, which are the rare ones; what every tenth text says tells nothing. Likeness is what two texts share of their
weights, from 0 to 1: the cosine of the roots of the weights.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["Grams", "Likeness", "frequencies", "read_grams", "shared_grams", "weigh"]

_BUCKETS: Final = 1 << 20
_LETTERS_MAX: Final = 60
_KEPT: Final = 40
_COMMON: Final = 0.1
_COMMON_FROM: Final = 20
_K1: Final = 1.2
_B: Final = 0.75
_PRIME: Final = 1_000_003
_LETTERS: Final = re.compile(r"[^\W_]+")
_SHOWN: Final = 12

Ints = NDArray[np.int32]
Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Grams:
    """The weightiest grams of each text: `terms` and `weights` have one row a text; -1 where there are fewer."""

    terms: Ints
    weights: Floats

    def __len__(self) -> int:
        return len(self.terms)

    def take(self, rows: NDArray[np.int64] | slice) -> "Grams":
        """Return some of the texts."""
        return Grams(self.terms[rows], self.weights[rows])


def read_grams(texts: Sequence[str]) -> Ints:
    """Return the grams of each text, one row a text, -1 where there are fewer."""
    found = np.full((len(texts), 2 * _LETTERS_MAX), -1, np.int32)
    if not texts:
        return found
    plain = ["|".join(_LETTERS.findall(unicodedata.normalize("NFKC", text).lower()))[:_LETTERS_MAX] for text in texts]
    letters = np.zeros((len(texts), _LETTERS_MAX), np.int64)
    codes = np.frombuffer("".join(plain).encode("utf-32-le"), np.uint32).astype(np.int64)
    lengths = np.fromiter((len(text) for text in plain), np.int64, len(plain))
    places = np.arange(_LETTERS_MAX)[None, :] < lengths[:, None]
    letters[places] = codes
    letters[letters == ord("|")] = 0
    is_letter = letters > 0
    found[:, :_LETTERS_MAX] = np.where(is_letter, letters * _PRIME % _BUCKETS, -1)
    pairs = (letters[:, :-1] * 31 + letters[:, 1:] * 65_599 + 7) * _PRIME % _BUCKETS
    found[:, _LETTERS_MAX:-1] = np.where(is_letter[:, :-1] & is_letter[:, 1:], pairs, -1)
    # The same gram twice in a text counts once: these texts are a line or two.
    found.sort(axis=1)
    found[:, 1:][found[:, 1:] == found[:, :-1]] = -1
    return found


def weigh(grams: Ints, frequency: NDArray[np.int64], texts: int) -> Grams:
    """Weigh grams by how rare they are and keep the weightiest.

    Args:
        grams: of each text, as `read_grams` returns them.
        frequency: in how many texts each gram stands.
        texts: how many texts there are.
    """
    is_there = grams >= 0
    lengths = is_there.sum(axis=1)
    frequent = frequency[np.where(is_there, grams, 0)].astype(np.float32)
    idf = np.log1p((texts - frequent + 0.5) / (frequent + 0.5)).astype(np.float32)
    is_common = (frequent > max(_COMMON * texts, 1)) & (texts >= _COMMON_FROM)
    mean = max(float(lengths.mean()), 1.0) if len(lengths) else 1.0
    damped = (_K1 + 1) / (1 + _K1 * (1 - _B + _B * lengths / mean))
    weights = np.sqrt(np.where(is_there & ~is_common, idf * damped[:, None], 0)).astype(np.float32)
    kept = min(_KEPT, grams.shape[1])
    # Equal weights are ordered by the gram, so that the same text keeps the same ones.
    order = np.argsort(-weights, axis=1, kind="stable")[:, :kept]
    terms = np.take_along_axis(grams, order, axis=1)
    chosen = np.take_along_axis(weights, order, axis=1)
    terms = np.where(chosen > 0, terms, -1).astype(np.int32)
    norms = np.maximum(np.linalg.norm(chosen, axis=1, keepdims=True), 1e-9)
    return Grams(terms, (chosen / norms).astype(np.float32))


def frequencies(*some: Ints) -> NDArray[np.int64]:
    """Count in how many texts each gram stands."""
    counted = np.zeros(_BUCKETS, np.int64)
    for grams in some:
        counted += np.bincount(grams[grams >= 0], minlength=_BUCKETS)
    return counted


class Likeness:
    """Computes cosines of blocks; it has a scratch pad of its own, so each thread needs another one."""

    def __init__(self) -> None:
        self._local = np.full(_BUCKETS, -1, np.int32)

    def __call__(self, needs: Grams, offers: Grams) -> Floats:
        """Return the cosine of every need with every offer."""
        terms = np.unique(needs.terms)
        terms = terms[terms >= 0]
        self._local[terms] = np.arange(len(terms), dtype=np.int32)
        found = _scattered(needs, self._local, len(terms)) @ _scattered(offers, self._local, len(terms)).T
        self._local[terms] = -1
        return found


def _scattered(grams: Grams, local: Ints, width: int) -> Floats:
    dense = np.zeros((len(grams.terms), width + 1), np.float32)
    places = np.where(grams.terms >= 0, local[grams.terms], -1)
    rows = np.broadcast_to(np.arange(len(places))[:, None], places.shape)
    # What is not in the block's vocabulary goes into the last column, which is cut off.
    dense[rows, places] = grams.weights
    return dense[:, :width]


def shared_grams(one: str, other: str) -> list[str]:
    """Return the pairs of letters that two texts share, joined where they overlap, in the order of the first."""
    runs = _LETTERS.findall(unicodedata.normalize("NFKC", one).lower())
    known = set()
    for run in _LETTERS.findall(unicodedata.normalize("NFKC", other).lower()):
        known.update(run[place : place + 2] for place in range(len(run) - 1))
    found: list[str] = []
    for run in runs:
        start = None
        for place in range(len(run)):
            is_shared = run[place : place + 2] in known and place + 2 <= len(run)
            if is_shared and start is None:
                start = place
            elif not is_shared and start is not None:
                found.append(run[start : place + 1])
                start = None
    return list(dict.fromkeys(found))[:_SHOWN]
