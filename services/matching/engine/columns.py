"""Facts as columns: one array for each thing that the filters and the score look at, for thousands of lines at once.

Lines are ordered by their ids, whatever order they came in: the same input gives the same plan.
"""

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeVar
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from services.matching.engine.facts import KINDS, Manner, NeedFacts, OfferFacts, Point, Reach, Vectors, kinds_mask
from services.matching.engine.words import Grams, frequencies, read_grams, weigh
from services.matching.slots.leaves import LEAF_TEXTS
from services.matching.slots.times import HALF_HOURS
from services.matching.slots.tree import BRANCHES

__all__ = ["LEAVES_MAX", "Lines", "NeedColumns", "OfferColumns", "columns_of", "metres", "take"]

LEAVES_MAX: Final = 12
_TIME_BYTES: Final = (HALF_HOURS + 63) // 64 * 8
_ALTERNATIVES: Final = 4
_EVERYWHERE: Final = 2**31 - 1
_EARTH_M: Final = 6_371_008.8
_FRESH_DAYS: Final = 180.0
# With so many promises counted as kept before there is a record: nobody is judged by the first one.
_PRIOR_KEPT: Final = 4.0
_LATE_COUNTS: Final = 0.5

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class NeedColumns:
    """Needs by columns; see `NeedFacts`.

    Attributes:
        branch: the place of the branch in the tree; others come after.
        place: where the area stands among the areas of all needs.
        depth: how many levels of areas its path has.
        xy: in metres.
    """

    ids: tuple[UUID, ...]
    branch: Ints
    place: Ints
    depth: Ints
    xy: Floats
    quantity: Ints
    times: NDArray[np.uint64]
    groups: Ints
    age: Ints
    kinds: Ints
    parts: Ints
    wants_home: NDArray[np.bool_]
    wants_remote: NDArray[np.bool_]
    wants_free: NDArray[np.bool_]
    urgent: NDArray[np.bool_]
    leaves: Floats
    grams: Grams
    vectors: Vectors


@dataclass(frozen=True, slots=True)
class OfferColumns:
    """Offers by columns; see `OfferFacts`.

    Attributes:
        low: the first place that it covers.
        high: the place after the last one that it covers.
        resident_low: the same of each area whose residents may have it; no column where no offer asks for any.
        resident_high: the same.
    """

    ids: tuple[UUID, ...]
    branch: Ints
    low: Ints
    high: Ints
    depth: Ints
    resident_low: Ints
    resident_high: Ints
    xy: Floats
    is_local: NDArray[np.bool_]
    is_remote: NDArray[np.bool_]
    is_visit: NDArray[np.bool_]
    free: Ints
    times: NDArray[np.uint64]
    alternatives: Ints
    age_from: Ints
    age_until: Ints
    kind: Ints
    is_priced: NDArray[np.bool_]
    is_vetted: NDArray[np.bool_]
    is_valid: NDArray[np.bool_]
    freshness: Floats
    fulfilment: Floats
    leaves: Floats
    grams: Grams
    vectors: Vectors


Columns = TypeVar("Columns", NeedColumns, OfferColumns)


def take(columns: Columns, rows: NDArray[np.int64] | slice, *, with_ids: bool = True) -> Columns:
    """Return some lines of needs or offers, in the order of `rows`."""
    chosen: dict[str, Any] = {}
    for name in columns.__dataclass_fields__:
        value = getattr(columns, name)
        if name == "ids":
            chosen[name] = tuple(value[row] for row in np.arange(len(value))[rows].tolist()) if with_ids else ()
        elif name == "vectors":
            chosen[name] = tuple(matrix[rows] for matrix in value)
        else:
            chosen[name] = value.take(rows) if isinstance(value, Grams) else value[rows]
    return type(columns)(**chosen)


def metres(points: Sequence[Point | None], origin: Point) -> Floats:
    """Return points on a plane, east and north of an origin in metres; NaN for an unknown one. Good for a district."""
    scale = math.cos(math.radians(origin.latitude))
    degree_m = math.pi / 180 * _EARTH_M
    rows = [
        (math.nan, math.nan)
        if point is None
        else ((point.longitude - origin.longitude) * degree_m * scale, (point.latitude - origin.latitude) * degree_m)
        for point in points
    ]
    return np.array(rows, np.float32).reshape(len(points), 2)


def _bits(values: Sequence[int]) -> NDArray[np.uint64]:
    raw = b"".join(value.to_bytes(_TIME_BYTES, "little") for value in values)
    return np.frombuffer(raw, np.uint64).reshape(len(values), _TIME_BYTES // 8)


def _leaves(rows: Sequence[tuple[float, ...]]) -> Floats:
    found = np.zeros((len(rows), LEAVES_MAX), np.float32)
    for place, row in enumerate(rows):
        found[place, : min(len(row), LEAVES_MAX)] = row[:LEAVES_MAX]
    return found


def _ints(values: Sequence[int]) -> Ints:
    return np.array(values, np.int32)


def _flags(values: Sequence[bool]) -> NDArray[np.bool_]:
    return np.array(values, np.bool_)


def _fulfilment(offer: OfferFacts) -> float:
    record = offer.fulfilment
    total = record.kept + record.late + record.broken + _PRIOR_KEPT
    return (record.kept + _PRIOR_KEPT + _LATE_COUNTS * record.late) / total


def _freshness(offer: OfferFacts, now: datetime) -> float:
    age_days = (now - offer.confirmed_at).total_seconds() / 86_400
    return min(max(1 - age_days / _FRESH_DAYS, 0.0), 1.0)


def _is_valid(offer: OfferFacts, now: datetime) -> bool:
    return offer.active and offer.valid_from <= now and (offer.valid_until is None or now < offer.valid_until)


def _alternatives(offer: OfferFacts) -> tuple[int, ...]:
    """Return a fixed number of alternatives; the last one is repeated, and none is one that asks for nothing."""
    told = offer.eligibility.alternatives[:_ALTERNATIVES] or (0,)
    return told + (told[-1],) * (_ALTERNATIVES - len(told))


def _need_columns(
    needs: Sequence[NeedFacts],
    branches: dict[str, int],
    places: dict[tuple[str, ...], int],
    origin: Point,
    vectors: Vectors,
    grams: Grams,
) -> NeedColumns:
    return NeedColumns(
        ids=tuple(need.id for need in needs),
        branch=_ints([branches[need.branch] for need in needs]),
        place=_ints([places[tuple(need.area_path.split("."))] for need in needs]),
        depth=_ints([need.area_path.count(".") + 1 for need in needs]),
        xy=metres([need.point for need in needs], origin),
        quantity=_ints([need.quantity for need in needs]),
        times=_bits([need.times for need in needs]),
        groups=_ints([need.groups for need in needs]),
        age=_ints([-1 if need.age is None else need.age for need in needs]),
        kinds=_ints([need.kinds for need in needs]),
        parts=_ints([kinds_mask(need.parts) if len(set(need.parts)) > 1 else 0 for need in needs]),
        wants_home=_flags([need.manner == Manner.HOME for need in needs]),
        wants_remote=_flags([need.manner == Manner.REMOTE for need in needs]),
        wants_free=_flags([need.wants_free for need in needs]),
        urgent=_flags([need.urgent for need in needs]),
        leaves=_leaves([need.leaves for need in needs]),
        grams=grams,
        vectors=vectors,
    )


def _offer_columns(
    offers: Sequence[OfferFacts],
    branches: dict[str, int],
    ranges: dict[str, tuple[int, int]],
    origin: Point,
    now: datetime,
    vectors: Vectors,
    grams: Grams,
) -> OfferColumns:
    return OfferColumns(
        ids=tuple(offer.id for offer in offers),
        branch=_ints([branches[offer.branch] for offer in offers]),
        low=_ints([ranges[offer.coverage][0] for offer in offers]),
        high=_ints([ranges[offer.coverage][1] for offer in offers]),
        depth=_ints([offer.coverage.count(".") + 1 for offer in offers]),
        resident_low=_residents(offers, ranges, 0),
        resident_high=_residents(offers, ranges, 1),
        xy=metres([offer.point for offer in offers], origin),
        is_local=_flags([offer.reach == Reach.LOCAL for offer in offers]),
        is_remote=_flags([offer.reach == Reach.REMOTE for offer in offers]),
        is_visit=_flags([offer.reach in {Reach.VISIT, Reach.MUNICIPAL} for offer in offers]),
        free=_ints([max(offer.free, 0) for offer in offers]),
        times=_bits([offer.times for offer in offers]),
        alternatives=np.array([_alternatives(offer) for offer in offers], np.int32).reshape(-1, _ALTERNATIVES),
        age_from=_ints([offer.eligibility.ages.at_least for offer in offers]),
        age_until=_ints([offer.eligibility.ages.at_most for offer in offers]),
        kind=_ints([1 << KINDS.index(offer.kind) for offer in offers]),
        is_priced=_flags([offer.is_priced for offer in offers]),
        is_vetted=_flags([offer.is_vetted for offer in offers]),
        is_valid=_flags([_is_valid(offer, now) for offer in offers]),
        freshness=np.array([_freshness(offer, now) for offer in offers], np.float32),
        fulfilment=np.array([_fulfilment(offer) for offer in offers], np.float32),
        leaves=_leaves([offer.leaves for offer in offers]),
        grams=grams,
        vectors=vectors,
    )


def _residents(offers: Sequence[OfferFacts], ranges: dict[str, tuple[int, int]], side: int) -> Ints:
    """Return one column for each further area; an offer with fewer has its first one again, one with none has all."""
    width = max((len(offer.residents) for offer in offers), default=0)
    found = np.zeros((len(offers), width), np.int32)
    if not width:
        return found
    for row, offer in enumerate(offers):
        own = [ranges[path][side] for path in offer.residents] or [(0, _EVERYWHERE)[side]]
        found[row] = (own + own[:1] * width)[:width]
    return found


def _order(ids: Sequence[UUID]) -> NDArray[np.int64]:
    return np.array(sorted(range(len(ids)), key=lambda place: ids[place].int), np.int64)


@dataclass(frozen=True, slots=True)
class Lines:
    """Needs and offers by columns, each ordered by id, and the words of the tree weighed like theirs."""

    needs: NeedColumns
    offers: OfferColumns
    tree: Grams


def columns_of(
    needs: Sequence[NeedFacts],
    offers: Sequence[OfferFacts],
    need_vectors: Vectors,
    offer_vectors: Vectors,
    now: datetime,
) -> Lines:
    """Return needs and offers by columns.

    Args:
        needs: in any order.
        offers: in any order.
        need_vectors: one matrix for each encoder, with one row for each need.
        offer_vectors: the same for the offers.
        now: when validity and freshness are judged.
    """
    need_order, offer_order = _order([need.id for need in needs]), _order([offer.id for offer in offers])
    needs, offers = [needs[place] for place in need_order], [offers[place] for place in offer_order]
    named = {need.branch for need in needs} | {offer.branch for offer in offers}
    others = sorted(named - set(BRANCHES))
    branches = {code: place for place, code in enumerate((*BRANCHES, *others))}
    paths = sorted({tuple(need.area_path.split(".")) for need in needs})
    places = {path: place for place, path in enumerate(paths)}
    covered = {path for offer in offers for path in (offer.coverage, *offer.residents)}
    ranges = {path: _range(paths, path) for path in covered}
    points = [*(need.point for need in needs), *(offer.point for offer in offers)]
    origin = next((point for point in points if point is not None), Point(0.0, 0.0))
    need_grams, offer_grams = read_grams([need.text for need in needs]), read_grams([offer.text for offer in offers])
    frequency, total = frequencies(need_grams, offer_grams), len(needs) + len(offers)
    return Lines(
        _need_columns(
            needs,
            branches,
            places,
            origin,
            tuple(matrix[need_order] for matrix in need_vectors),
            weigh(need_grams, frequency, total),
        ),
        _offer_columns(
            offers,
            branches,
            ranges,
            origin,
            now,
            tuple(matrix[offer_order] for matrix in offer_vectors),
            weigh(offer_grams, frequency, total),
        ),
        weigh(read_grams(LEAF_TEXTS), frequency, total),
    )


def _range(paths: Sequence[tuple[str, ...]], coverage: str) -> tuple[int, int]:
    """Return which of the ordered paths lie at or below a covered area: they stand together."""
    covered = tuple(coverage.split("."))
    # No label is greater than this one, so it ends what begins with the covered path.
    return bisect_left(paths, covered), bisect_left(paths, (*covered, "\U0010ffff"))
