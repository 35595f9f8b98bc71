"""A district made up for measuring: communities, needs and offers in all branches, with places, times and limits.

Vectors are drawn around leaves and topics, as texts of one subject lie together; nobody embeds two hundred thousand
texts for a measurement. Everything comes from one seed.
"""

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, cast
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from services.matching.engine.facts import FOOT_M, KINDS, Fulfilment, NeedFacts, OfferFacts, Point, Reach, Vectors
from services.matching.engine.standing import Background
from services.matching.slots.groups import Ages, Eligibility
from services.matching.slots.times import ALWAYS, windows
from services.matching.slots.tree import BRANCHES, LEAVES, leaves_of, phrases_of

__all__ = ["NOW", "District", "make_district"]

NOW: Final = datetime(2026, 5, 4, 9, 0, tzinfo=UTC)
DIMENSIONS: Final = (384, 512)
_METRES_PER_DEGREE: Final = 111_195.08
_TOPICS: Final = 10
_SMALL: Final = "我家想要找人帮忙社区居民小区老人孩子每周可以免费上门附近希望有谁能现在需要提供服务活动"
_TIMES: Final = (
    ALWAYS,
    windows(range(5), [(16, 34)]),
    windows((5, 6), [(0, 48)]),
    windows(range(7), [(36, 44)]),
    windows((2,), [(26, 36)]),
)


@dataclass(frozen=True, slots=True)
class District:
    """What was made up."""

    needs: list[NeedFacts]
    offers: list[OfferFacts]
    need_vectors: Vectors
    offer_vectors: Vectors
    background: Background


class _Places:
    """Communities of some four hundred households each, spread over as much land as they need."""

    def __init__(self, lines: int, chance: np.random.Generator) -> None:
        self.count = max(lines // 250, 8)
        # A community is as far across as a quarter of an hour on foot.
        self.side_m = FOOT_M * float(np.sqrt(self.count))
        self.xy = chance.random((self.count, 2)) * self.side_m
        streets = max(self.count // 20, 1)
        order = np.argsort(self.xy[:, 0] // (self.side_m / max(np.sqrt(streets), 1)) * 1e6 + self.xy[:, 1])
        self.paths = [""] * self.count
        for place, community in enumerate(order.tolist()):
            self.paths[community] = f"d.s{place // 20}.z{place // 5}.c{place}"

    def point(self, community: int, chance: random.Random) -> Point:
        x, y = self.xy[community] + (chance.gauss(0, 250), chance.gauss(0, 250))
        return Point(float(x) / _METRES_PER_DEGREE, float(y) / _METRES_PER_DEGREE)


def _vectors(leaf: NDArray[np.int64], topic: NDArray[np.int64], chance: np.random.Generator) -> Vectors:
    found = []
    for dimension in DIMENSIONS:
        fixed = np.random.default_rng(dimension)
        common = fixed.normal(size=dimension)
        of_branch = fixed.normal(size=(len(BRANCHES), dimension))
        of_leaf = fixed.normal(size=(len(LEAVES), dimension))
        of_topic = fixed.normal(size=(len(LEAVES) * _TOPICS, dimension))
        branch = np.array([next(n for n, code in enumerate(BRANCHES) if item in leaves_of(code)) for item in LEAVES])
        # Half precision, as vectors are kept; the engine makes single ones of them, branch by branch.
        rows = np.empty((len(leaf), dimension), np.float16)
        for start in range(0, len(leaf), 10_000):
            some = slice(start, start + 10_000)
            mixed = 1.6 * common + 0.6 * of_branch[branch[leaf[some]]] + 0.7 * of_leaf[leaf[some]]
            mixed = mixed + 0.7 * of_topic[leaf[some] * _TOPICS + topic[some]]
            mixed += 0.6 * chance.normal(size=mixed.shape)
            rows[some] = mixed / np.linalg.norm(mixed, axis=1, keepdims=True)
        found.append(cast("NDArray[np.float32]", rows))
    return tuple(found)


def _text(leaf: str, topic: int, chance: random.Random) -> str:
    words = phrases_of(leaf)
    said = [words[(topic + step) % len(words)] for step in range(2)]
    filler = "".join(chance.choice(_SMALL) for _ in range(12))
    return f"{filler[:6]}{said[0]}{filler[6:]}{said[1]}"


def _leaves(leaf: str, chance: random.Random) -> tuple[float, ...]:
    own = leaves_of(next(code for code in BRANCHES if leaf in leaves_of(code)))
    sure = 0.5 + chance.random() * 0.5
    return tuple(sure if code == leaf else (1 - sure) / (len(own) - 1) for code in own)


def _branch(leaf: str) -> str:
    return next(code for code in BRANCHES if leaf in leaves_of(code))


def _needs(
    leaf: NDArray[np.int64], topic: NDArray[np.int64], places: _Places, chance: random.Random
) -> list[NeedFacts]:
    needs = []
    for place, (leaf_at, topic_at) in enumerate(zip(leaf.tolist(), topic.tolist(), strict=True)):
        community, code = chance.randrange(places.count), LEAVES[leaf_at]
        parts = ("venue", "people") if chance.random() < 0.003 else ()
        needs.append(
            NeedFacts(
                id=UUID(int=(1 << 100) + place),
                branch=_branch(code),
                text=_text(code, topic_at, chance),
                area_path=places.paths[community],
                point=places.point(community, chance),
                quantity=chance.choice((2, 3, 4)) if chance.random() < 0.04 else 1,
                leaves=_leaves(code, chance),
                times=chance.choice(_TIMES),
                groups=sum(1 << bit for bit in range(8) if chance.random() < 0.12),
                age=chance.choice((None, 8, 35, 62, 71, 84)),
                wants_free=chance.random() < 0.2,
                urgent=chance.random() < 0.05,
                parts=parts,
            )
        )
    return needs


def _offers(
    leaf: NDArray[np.int64], topic: NDArray[np.int64], places: _Places, chance: random.Random
) -> list[OfferFacts]:
    offers = []
    for place, (leaf_at, topic_at) in enumerate(zip(leaf.tolist(), topic.tolist(), strict=True)):
        community, code, kind = chance.randrange(places.count), LEAVES[leaf_at], chance.random()
        reach = Reach.LOCAL if kind < 0.88 else Reach.VISIT if kind < 0.98 else Reach.MUNICIPAL
        path = places.paths[community]
        coverage = "d" if reach == Reach.MUNICIPAL else ".".join(path.split(".")[:2])
        limited = (1 << chance.randrange(8),) if chance.random() < 0.2 else ()
        offers.append(
            OfferFacts(
                id=UUID(int=(2 << 100) + place),
                branch=_branch(code),
                kind=chance.choice(KINDS[:4]),
                text=_text(code, topic_at, chance),
                coverage=coverage,
                free=chance.choice((1, 1, 2, 3, 5)),
                active=True,
                is_vetted=chance.random() < 0.97,
                valid_from=NOW - timedelta(days=30),
                valid_until=NOW + timedelta(days=chance.randint(-5, 200)),
                confirmed_at=NOW - timedelta(days=chance.randint(0, 200)),
                point=places.point(community, chance),
                reach=reach,
                leaves=_leaves(code, chance),
                times=chance.choice(_TIMES),
                eligibility=Eligibility(limited, Ages(60, 130) if chance.random() < 0.1 else Ages()),
                is_priced=chance.random() < 0.2,
                fulfilment=Fulfilment(chance.randint(0, 20), chance.randint(0, 3), chance.randint(0, 2)),
            )
        )
    return offers


def make_district(lines: int, seed: int = 7) -> District:
    """Make up a district with so many needs and as many offers."""
    numbers, chance = np.random.default_rng(seed), random.Random(seed)
    places = _Places(lines, numbers)
    need_leaf, offer_leaf = numbers.integers(0, len(LEAVES), lines), numbers.integers(0, len(LEAVES), lines)
    need_topic, offer_topic = numbers.integers(0, _TOPICS, lines), numbers.integers(0, _TOPICS, lines)
    every = np.arange(len(LEAVES))
    of_tree = tuple(matrix.astype(np.float32) for matrix in _vectors(every, every * 0, numbers))
    return District(
        _needs(need_leaf, need_topic, places, chance),
        _offers(offer_leaf, offer_topic, places, chance),
        _vectors(need_leaf, need_topic, numbers),
        _vectors(offer_leaf, offer_topic, numbers),
        Background(of_tree, of_tree),
    )
