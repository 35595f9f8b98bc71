"""From scores to a proposal, pure: shares, how clear the first place is, and when to abstain.

Scores of different kinds are not alike in size, so each becomes shares of one before they are mixed. How clear a
proposal is, is the lead of the first over the second, relative to the first: 0 is a tie, 1 is no other candidate.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from services.intake.proposals import lexical
from services.intake.proposals.lexical import Lexical
from shared.problems import Conflict
from shared.texts import Text

__all__ = [
    "CANDIDATES",
    "LABELS_MAX",
    "LEARNS_FROM",
    "UNLEARNED",
    "UNLEARNED_WEIGHT",
    "Cut",
    "Learned",
    "NoCategories",
    "Scorer",
    "Why",
    "blend",
    "choose_cut",
    "is_worth_learning",
    "lead",
    "learn",
    "ranked",
    "shares",
    "why_abstain",
]

CANDIDATES: Final = 3
# Labels that a learned model needs.
LEARNS_FROM: Final = 50
LABELS_MAX: Final = 4_000
_FOLDS: Final = 5
# How often proposals must be right, on labels that the model has not seen, to be made at all. What counts is the lower
# bound of Wilson's interval (80 %, two-sided): fifty labels say less than five thousand.
_WANTED: Final = 0.85
_QUANTILE: Final = 1.2816
_KEPT_AT_LEAST: Final = 0.2
# Without labels there is nothing to choose by: these were chosen on half A of tests/intake/routing_eval.
UNLEARNED: Final[Mapping[bool, float]] = {False: 0.4, True: 0.4}
UNLEARNED_WEIGHT: Final = 0.7
_WEIGHTS: Final = (1.0, 0.8, 0.6)
_DAY_S: Final = 86_400
_FEW_LABELS: Final = 10

Shares = dict[str, float]


class NoCategories(Conflict):
    """The tenant has no active category to propose."""

    code = "no_categories"
    title = Text(zh="尚未设置分类", en="There are no categories yet")


class Scorer(Protocol):
    """Something that scores categories by a text's vector."""

    def scores(self, vector: Any) -> dict[str, float]:  # noqa: ANN401 - a numpy row, where there is numpy
        """Return each category's score."""


def shares(scores: Mapping[str, float]) -> Shares:
    """Return scores as shares of one; all 0 when nothing speaks for anything."""
    positive = {code: max(0.0, value) for code, value in scores.items()}
    total = sum(positive.values())
    return {code: value / total for code, value in positive.items()} if total else positive


def blend(words: Mapping[str, float], meaning: Mapping[str, float] | None, weight: float) -> Shares:
    """Mix what words and what meaning say; `weight` is the part of meaning, from 0 to 1."""
    of_words = shares(words)
    if meaning is None:
        return of_words
    of_meaning = shares(meaning)
    return {code: (1 - weight) * value + weight * of_meaning.get(code, 0.0) for code, value in of_words.items()}


def ranked(found: Mapping[str, float]) -> list[tuple[str, float]]:
    """Return the candidates, the likeliest first; ties by code."""
    return sorted(found.items(), key=lambda item: (-item[1], item[0]))


def lead(found: Mapping[str, float]) -> float:
    """Return how clear the first place is, from 0 to 1."""
    order = ranked(found)
    if not order or order[0][1] <= 0:
        return 0.0
    second = order[1][1] if len(order) > 1 else 0.0
    return (order[0][1] - second) / order[0][1]


@dataclass(frozen=True, slots=True)
class Why:
    """Why nothing is proposed as the one."""

    code: str
    detail: Text


_NOTHING: Final = Why(
    "nothing_in_common", Text(zh="与任何候选都没有共同之处", en="It has nothing in common with any candidate")
)
_CLOSE: Final = Why(
    "close_call", Text(zh="前两个候选相差不大，请人工判断", en="The first two are too close: a person should choose")
)


def why_abstain(found: Mapping[str, float], threshold: float) -> Why | None:
    """Return why not to propose the first; None when it is clear enough."""
    if not any(value > 0 for value in found.values()):
        return _NOTHING
    return _CLOSE if lead(found) < threshold else None


@dataclass(frozen=True, slots=True)
class Cut:
    """Below which lead to abstain, as measured on labels that the model had not seen.

    Attributes:
        threshold: the least lead.
        held_out: how many labels it was measured on.
        accuracy: right at the first place, among those not abstained from.
        abstained: the part of those abstained from.
    """

    threshold: float
    held_out: int
    accuracy: float
    abstained: float


def _at_least(right: int, n: int) -> float:
    """Return the part that is right at the least, as far as so many tell (Wilson 1927)."""
    part, spread = right / n, _QUANTILE**2 / n
    return (part + spread / 2 - math.sqrt(spread * (part * (1 - part) + spread / 4))) / (1 + spread)


def choose_cut(results: Iterable[tuple[float, bool]]) -> Cut:
    """Choose the least lead with which proposals are right often enough; at least a fifth is always proposed.

    Args:
        results: the lead of each proposal and whether it was right.
    """
    order = sorted(results, key=lambda item: -item[0])
    least = max(1, round(len(order) * _KEPT_AT_LEAST))
    kept, right = least, 0
    for n, (_, is_right) in enumerate(order, start=1):
        right += is_right
        if n >= least and _at_least(right, n) >= _WANTED:
            kept = n
    accuracy = sum(is_right for _, is_right in order[:kept]) / kept
    threshold = 0.0 if kept == len(order) else order[kept - 1][0]
    return Cut(threshold, len(order), accuracy, 1 - kept / len(order))


@dataclass(frozen=True, slots=True)
class Learned:
    """What labels have taught. `meaning` is there when an encoder was live where it was learned."""

    words: Lexical
    words_cut: Cut
    meaning: Any
    weight: float
    cut: Cut


def learn(
    labels: Sequence[tuple[str, str]],
    own: Mapping[str, Sequence[str]],
    *,
    vectors: Any = None,  # noqa: ANN401 - a numpy matrix, where there is numpy
    regress: Callable[[Any, Sequence[str], Sequence[str]], Any] | None = None,
) -> Learned:
    """Learn from labels; thresholds and the weight of meaning are chosen by cross-validation in five parts.

    Args:
        labels: texts with the code of their category, in an order that says nothing.
        own: of each category its names and keywords.
        vectors: one row for each label, when an encoder is live.
        regress: fits a scorer on rows, their labels and all codes.
    """
    codes = list(own)
    unseen: list[tuple[str, dict[str, float], dict[str, float] | None]] = []
    for fold in range(_FOLDS):
        seen = [n for n in range(len(labels)) if n % _FOLDS != fold]
        words = lexical.fit([labels[n] for n in seen], own)
        meaning = regress(vectors[seen], [labels[n][1] for n in seen], codes) if regress else None
        for n in range(fold, len(labels), _FOLDS):
            scored = meaning.scores(vectors[n]) if meaning else None
            unseen.append((labels[n][1], words.scores(labels[n][0]), scored))
    words_cut = choose_cut(_results(unseen, 0.0))
    # The first of equals: the more meaning, the better it stands new words.
    weight = max(_WEIGHTS, key=lambda part: sum(ok for _, ok in _results(unseen, part))) if regress else 0.0
    return Learned(
        words=lexical.fit(labels, own),
        words_cut=words_cut,
        meaning=regress(vectors, [code for _, code in labels], codes) if regress else None,
        weight=weight,
        cut=choose_cut(_results(unseen, weight)) if regress else words_cut,
    )


def _results(
    unseen: Sequence[tuple[str, dict[str, float], dict[str, float] | None]], weight: float
) -> list[tuple[float, bool]]:
    results = []
    for code, words, meaning in unseen:
        found = blend(words, meaning, weight)
        results.append((lead(found), ranked(found)[0][0] == code))
    return results


def is_worth_learning(labels: int, before: int, *, age_s: float, words_changed: bool) -> bool:
    """Tell whether to learn again: other words, a twentieth more labels (ten at least), or a day and any new one."""
    if words_changed:
        return True
    more = abs(labels - before)
    return more >= max(_FEW_LABELS, before // 20) or age_s >= _DAY_S
