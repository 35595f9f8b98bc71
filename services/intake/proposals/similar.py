"""Past cases that were said alike, pure: what they were about, and who resolved them."""

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from services.intake.proposals.lexical import cosine, grams, weighted

__all__ = ["CASES_LOOKED_AT", "Group", "Similar", "find_similar", "group", "marks"]

CASES_LOOKED_AT: Final = 60
_MARKS: Final = 12
_PAIRS: Final = (2,)
_ALIKE_FROM: Final = 0.08
_KEPT: Final = 20
_SHOWN: Final = 4
# What fewer cases than this have in common is not told: it may be somebody's name.
_SHOWN_FROM: Final = 3


@dataclass(frozen=True, slots=True)
class Similar:
    """A past case and how alike it is, from 0 to 1."""

    case: Any
    likeness: float
    shared: Mapping[str, float]


@dataclass(slots=True)
class Group:
    """Similar cases with one category, or one unit."""

    likeness: float = 0.0
    case_ids: list[UUID] = field(default_factory=list)
    shared: Counter[str] = field(default_factory=Counter)

    def told(self) -> list[str]:
        """Return the weightiest n-grams in common."""
        return [gram for gram, _ in self.shared.most_common(_SHOWN)]


def marks(text: str, idf: Mapping[str, float]) -> list[str]:
    """Return the pairs of characters to look for: those that categories are known by, the rarest first, then others."""
    pairs = grams(text, _PAIRS)
    return sorted(pairs, key=lambda pair: (pair not in idf, -idf.get(pair, 0.0), pair))[:_MARKS]


def find_similar(text: str, cases: Sequence[Any], path: str | None) -> list[Similar]:
    """Return the cases that are alike by their pairs of characters, the likest first; near ones count for more.

    Args:
        text: what is to be filed.
        cases: rows with `text` and `area_path`.
        path: where, if that is known.
    """
    counted = [grams(case.text, _PAIRS) for case in cases]
    frequency: Counter[str] = Counter(pair for some in counted for pair in some)
    idf = {pair: math.log((1 + len(cases)) / (1 + n)) + 1 for pair, n in frequency.items()}
    wanted = weighted(grams(text, _PAIRS), idf)
    found = []
    for case, some in zip(cases, counted, strict=True):
        vector = weighted(some, idf)
        likeness = cosine(wanted, vector)
        if likeness < _ALIKE_FROM:
            continue
        shared = {
            pair: value * vector[pair]
            for pair, value in wanted.items()
            if pair in vector and frequency[pair] >= _SHOWN_FROM
        }
        found.append(Similar(case, likeness * _nearness(path, case.area_path), shared))
    return sorted(found, key=lambda item: -item.likeness)[:_KEPT]


def _nearness(path: str | None, other: str) -> float:
    """Return 1 for the same place, down to a half for one that shares nothing but the tenant."""
    if path is None:
        return 1.0
    one, two = path.split("."), other.split(".")
    same = 0
    while same < min(len(one), len(two)) and one[same] == two[same]:
        same += 1
    return 0.5 + 0.5 * same / max(len(one), len(two))


def group(found: Sequence[Similar], by: str) -> dict[Any, Group]:
    """Gather similar cases by a column of theirs; those without a value are left out."""
    groups: dict[Any, Group] = defaultdict(Group)
    for item in found:
        value = getattr(item.case, by)
        if value is None:
            continue
        one = groups[value]
        one.likeness += item.likeness
        one.case_ids.append(item.case.id)
        for pair, part in item.shared.items():
            one.shared[pair] += part  # type: ignore[assignment]  # a Counter adds floats as well
    return dict(groups)
