"""What people are told: every filter with its values, every term with its points, and why not."""

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from services.matching.engine.facts import FOOT_M, NeedFacts, OfferFacts, Point, Reach, kinds_mask
from services.matching.engine.filters import FILTERS
from services.matching.engine.scoring import TERMS, Weights
from services.matching.engine.words import shared_grams
from services.matching.slots.groups import Ages, Eligibility, names_of
from services.matching.slots.times import ALWAYS, spans

__all__ = ["FilterResult", "Term", "filter_results", "metres_between", "need_values", "terms_of"]

_EARTH_M: Final = 6_371_008.8
_TOLD: Final = 6
_DISTANCE: Final = FILTERS.index("distance")
_ON_FOOT: Final = f"{FOOT_M:.0f} m"


class FilterResult(NamedTuple):
    """One hard filter: passed or not, with the values that it looked at."""

    name: str
    passed: bool
    need: str
    offer: str


class Term(NamedTuple):
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


@lru_cache(maxsize=4_096)
def _limits(eligibility: Eligibility, residents: tuple[str, ...]) -> str:
    groups = " or ".join(" and ".join(names_of(mask)) or "others" for mask in eligibility.alternatives)
    ages = eligibility.ages
    age = "" if ages == Ages() else f"age {ages.at_least}-{ages.at_most}"
    places = " or ".join(residents)
    return ", ".join(part for part in (groups, age, places) if part) or "everybody"


def need_values(need: NeedFacts, now: str) -> tuple[str, ...]:
    """Return what each filter looks at of a need, in the order of `FILTERS`, but for its reach, which is the offer's.

    Args:
        need: what is told of, to one offer after the other.
        now: the moment that validity was judged at.
    """
    return ("vetted", now, need.area_path, "any", str(need.quantity), _person(need), _times(need.times))


def _offer_values(need: NeedFacts, offer: OfferFacts) -> tuple[str, ...]:
    """Return what each filter looked at of an offer, in the order of `FILTERS`."""
    until = offer.valid_until.isoformat() if offer.valid_until else "open-ended"
    valid = f"{offer.valid_from.isoformat()}/{until}" if offer.active else "withdrawn"
    apart = metres_between(need.point, offer.point)
    reach = offer.reach.value
    distance = "unknown" if apart is None else f"{apart} m"
    return (
        "vetted" if offer.is_vetted else "not vetted",
        valid,
        offer.coverage,
        f"{distance}, {reach}",
        str(offer.free),
        _limits(offer.eligibility, offer.residents),
        _times(offer.times),
    )


def filter_results(
    need: NeedFacts, offer: OfferFacts, failed: NDArray[np.bool_], values: Sequence[str]
) -> tuple[FilterResult, ...]:
    """Return all filters of a pair with their values.

    Args:
        need: one side.
        offer: the other.
        failed: of each filter whether it failed, as the engine found.
        values: those of the need, see `need_values`.
    """
    asked = list(values)
    if offer.reach == Reach.LOCAL:
        asked[_DISTANCE] = _ON_FOOT
    told = zip(FILTERS, failed.tolist(), asked, _offer_values(need, offer), strict=True)
    return tuple([FilterResult(name, not is_failed, mine, theirs) for name, is_failed, mine, theirs in told])


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
