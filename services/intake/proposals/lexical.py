"""What words alone tell: character 1–3-grams, weighted by TF-IDF, against one centroid for each category.

Chinese has no spaces to cut at, and n-grams of characters need no dictionary. A category's own words (its names, its
parent's, its keywords) weigh as much as all its labelled texts together, so the same arithmetic works from the first
day, without a label, and gets better with each. It is plain Python: the vectors have some hundred entries, and the
service needs no numerical library for it.
"""

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

__all__ = ["GRAMS_PER_CATEGORY", "Lexical", "cosine", "fit", "grams", "normalised", "weighted"]

_LENGTHS: Final = (1, 2, 3)
# Letters only: figures are house numbers and telephone numbers, and say nothing of what a text is about.
_RUN: Final = re.compile(r"[^\W\d_]+")
_LETTERS_MAX: Final = 1_200
GRAMS_PER_CATEGORY: Final = 400
# Only what several texts have in common is shown to people: what one text alone says may be somebody's name.
_SHOWN_FROM: Final = 3

Vector = Mapping[str, float]


def grams(text: str, lengths: Sequence[int] = _LENGTHS) -> Counter[str]:
    """Count the n-grams of a text's first letters; full-width, upper-case and compatibility forms become one."""
    plain = unicodedata.normalize("NFKC", text[:_LETTERS_MAX]).lower()
    counted: Counter[str] = Counter()
    for run in _RUN.findall(plain):
        for length in lengths:
            counted.update(run[place : place + length] for place in range(len(run) - length + 1))
    return counted


def weighted(counted: Mapping[str, int], idf: Vector) -> dict[str, float]:
    """Return a text's vector of length 1: damped counts times how rare each n-gram is; unknown ones are left out."""
    return normalised({gram: (1 + math.log(n)) * idf[gram] for gram, n in counted.items() if gram in idf})


def normalised(vector: Vector) -> dict[str, float]:
    """Return the vector with length 1; an empty one stays empty."""
    length = math.sqrt(sum(value * value for value in vector.values()))
    return {gram: value / length for gram, value in vector.items()} if length else {}


def cosine(one: Vector, other: Vector) -> float:
    """Return how alike two vectors of length 1 are, from 0 to 1."""
    small, large = (one, other) if len(one) < len(other) else (other, one)
    return sum(value * large[gram] for gram, value in small.items() if gram in large)


@dataclass(frozen=True, slots=True)
class Lexical:
    """One centroid of length 1 for each category.

    Attributes:
        idf: how rare each n-gram is.
        centroids: by category code.
        shown: the n-grams that may be told as reasons.
    """

    idf: dict[str, float]
    centroids: dict[str, dict[str, float]]
    shown: frozenset[str]

    def scores(self, text: str) -> dict[str, float]:
        """Return of each category how alike it is to a text, from 0 to 1."""
        vector = weighted(grams(text), self.idf)
        return {code: cosine(vector, centroid) for code, centroid in self.centroids.items()}

    def shared(self, text: str, code: str, at_most: int) -> list[tuple[str, float]]:
        """Return the n-grams that a text and a category share, with their part in the score, the weightiest first.

        One that lies inside a weightier one is left out.
        """
        vector, centroid = weighted(grams(text), self.idf), self.centroids.get(code, {})
        parts = {gram: value * centroid[gram] for gram, value in vector.items() if gram in centroid}
        told: list[tuple[str, float]] = []
        for gram, part in sorted(parts.items(), key=lambda item: (-item[1], -len(item[0]), item[0])):
            if gram in self.shown and not any(gram in other for other, _ in told):
                told.append((gram, part))
            if len(told) == at_most:
                break
        return told

    def dumped(self) -> dict[str, Any]:
        """Return what JSON can hold."""
        centroids = {code: _rounded(centroid) for code, centroid in self.centroids.items()}
        return {"idf": _rounded(self.idf), "centroids": centroids, "shown": sorted(self.shown)}

    @classmethod
    def loaded(cls, kept: Mapping[str, Any]) -> "Lexical":
        """Read what `dumped` returned."""
        return cls(kept["idf"], kept["centroids"], frozenset(kept["shown"]))


def _rounded(vector: Vector) -> dict[str, float]:
    return {gram: round(value, 5) for gram, value in vector.items()}


def fit(labels: Sequence[tuple[str, str]], words: Mapping[str, Iterable[str]]) -> Lexical:
    """Make the model from labelled texts and the categories' own words; either may be empty.

    Args:
        labels: texts with the code of their category; codes that have no words are left out.
        words: of each category its names and keywords.
    """
    own = [(grams(word), code) for code, some in words.items() for word in some]
    told = [(grams(text), code) for text, code in labels if code in words]
    texts: Counter[str] = Counter(gram for counted, _ in told for gram in counted)
    everywhere = texts + Counter(gram for counted, _ in own for gram in counted)
    total = len(own) + len(told)
    idf = {gram: math.log((1 + total) / (1 + n)) + 1 for gram, n in everywhere.items()}
    sums: dict[str, Counter[str]] = {code: Counter() for code in words}
    for some in (own, told):
        sizes = Counter(code for _, code in some)
        for counted, code in some:
            for gram, value in weighted(counted, idf).items():
                sums[code][gram] += value / sizes[code]  # type: ignore[assignment]  # a Counter adds floats as well
    centroids = {code: normalised(dict(vector.most_common(GRAMS_PER_CATEGORY))) for code, vector in sums.items()}
    used = {gram for centroid in centroids.values() for gram in centroid}
    own_grams = {gram for counted, _ in own for gram in counted}
    shown = frozenset(gram for gram in used if gram in own_grams or texts[gram] >= _SHOWN_FROM)
    return Lexical({gram: idf[gram] for gram in sorted(used)}, centroids, shown)
