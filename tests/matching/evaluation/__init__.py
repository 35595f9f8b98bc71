"""The evaluation set, its halves, and what is measured on it; see README.md beside."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from services.matching.engine.blocks import BELOW
from services.matching.engine.branches import branches_of
from services.matching.engine.facts import Manner, NeedFacts, OfferFacts, Point, Reach, Vectors, kinds_mask
from services.matching.engine.filters import PASSED
from services.matching.engine.lines import Lines, columns_of, read_offers
from services.matching.engine.scoring import Weights
from services.matching.engine.standing import Background
from services.matching.slots.leaves import LEAF_TEXTS, leaf_shares
from services.matching.slots.reading import read_need, read_offer
from services.matching.slots.times import ALWAYS
from services.matching.slots.tree import BRANCHES
from shared.encoders import Encoder

__all__ = ["NOW", "Judged", "Quality", "Texts", "columns", "embedded", "half", "judged", "load", "measured"]

HERE: Final = Path(__file__).parent
NOW: Final = datetime(2026, 5, 4, 9, 0, tzinfo=UTC)
_METRES_PER_DEGREE: Final = 111_195.08

Row = Mapping[str, str]


def _rows(name: str) -> list[dict[str, str]]:
    with (HERE / name).open(encoding="utf-8") as source:
        return list(csv.DictReader(source, delimiter="\t"))


@dataclass(frozen=True, slots=True)
class Loaded:
    """The needs and offers as they are written down."""

    needs: Sequence[Row]
    offers: Sequence[Row]
    areas: Mapping[str, Row]

    def right(self, place: int) -> frozenset[int]:
        """Return which offers suit a need."""
        known = {row["id"]: number for number, row in enumerate(self.offers)}
        return frozenset(known[offer] for offer in self.needs[place]["right"].split(",") if offer)


def load() -> Loaded:
    """Read the set."""
    return Loaded(_rows("needs.tsv"), _rows("offers.tsv"), {row["code"]: row for row in _rows("areas.tsv")})


def _point(area: Row) -> Point:
    return Point(float(area["x_m"]) / _METRES_PER_DEGREE, float(area["y_m"]) / _METRES_PER_DEGREE)


def _id(kind: int, place: int) -> UUID:
    return UUID(int=(kind << 64) + place)


def _need(loaded: Loaded, place: int, leaves: tuple[float, ...]) -> NeedFacts:
    row = loaded.needs[place]
    slots, area = read_need(row["text"]), loaded.areas[row["at"]]
    return NeedFacts(
        id=_id(1, place),
        branch=row["category"],
        text=row["text"],
        area_path=area["path"],
        point=_point(area),
        quantity=slots.quantity or 1,
        leaves=leaves,
        times=ALWAYS if slots.times is None else slots.times,
        groups=slots.person.groups,
        age=slots.person.age,
        kinds=kinds_mask(slots.kinds),
        manner=Manner(slots.manner),
        wants_free=slots.wants_free,
        urgent=slots.urgent,
    )


def _offer(loaded: Loaded, place: int, leaves: tuple[float, ...]) -> OfferFacts:
    row = loaded.offers[place]
    slots = read_offer(row["text"])
    until = datetime.fromisoformat(row["until"]).replace(tzinfo=UTC) if row["until"] else None
    return OfferFacts(
        id=_id(2, place),
        branch=row["category"],
        kind=row["kind"],
        text=row["text"],
        coverage=row["covers"],
        free=int(row["free"]),
        active=True,
        is_vetted=True,
        valid_from=NOW - timedelta(days=90),
        valid_until=until,
        confirmed_at=NOW - timedelta(days=20),
        point=_point(loaded.areas[row["at"]]),
        reach=Reach(row["reach"]),
        leaves=leaves,
        times=ALWAYS if slots.times is None else slots.times,
        eligibility=slots.eligibility,
        is_priced=slots.is_priced,
    )


@dataclass(frozen=True, slots=True)
class Texts:
    """All texts as the encoders place them; by words alone when there are none."""

    needs: Vectors
    offers: Vectors
    leaves_as_needs: Vectors
    leaves_as_offers: Vectors

    def background(self, lines: Lines) -> Background:
        """Return the words of the tree as lines."""
        return Background(self.leaves_as_needs or (lines.tree,), self.leaves_as_offers or (lines.tree,))


def embedded(loaded: Loaded, encoders: Sequence[Encoder]) -> Texts:
    """Embed the set and the tree."""
    needs, offers = [row["text"] for row in loaded.needs], [row["text"] for row in loaded.offers]
    return Texts(
        tuple(encoder.embed(needs) for encoder in encoders),
        tuple(encoder.embed(offers, passages=True) for encoder in encoders),
        tuple(encoder.embed(LEAF_TEXTS) for encoder in encoders),
        tuple(encoder.embed(LEAF_TEXTS, passages=True) for encoder in encoders),
    )


def _leaves(rows: Sequence[Row], vectors: Vectors, of_leaves: Vectors) -> list[tuple[float, ...]]:
    found: list[tuple[float, ...]] = [()] * len(rows)
    for branch in BRANCHES:
        places = [place for place, row in enumerate(rows) if row["category"] == branch]
        texts = [rows[place]["text"] for place in places]
        shares = leaf_shares(texts, branch, [matrix[places] for matrix in vectors], of_leaves)
        for place, share in zip(places, shares.tolist(), strict=True):
            found[place] = tuple(share)
    return found


def columns(loaded: Loaded, texts: Texts) -> Lines:
    """Read all slots and return the set as the engine takes it."""
    need_leaves = _leaves(loaded.needs, texts.needs, texts.leaves_as_offers)
    offer_leaves = _leaves(loaded.offers, texts.offers, texts.leaves_as_needs)
    needs = [_need(loaded, place, leaves) for place, leaves in enumerate(need_leaves)]
    offers = [_offer(loaded, place, leaves) for place, leaves in enumerate(offer_leaves)]
    return columns_of(needs, read_offers(offers, texts.offers), texts.needs, NOW)


@dataclass(frozen=True, slots=True)
class Judged:
    """What the engine says of a need and the offers of its branch, one entry for each need."""

    offers: Sequence[NDArray[np.int64]]
    codes: Sequence[NDArray[np.uint8]]
    terms: Sequence[NDArray[np.int16]]
    score: Sequence[NDArray[np.int16]]


def judged(loaded: Loaded, texts: Texts, weights: Weights) -> Judged:
    """Let the engine judge every pair inside of each branch."""
    found: dict[int, tuple[NDArray[Any], ...]] = {}
    lines = columns(loaded, texts)
    for branch in branches_of(lines.needs, lines.offers, texts.background(lines)):
        everything = np.arange(len(branch.need_rows)), np.arange(len(branch.offer_rows))
        block = branch.judge(*everything, weights)
        for at, row in enumerate(branch.need_rows.tolist()):
            terms = np.stack([term[at] for term in block.terms], axis=1)
            found[row] = (branch.offer_rows, block.codes[at], terms, block.score[at])
    parts = zip(*(found[row] for row in range(len(loaded.needs))), strict=True)
    return Judged(*(list(part) for part in parts))


@dataclass(frozen=True, slots=True)
class Quality:
    """What came out on one half.

    Attributes:
        hit_at_1: of the needs that have a suitable offer, the share whose first proposal is one.
        no_match_f1: how well "no suitable resource" is said: precision and recall of it, as one number.
    """

    needs: int
    without: int
    hit_at_1: float
    no_match_precision: float
    no_match_recall: float
    no_match_f1: float


def half(loaded: Loaded, name: str) -> list[int]:
    """Return the needs of a half: A (first, third, ...) teaches, B (second, fourth, ...) is measured."""
    return list(range(0 if name == "A" else 1, len(loaded.needs), 2))


def measured(loaded: Loaded, found: Judged, needs: Sequence[int], threshold: int) -> Quality:
    """Measure what is proposed for some needs, from a threshold on."""
    hits = with_offer = said = rightly = 0
    for need in needs:
        right = loaded.right(need)
        passed = (found.codes[need] == PASSED) | (found.codes[need] == BELOW)
        score = np.where(passed, found.score[need], -1)
        best = int(score.argmax()) if len(score) else 0
        nothing = not len(score) or score[best] < threshold
        hits += bool(right) and not nothing and int(found.offers[need][best]) in right
        with_offer += bool(right)
        said += nothing
        rightly += nothing and not right
    without = len(needs) - with_offer
    precision, recall = rightly / max(said, 1), rightly / max(without, 1)
    f1 = 2 * precision * recall / max(precision + recall, 1e-9)
    numbers = (hits / max(with_offer, 1), precision, recall, f1)
    return Quality(len(needs), without, *(round(float(number), 3) for number in numbers))
