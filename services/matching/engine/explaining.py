"""What people are told: every filter with its values, every term with its points, and why not."""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from services.matching.engine.facts import NeedFacts, OfferFacts, Point, Reach, kinds_mask
from services.matching.engine.filters import FILTERS
from services.matching.engine.scoring import TERMS, Weights
from services.matching.engine.words import shared_grams
from services.matching.slots.groups import Ages, names_of
from services.matching.slots.times import ALWAYS, spans

__all__ = ["FilterResult", "Term", "filter_results", "metres_between", "terms_of"]

_EARTH_M: Final = 6_371_008.8
_TOLD: Final = 6


@dataclass(frozen=True, slots=True)
class FilterResult:
    """One hard filter: passed or not, with the values that it looked at."""

    name: str
    passed: bool
    need: str
    offer: str


@dataclass(frozen=True, slots=True)
class Term:
    """One term of the score: points of at most `of`."""

    name: str
    points: int
    of: int
    detail: str


def metres_between(one: Point | None, other: Point | None) -> int | None:
    """Return how far apart two points are, in metres."""
    if one is None or other is None:
        return None
    latitude = math.radians((one.latitude + other.latitude) / 2)
    east = math.radians(one.longitude - other.longitude) * math.cos(latitude)
    north = math.radians(one.latitude - other.latitude)
    return round(math.hypot(east, north) * _EARTH_M)


@lru_cache(maxsize=4_096)
def _times(bits: int) -> str:
    if bits == ALWAYS:
        return "any time"
    told = spans(bits)
    return ", ".join(f"{day} {start}-{end}" for day, start, end in told[:_TOLD]) + (" …" if len(told) > _TOLD else "")


def _person(need: NeedFacts) -> str:
    told = names_of(need.groups)
    return ", ".join([*told, *([] if need.age is None else [f"age {need.age}"])]) or "nothing told"


def _limits(offer: OfferFacts) -> str:
    groups = " or ".join(" and ".join(names_of(mask)) or "others" for mask in offer.eligibility.alternatives)
    ages = offer.eligibility.ages
    age = "" if ages == Ages() else f"age {ages.at_least}-{ages.at_most}"
    places = " or ".join(offer.residents)
    return ", ".join(part for part in (groups, age, places) if part) or "everybody"


def _values(need: NeedFacts, offer: OfferFacts, now: str) -> tuple[tuple[str, str], ...]:
    """Return what each filter looked at, in the order of `FILTERS`."""
    until = offer.valid_until.isoformat() if offer.valid_until else "open-ended"
    valid = f"{offer.valid_from.isoformat()}/{until}" if offer.active else "withdrawn"
    apart = metres_between(need.point, offer.point)
    reach = offer.reach.value
    distance = "unknown" if apart is None else f"{apart} m"
    return (
        ("vetted", "vetted" if offer.is_vetted else "not vetted"),
        (now, valid),
        (need.area_path, offer.coverage),
        ("1200 m" if offer.reach == Reach.LOCAL else "any", f"{distance}, {reach}"),
        (str(need.quantity), str(offer.free)),
        (_person(need), _limits(offer)),
        (_times(need.times), _times(offer.times)),
    )


def filter_results(need: NeedFacts, offer: OfferFacts, failed: NDArray[np.bool_], now: str) -> tuple[FilterResult, ...]:
    """Return all filters of a pair with their values.

    Args:
        need: one side.
        offer: the other.
        failed: of each filter whether it failed, as the engine found.
        now: the moment that validity was judged at.
    """
    values = zip(FILTERS, failed.tolist(), _values(need, offer, now), strict=True)
    return tuple(FilterResult(name, not is_failed, *told) for name, is_failed, told in values)


def _slots_told(need: NeedFacts, offer: OfferFacts) -> str:
    agreed = []
    if need.kinds == 0 or need.kinds & kinds_mask((offer.kind,)):
        agreed.append(f"kind {offer.kind}")
    if not (need.wants_free and offer.is_priced):
        agreed.append("price")
    agreed.append(f"common time {(need.times & offer.times).bit_count() / 2:g} h a week")
    return ", ".join(agreed)


def terms_of(
    need: NeedFacts, offer: OfferFacts, points: NDArray[np.int16], standing: float, weights: Weights
) -> tuple[Term, ...]:
    """Return the terms of a pair; their points add up to its score."""
    apart = metres_between(need.point, offer.point)
    record = offer.fulfilment
    leaves = [sorted(range(len(side)), key=lambda place: -side[place])[:1] for side in (need.leaves, offer.leaves)]
    details = (
        f"{standing:.2f} deviations above the mean",
        "against the best offer of the branch",
        "against the best need of the branch",
        " ".join(shared_grams(need.text, offer.text)),
        "same subject" if leaves[0] and leaves[0] == leaves[1] else "other or unknown subject",
        _slots_told(need, offer),
        f"{apart} m" if apart is not None else f"{need.area_path} in {offer.coverage}",
        f"confirmed {offer.confirmed_at.date().isoformat()}",
        f"kept {record.kept}, late {record.late}, broken {record.broken}",
    )
    told = zip(TERMS, points.tolist(), details, strict=True)
    return tuple(Term(name, value, weights.of[name], detail) for name, value, detail in told)
