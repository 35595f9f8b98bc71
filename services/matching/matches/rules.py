"""How well an offer suits a need, pure: hard filters first, then terms that add up to the score that is shown.

Points are integers in thousandths of the best possible score, so that the sum of the terms is the score, exactly. The
lexical term is the cosine of character bigram counts: short Chinese texts need no segmentation for it.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from typing import Final
from uuid import UUID

from services.matching.coverage import covers
from services.matching.needs.rules import staff_decide
from shared.auth import Principal
from shared.problems import Conflict
from shared.steps import Denial, Step
from shared.texts import Text

__all__ = [
    "STEPS",
    "THRESHOLD",
    "FilterResult",
    "MatchAction",
    "MatchFacts",
    "MatchState",
    "NeedFacts",
    "NeedNotOpen",
    "OfferFacts",
    "Term",
    "Verdict",
    "judge",
    "rank",
]

THRESHOLD: Final = 500
_CATEGORY_POINTS: Final = 250
_LEXICAL_POINTS: Final = 450
_AREA_POINTS: Final = 200
_FRESH_POINTS: Final = 100
_FRESH_FOR: Final = timedelta(days=180)
_TOP: Final = 20


class MatchState(StrEnum):
    """What became of a proposal."""

    PROPOSED = "proposed"
    ACCEPTED = "accepted"
    REFUSED = "refused"


class MatchAction(StrEnum):
    """What can be done with a proposal."""

    ACCEPT = "accept"
    REFUSE = "refuse"


class NeedNotOpen(Conflict):
    """The need has found something else."""

    code = "need_not_open"
    title = Text(zh="该需求已不在待对接状态", en="The need is not open any more")


@dataclass(frozen=True, slots=True)
class MatchFacts:
    """What the rules know of a proposal."""

    state: MatchState
    area_path: str


def _officer_here(match: MatchFacts, caller: Principal) -> Denial | None:
    return staff_decide(match.area_path, caller)


_PROPOSED: Final = frozenset({MatchState.PROPOSED})
STEPS: Final[dict[MatchAction, Step[MatchFacts]]] = {
    MatchAction.ACCEPT: Step(_PROPOSED, MatchState.ACCEPTED, _officer_here),
    MatchAction.REFUSE: Step(_PROPOSED, MatchState.REFUSED, _officer_here),
}


@dataclass(frozen=True, slots=True)
class NeedFacts:
    """What the matcher knows of a need."""

    category: str
    text: str
    area_path: str
    quantity: int


@dataclass(frozen=True, slots=True)
class OfferFacts:
    """What the matcher knows of an offer."""

    id: UUID
    category: str
    text: str
    coverage: str
    free: int
    active: bool
    is_vetted: bool
    valid_from: datetime
    valid_until: datetime | None
    confirmed_at: datetime


@dataclass(frozen=True, slots=True)
class FilterResult:
    """One hard filter: passed or not, with the values that it looked at."""

    name: str
    passed: bool
    need: str
    offer: str


@dataclass(frozen=True, slots=True)
class Term:
    """One term of the score, in thousandths."""

    name: str
    points: int
    of: int
    detail: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """Everything that was looked at for one pair. The score is zero when a filter failed."""

    offer_id: UUID
    filters: tuple[FilterResult, ...]
    terms: tuple[Term, ...]

    @property
    def score(self) -> int:
        """The sum of the terms, and nothing else."""
        return sum(term.points for term in self.terms)

    @property
    def failed(self) -> str | None:
        """The first filter that failed."""
        return next((item.name for item in self.filters if not item.passed), None)


def _filters(need: NeedFacts, offer: OfferFacts, now: datetime) -> tuple[FilterResult, ...]:
    is_valid = offer.active and offer.valid_from <= now and (offer.valid_until is None or now < offer.valid_until)
    until = offer.valid_until.isoformat() if offer.valid_until else "open-ended"
    return (
        FilterResult("category", need.category == offer.category, need.category, offer.category),
        FilterResult("partner_vetted", offer.is_vetted, "vetted", "vetted" if offer.is_vetted else "not vetted"),
        FilterResult("validity", is_valid, now.isoformat(), f"{offer.valid_from.isoformat()}/{until}"),
        FilterResult("area", covers(offer.coverage, need.area_path), need.area_path, offer.coverage),
        FilterResult("capacity", offer.free >= need.quantity, str(need.quantity), str(offer.free)),
    )


def _bigrams(text: str) -> Counter[str]:
    letters = [letter for letter in text.lower() if letter.isalnum()]
    return Counter(first + second for first, second in pairwise(letters))


def _lexical(need: str, offer: str) -> Term:
    left, right = _bigrams(need), _bigrams(offer)
    shared = sorted(left.keys() & right.keys())
    product = sum(left[gram] * right[gram] for gram in shared)
    norms = sum(n * n for n in left.values()) * sum(n * n for n in right.values())
    # The square root of the cosine lifts short texts, which share few bigrams even when they mean the same.
    points = 0 if norms == 0 else int(_LEXICAL_POINTS * (product * product / norms) ** 0.25)
    return Term("lexical", min(points, _LEXICAL_POINTS), _LEXICAL_POINTS, " ".join(shared[:20]))


def _closeness(need: str, coverage: str) -> Term:
    depth, covered = need.count(".") + 1, coverage.count(".") + 1
    return Term("area", _AREA_POINTS * covered // depth, _AREA_POINTS, f"{covered}/{depth}")


def _freshness(confirmed_at: datetime, now: datetime) -> Term:
    age = max(timedelta(0), now - confirmed_at)
    left = max(timedelta(0), _FRESH_FOR - age)
    points = _FRESH_POINTS * (left // timedelta(seconds=1)) // (_FRESH_FOR // timedelta(seconds=1))
    return Term("freshness", points, _FRESH_POINTS, f"{age.days} days")


def judge(need: NeedFacts, offer: OfferFacts, now: datetime) -> Verdict:
    """Look at one pair: all filters with their values, and the terms if all have passed."""
    filters = _filters(need, offer, now)
    if not all(item.passed for item in filters):
        return Verdict(offer.id, filters, ())
    terms = (
        Term("category", _CATEGORY_POINTS, _CATEGORY_POINTS, need.category),
        _lexical(need.text, offer.text),
        _closeness(need.area_path, offer.coverage),
        _freshness(offer.confirmed_at, now),
    )
    return Verdict(offer.id, filters, terms)


def rank(need: NeedFacts, offers: Sequence[OfferFacts], now: datetime) -> tuple[list[Verdict], list[Verdict]]:
    """Return the suitable offers, the best first, and those passed over; equal scores are ordered by id."""
    verdicts = [judge(need, offer, now) for offer in offers]
    suitable = [verdict for verdict in verdicts if verdict.failed is None and verdict.score >= THRESHOLD]
    suitable.sort(key=lambda verdict: (-verdict.score, verdict.offer_id))
    chosen = {verdict.offer_id for verdict in suitable[:_TOP]}
    return suitable[:_TOP], [verdict for verdict in verdicts if verdict.offer_id not in chosen]
