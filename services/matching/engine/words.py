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

__all__ = ["Grams", "Sharing", "counted", "frequencies", "likeness", "read_grams", "shared_grams", "weigh"]

_GRAM_BITS: Final = 20
_BUCKETS: Final = 1 << _GRAM_BITS
_LETTERS_MAX: Final = 60
_KEPT: Final = 40
_COMMON: Final = 0.1
_COMMON_FROM: Final = 20
_K1: Final = 1.2
_B: Final = 0.75
_PRIME: Final = 1_000_003
_PLACE_BITS: Final = 40
_LETTERS: Final = re.compile(r"[^\W_]+")
_SHOWN: Final = 12
# So many texts are read and weighed at a time: what is in between is ten times what comes out.
_TEXTS_AT_ONCE: Final = 4_096
# So many numbers are laid out at a time: they stay near the processor.
_LAID_OUT: Final = 1 << 19

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
    for start in range(0, len(texts), _TEXTS_AT_ONCE):
        _read(texts[start : start + _TEXTS_AT_ONCE], found[start : start + _TEXTS_AT_ONCE])
    return found


def _read(texts: Sequence[str], found: Ints) -> None:
    """Write the grams of some texts."""
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


def counted(grams: Ints) -> tuple[Ints, NDArray[np.int64]]:
    """Return the different grams of some texts, and in how many each stands."""
    return np.unique(grams[grams >= 0], return_counts=True)


def frequencies(*some: tuple[Ints, NDArray[np.int64]]) -> Ints:
    """Return in how many texts each gram stands, of several lots that were counted."""
    total = np.zeros(_BUCKETS, np.int32)
    for grams, counts in some:
        total[grams] += counts.astype(np.int32)
    return total


def weigh(grams: Ints, frequency: Ints, texts: int) -> Grams:
    """Weigh grams by how rare they are and keep the weightiest.

    Args:
        grams: of each text, as `read_grams` returns them.
        frequency: in how many texts each gram stands.
        texts: how many texts there are.
    """
    lengths = (grams >= 0).sum(axis=1)
    mean = max(float(lengths.mean()), 1.0) if len(lengths) else 1.0
    damped = (_K1 + 1) / (1 + _K1 * (1 - _B + _B * lengths / mean))
    # By how many texts have a gram: from there on it tells nothing, and counts like none.
    common = int(max(_COMMON * texts, 1)) if texts >= _COMMON_FROM else texts
    seen = np.arange(common + 2, dtype=np.float32)
    idf = np.log1p((texts - seen + 0.5) / (seen + 0.5)).astype(np.float32)
    idf[-1] = 0
    found = Grams(np.full((len(grams), _KEPT), -1, np.int32), np.zeros((len(grams), _KEPT), np.float32))
    for start in range(0, len(grams), _TEXTS_AT_ONCE):
        some = slice(start, start + _TEXTS_AT_ONCE)
        _weigh(grams[some], damped[some], frequency, idf, found.take(some))
    return found


def _weigh(grams: Ints, damped: NDArray[np.float64], frequency: Ints, idf: Floats, found: Grams) -> None:
    """Write the weightiest grams of some texts; `idf` tells by how many texts have it what a gram weighs, at last 0."""
    # Short texts leave the first columns empty, in every row.
    grams = grams[:, int((grams >= 0).any(axis=0).argmax()) :]
    seen = np.where(grams >= 0, np.minimum(frequency.take(grams, mode="clip"), len(idf) - 1), len(idf) - 1)
    # The fewer texts have a gram, the more it weighs; equal ones are ordered by the gram, so that the same text keeps
    # the same ones. One number for both: plain numbers are sorted ten times faster than places by a key.
    keys = np.sort((seen.astype(np.int64) << _GRAM_BITS) | (grams & (_BUCKETS - 1)), axis=1)[:, :_KEPT]
    weights = np.sqrt(idf[keys >> _GRAM_BITS] * damped[:, None]).astype(np.float32)
    norms = np.maximum(np.linalg.norm(weights, axis=1, keepdims=True), 1e-9)
    width = keys.shape[1]
    found.terms[:, :width] = np.where(weights > 0, keys & (_BUCKETS - 1), -1)
    found.weights[:, :width] = weights / norms


def likeness(needs: Grams, offers: Grams) -> Floats:
    """Return the cosine of every need with every offer: a join over the grams that they share, which are few."""
    known = np.zeros(_BUCKETS + 1, np.bool_)
    known[needs.terms.reshape(-1)] = True
    # The last place is that of -1, where there is no gram.
    known[-1] = False
    need_terms, need_rows, need_weights = _postings(needs, known)
    offer_terms, offer_rows, offer_weights = _postings(offers, known)
    first = np.searchsorted(offer_terms, need_terms)
    counts = np.searchsorted(offer_terms, need_terms, side="right") - first
    total = int(counts.sum())
    shape = (len(needs), len(offers))
    if not total:
        return np.zeros(shape, np.float32)
    ends = np.cumsum(counts)
    at = np.arange(total) - np.repeat(ends - counts - first, counts)
    pairs = np.repeat(need_rows * shape[1], counts) + offer_rows[at]
    shared = np.repeat(need_weights, counts) * offer_weights[at]
    return np.bincount(pairs, shared, shape[0] * shape[1]).reshape(shape).astype(np.float32)


def _postings(grams: Grams, known: NDArray[np.bool_]) -> tuple[Ints, NDArray[np.int64], Floats]:
    """Return the grams that are known, with their texts and weights, ordered by gram."""
    terms = grams.terms.reshape(-1)
    places = np.flatnonzero(known.take(terms, mode="wrap"))
    # One number for a gram and its place: plain numbers are sorted ten times faster than places by a key.
    keys = np.sort((terms[places].astype(np.int64) << _PLACE_BITS) + places)
    order = keys & ((1 << _PLACE_BITS) - 1)
    return (keys >> _PLACE_BITS).astype(np.int32), order // grams.terms.shape[1], grams.weights.reshape(-1)[order]


class Sharing:
    """The likeness of chosen pairs: what `likeness` says of them, without looking at all others.

    The grams that both sides know become numbers, and some needs at a time are laid out over all of these, so that an
    offer looks up what it shares with them.
    """

    def __init__(self, needs: Grams, offers: Grams) -> None:
        known = np.zeros((2, _BUCKETS + 1), np.bool_)
        known[0, needs.terms.reshape(-1)] = known[1, offers.terms.reshape(-1)] = True
        # The last place is that of -1, where there is no gram.
        shared = np.flatnonzero(known[0, :_BUCKETS] & known[1, :_BUCKETS])
        numbers = np.zeros(_BUCKETS + 1, np.int32)
        # Whatever is not shared has the number 0, where nothing ever stands.
        numbers[shared] = np.arange(1, len(shared) + 1)
        self._needs, self._offers = (
            Grams(numbers[needs.terms], needs.weights),
            Grams(numbers[offers.terms], offers.weights),
        )
        self._width = len(shared) + 1
        self._at_once = max(_LAID_OUT // self._width, 1)
        self._laid_out = np.zeros((self._at_once, self._width), np.float32)

    def of(self, need_at: NDArray[np.int64], offer_at: NDArray[np.int64]) -> Floats:
        """Return the likeness of pairs, which are ordered by their needs."""
        found = np.zeros(len(need_at), np.float32)
        rows, first = np.unique(need_at, return_index=True)
        ends = np.append(first[1:], len(need_at))
        for start in range(0, len(rows), self._at_once):
            some = rows[start : start + self._at_once]
            span = slice(int(first[start]), int(ends[start + len(some) - 1]))
            places = np.repeat(np.arange(len(some)), (ends - first)[start : start + len(some)])
            found[span] = self._looked_up(some, places, offer_at[span])
        return found

    def _looked_up(self, rows: NDArray[np.int64], places: NDArray[np.int64], offer_at: NDArray[np.int64]) -> Floats:
        where = self._needs.terms[rows] + (np.arange(len(rows)) * self._width)[:, None]
        flat = self._laid_out.reshape(-1)
        flat[where] = self._needs.weights[rows]
        self._laid_out[:, 0] = 0
        shared = flat.take(self._offers.terms[offer_at] + (places * self._width)[:, None])
        flat[where] = 0
        return np.asarray(np.einsum("ij,ij->i", shared, self._offers.weights[offer_at]), np.float32)


def shared_grams(one: str, other: str) -> list[str]:
    """Return the pairs of letters that two texts share, joined where they overlap, in the order of the first."""
    runs = _LETTERS.findall(unicodedata.normalize("NFKC", one).lower())
    known: set[str] = set()
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
