"""From facts to columns. Lines are ordered by their ids, whatever order they came in: the same gives the same plan.

Reading thousands of offers takes longer than looking at them. So it is done in two steps: `read_offers` does what
depends on the offers alone and can be kept until one of them changes, and `columns_of` adds what depends on the needs
beside them and on the moment.
"""

import math
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from services.matching.engine.columns import NeedColumns, OfferColumns
from services.matching.engine.facts import KINDS, Manner, NeedFacts, OfferFacts, Point, Reach, Vectors, kinds_mask
from services.matching.engine.words import Grams, counted, frequencies, read_grams, weigh
from services.matching.slots.leaves import LEAF_TEXTS
from services.matching.slots.times import HALF_HOURS
from services.matching.slots.tree import BRANCHES

__all__ = ["LEAVES_MAX", "Lines", "OfferLines", "columns_of", "metres", "read_offers", "renewed"]

LEAVES_MAX: Final = 12
_TIME_BYTES: Final = (HALF_HOURS + 63) // 64 * 8
_ALTERNATIVES: Final = 4
_EVERYWHERE: Final = 2**31 - 1
_NEVER: Final = 2**63 - 1
_EARTH_M: Final = 6_371_008.8
_FRESH_DAYS: Final = 180.0
_DAY_US: Final = 86_400e6
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
# With so many promises counted as kept before there is a record: nobody is judged by the first one.
_PRIOR_KEPT: Final = 4.0
_LATE_COUNTS: Final = 0.5

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]
Path = tuple[str, ...]


def metres(degrees: NDArray[np.float64], origin: Point) -> Floats:
    """Return points, as (longitude, latitude), on a plane, east and north of an origin in metres. Good for a district.

    NaN stays NaN: a point that is not known.
    """
    scale = math.cos(math.radians(origin.latitude))
    degree_m = math.pi / 180 * _EARTH_M
    east = (degrees[:, 0] - origin.longitude) * degree_m * scale
    north = (degrees[:, 1] - origin.latitude) * degree_m
    return np.stack([east, north], axis=1).astype(np.float32)


def _degrees(points: Sequence[Point | None]) -> NDArray[np.float64]:
    rows = [(math.nan, math.nan) if point is None else (point.longitude, point.latitude) for point in points]
    return np.array(rows, np.float64).reshape(len(points), 2)


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


def _microseconds(moments: Sequence[datetime | None]) -> NDArray[np.int64]:
    """Return moments as microseconds since 1970; none is never."""
    return np.array([_NEVER if one is None else (one - _EPOCH) // _MICROSECOND for one in moments], np.int64)


def _numbered(names: Sequence[Any]) -> tuple[list[Any], NDArray[np.int64]]:
    """Return different names, and of each given one its place among them."""
    known = {name: place for place, name in enumerate(dict.fromkeys(names))}
    return list(known), np.array([known[name] for name in names], np.int64)


def _fulfilment(offer: OfferFacts) -> float:
    record = offer.fulfilment
    total = record.kept + record.late + record.broken + _PRIOR_KEPT
    return (record.kept + _PRIOR_KEPT + _LATE_COUNTS * record.late) / total


def _alternatives(offer: OfferFacts) -> tuple[int, ...]:
    """Return a fixed number of alternatives; the last one is repeated, and none is one that asks for nothing."""
    told = offer.eligibility.alternatives[:_ALTERNATIVES] or (0,)
    return told + (told[-1],) * (_ALTERNATIVES - len(told))


def _order(ids: Sequence[UUID]) -> NDArray[np.int64]:
    return np.array(sorted(range(len(ids)), key=lambda place: ids[place].int), np.int64)


def _ordered(matrix: NDArray[Any], order: NDArray[np.int64]) -> NDArray[Any]:
    """Return rows in an order; what stands in it already is not copied, since it may be hundreds of megabytes."""
    return matrix if bool((np.diff(order) > 0).all()) else matrix[order]


@dataclass(frozen=True, slots=True)
class OfferLines:
    """Offers by columns, ordered by id, as far as they depend on nothing else.

    Attributes:
        facts: what they were read from.
        columns: columns of `OfferColumns` as they are.
        branches: the names of branches, and which one each offer has.
        areas: the paths that offers cover, and which one each offer has.
        residents: for each further area of residents which of `areas` it is, -1 for everywhere.
        degrees: longitude and latitude, NaN where unknown.
        valid: from when and until when each is valid, in microseconds since 1970; never, where it is withdrawn.
        confirmed: when each was confirmed, likewise.
        grams: of each text, as `read_grams` returns them.
        gram_counts: in how many texts each gram stands, see `counted`.
    """

    facts: Sequence[OfferFacts]
    columns: Mapping[str, Any]
    branches: tuple[list[str], NDArray[np.int64]]
    areas: tuple[list[Path], NDArray[np.int64]]
    residents: NDArray[np.int64]
    degrees: NDArray[np.float64]
    valid: tuple[NDArray[np.int64], NDArray[np.int64]]
    confirmed: NDArray[np.int64]
    grams: Ints
    gram_counts: tuple[Ints, NDArray[np.int64]]


def read_offers(offers: Sequence[OfferFacts], vectors: Vectors) -> OfferLines:
    """Read offers in any order, with one matrix of vectors for each encoder, one row an offer."""
    order = _order([offer.id for offer in offers])
    offers = [offers[place] for place in order]
    width = max((len(offer.residents) for offer in offers), default=0)
    # An offer with fewer further areas has its first one again, one with none has everything.
    homes = [
        ((*offer.residents, *(offer.residents[:1] * width))[:width] if offer.residents else (None,) * width)
        for offer in offers
    ]
    paths, which = _numbered([*(offer.coverage for offer in offers), *(path for home in homes for path in home)])
    nowhere = paths.index(None) if None in paths else -1
    residents = which[len(offers) :].reshape(len(offers), width)
    grams = read_grams([offer.text for offer in offers])
    return OfferLines(
        facts=offers,
        columns={**_fixed(offers), "vectors": tuple(_ordered(matrix, order) for matrix in vectors)},
        branches=_numbered([offer.branch for offer in offers]),
        areas=([tuple(path.split(".")) if path else () for path in paths], which[: len(offers)]),
        residents=np.where(residents == nowhere, -1, residents),
        degrees=_degrees([offer.point for offer in offers]),
        valid=(
            _microseconds([offer.valid_from if offer.active else None for offer in offers]),
            _microseconds([offer.valid_until for offer in offers]),
        ),
        confirmed=_microseconds([offer.confirmed_at for offer in offers]),
        grams=grams,
        gram_counts=counted(grams),
    )


def _fixed(offers: Sequence[OfferFacts]) -> dict[str, Any]:
    """Return the columns of offers that depend on nothing else."""
    return {
        "ids": tuple(offer.id for offer in offers),
        "depth": _ints([offer.coverage.count(".") + 1 for offer in offers]),
        "is_local": _flags([offer.reach == Reach.LOCAL for offer in offers]),
        "is_remote": _flags([offer.reach == Reach.REMOTE for offer in offers]),
        "is_visit": _flags([offer.reach in {Reach.VISIT, Reach.MUNICIPAL} for offer in offers]),
        "free": _ints([max(offer.free, 0) for offer in offers]),
        "times": _bits([offer.times for offer in offers]),
        "alternatives": np.array([_alternatives(one) for one in offers], np.int32).reshape(-1, _ALTERNATIVES),
        "age_from": _ints([offer.eligibility.ages.at_least for offer in offers]),
        "age_until": _ints([offer.eligibility.ages.at_most for offer in offers]),
        "kind": _ints([1 << KINDS.index(offer.kind) for offer in offers]),
        "is_priced": _flags([offer.is_priced for offer in offers]),
        "is_vetted": _flags([offer.is_vetted for offer in offers]),
        "fulfilment": np.array([_fulfilment(offer) for offer in offers], np.float32),
        "leaves": _leaves([offer.leaves for offer in offers]),
    }


@dataclass(frozen=True, slots=True)
class Lines:
    """Needs and offers by columns, each ordered by id, and in how many of their texts each gram stands."""

    needs: NeedColumns
    offers: OfferColumns
    frequency: Ints

    @property
    def tree(self) -> Grams:
        """The words of the tree, weighed like those of needs and offers."""
        return weigh(read_grams(LEAF_TEXTS), self.frequency, len(self.needs.ids) + len(self.offers.ids))


def columns_of(needs: Sequence[NeedFacts], offers: OfferLines, need_vectors: Vectors, now: datetime) -> Lines:
    """Return needs and offers by columns.

    Args:
        needs: in any order.
        offers: what they may have.
        need_vectors: one matrix for each encoder, with one row for each need.
        now: when validity and freshness are judged.
    """
    order = _order([need.id for need in needs])
    needs = [needs[place] for place in order]
    others = sorted({need.branch for need in needs}.union(offers.branches[0]) - set(BRANCHES))
    branches = {code: place for place, code in enumerate((*BRANCHES, *others))}
    paths = sorted({tuple(need.area_path.split(".")) for need in needs})
    degrees = _degrees([need.point for need in needs])
    origin = _origin(degrees, offers.degrees)
    grams = read_grams([need.text for need in needs])
    frequency, total = frequencies(counted(grams), offers.gram_counts), len(needs) + len(offers.facts)
    return Lines(
        _need_columns(
            needs,
            branches,
            {path: place for place, path in enumerate(paths)},
            metres(degrees, origin),
            tuple(_ordered(matrix, order) for matrix in need_vectors),
            weigh(grams, frequency, total),
        ),
        OfferColumns(
            **offers.columns,
            **_standing_now(offers, now),
            **_areas(offers, paths),
            branch=_ints([branches[name] for name in offers.branches[0]])[offers.branches[1]],
            xy=metres(offers.degrees, origin),
            grams=weigh(offers.grams, frequency, total),
        ),
        frequency,
    )


def renewed(
    lines: Lines, needs: Sequence[NeedFacts], offers: OfferLines, need_vectors: Vectors, now: datetime
) -> Lines:
    """Return lines of the same needs and offers as they are at another moment, with vectors that may be new.

    Args:
        lines: what `columns_of` has made of these needs and offers before.
        needs: in the order of their vectors.
        offers: as they were read.
        need_vectors: one matrix for each encoder, with one row for each need.
        now: when validity and freshness are judged.
    """
    order = _order([need.id for need in needs])
    return replace(
        lines,
        needs=replace(lines.needs, vectors=tuple(_ordered(matrix, order) for matrix in need_vectors)),
        offers=replace(lines.offers, **_standing_now(offers, now)),
    )


def _origin(*degrees: NDArray[np.float64]) -> Point:
    """Return the first point that is known."""
    for some in degrees:
        known = np.flatnonzero(~np.isnan(some[:, 0]))
        if len(known):
            return Point(*some[known[0]].tolist())
    return Point(0.0, 0.0)


def _standing_now(offers: OfferLines, now: datetime) -> dict[str, Any]:
    """Return whether offers are valid and how fresh they are."""
    moment = (now - _EPOCH) // _MICROSECOND
    age_days = (moment - offers.confirmed) / _DAY_US
    return {
        "is_valid": (offers.valid[0] <= moment) & (moment < offers.valid[1]),
        "freshness": np.clip(1 - age_days / _FRESH_DAYS, 0.0, 1.0).astype(np.float32),
    }


def _areas(offers: OfferLines, paths: Sequence[Path]) -> dict[str, Any]:
    """Return where among the areas of needs lies what offers cover, and whose residents may have them."""
    ranges = np.array([*(_range(paths, path) for path in offers.areas[0]), (0, _EVERYWHERE)], np.int32)
    return {
        "low": ranges[offers.areas[1], 0],
        "high": ranges[offers.areas[1], 1],
        "resident_low": ranges[offers.residents, 0],
        "resident_high": ranges[offers.residents, 1],
    }


def _range(paths: Sequence[Path], covered: Path) -> tuple[int, int]:
    """Return which of the ordered paths lie at or below a covered area: they stand together."""
    # No label is greater than this one, so it ends what begins with the covered path.
    return bisect_left(paths, covered), bisect_left(paths, (*covered, "\U0010ffff"))


def _need_columns(
    needs: Sequence[NeedFacts],
    branches: Mapping[str, int],
    places: Mapping[Path, int],
    xy: Floats,
    vectors: Vectors,
    grams: Grams,
) -> NeedColumns:
    return NeedColumns(
        ids=tuple(need.id for need in needs),
        branch=_ints([branches[need.branch] for need in needs]),
        place=_ints([places[tuple(need.area_path.split("."))] for need in needs]),
        depth=_ints([need.area_path.count(".") + 1 for need in needs]),
        xy=xy,
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
