"""How alike what somebody is about to file and an open case are, pure; each part of the score is a reason.

Words are compared by pairs of characters, which needs no dictionary. Distances are told in steps and likeness in
tenths: whoever asks again and again should not find out where somebody lives or what exactly they wrote.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from services.intake.proposals.lexical import cosine, grams, normalised
from shared.texts import Text

__all__ = ["NEAR_M", "SHOWN", "Asked", "Candidate", "Reason", "Suggestion", "box_around", "suggest"]

NEAR_M: Final = 200
SHOWN: Final = 5
_STEPS_M: Final = (50, 100, 200)
_PAIRS: Final = (2,)
_METRES_A_DEGREE: Final = 111_320.0
_WORDS, _PLACE, _CATEGORY = 0.5, 0.3, 0.2
# Of the whole score; closeness in time tells two alike cases apart, and makes none alike.
_TIME: Final = 0.1
_HALF_AFTER: Final = timedelta(days=7)
_STEPS_DAYS: Final = (1, 3, 7)
# The same area says less than the same place.
_SAME_AREA: Final = 0.4
_ALIKE_FROM: Final = 0.15
_SURE_FROM: Final = 0.4

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody is about to file, and when. `point` is latitude and longitude in degrees."""

    text: str
    path: str
    point: Point | None
    category: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Candidate:
    """An open case nearby."""

    id: UUID
    number: str
    category: str
    kind: str
    title: str
    text: str
    area_id: UUID
    area_path: str
    point: Point | None
    state: str
    joiners: int
    filed_at: datetime


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a case is suggested."""

    code: str
    detail: Text


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A case and how alike it is, from 0 to 1."""

    case: Candidate
    score: float
    similarity: float
    within_m: int | None
    reasons: Sequence[Reason]


def box_around(point: Point, metres: float) -> tuple[float, float, float, float]:
    """Return west, south, east, north of a box that reaches so far in every direction."""
    latitude, longitude = point
    high = metres / _METRES_A_DEGREE
    wide = high / max(0.01, math.cos(math.radians(latitude)))
    return longitude - wide, latitude - high, longitude + wide, latitude + high


def _distance_m(one: Point, other: Point) -> float:
    """Return how far apart two places are that lie close together."""
    wide = math.cos(math.radians((one[0] + other[0]) / 2))
    return _METRES_A_DEGREE * math.hypot(one[0] - other[0], (one[1] - other[1]) * wide)


def suggest(asked: Asked, candidates: Sequence[Candidate]) -> list[Suggestion]:
    """Return what is alike enough to be asked about, the likest first."""
    words = _vector(asked.text)
    found = [_judged(asked, words, candidate) for candidate in candidates]
    alike = [item for item in found if item is not None]
    return sorted(alike, key=lambda item: (-item.score, -item.case.filed_at.timestamp()))


def _vector(text: str) -> dict[str, float]:
    return normalised({pair: float(count) for pair, count in grams(text, _PAIRS).items()})


def _judged(asked: Asked, words: dict[str, Any], case: Candidate) -> Suggestion | None:
    similarity = cosine(words, _vector(f"{case.title} {case.text}"))
    reasons, place, within = _place(asked, case)
    is_same_category = asked.category == case.category
    if is_same_category:
        reasons.append(Reason("same_category", Text(zh="同一分类", en="the same category")))
    if similarity >= _ALIKE_FROM:
        told = round(similarity, 1)
        detail = Text(zh=f"描述相似度约 {told:.0%}", en=f"said alike, about {told:.0%}")
        reasons.append(Reason("similar_words", detail))
    alike = _WORDS * min(1.0, similarity) + _PLACE * place + _CATEGORY * is_same_category
    is_alike = similarity >= _ALIKE_FROM or (within is not None and is_same_category)
    if not is_alike or alike < _ALIKE_FROM + _PLACE * _SAME_AREA * (similarity < _SURE_FROM):
        return None
    recently, close = _time(asked, case)
    score = (1 - _TIME) * alike + _TIME * close
    return Suggestion(case, score, similarity, within, [*reasons, *recently])


def _time(asked: Asked, case: Candidate) -> tuple[list[Reason], float]:
    """Return how close in time two are: 1 at once, half of it after a week, and half of that after another."""
    apart = max(asked.at - case.filed_at, timedelta(0))
    days = next((step for step in _STEPS_DAYS if apart <= timedelta(days=step)), None)
    reasons = []
    if days is not None:
        detail = Text(zh=f"{days} 天内提出", en=f"filed within {days} day{'s' if days > 1 else ''}")
        reasons.append(Reason("close_in_time", detail))
    return reasons, 0.5 ** (apart / _HALF_AFTER)


def _place(asked: Asked, case: Candidate) -> tuple[list[Reason], float, int | None]:
    if asked.point is not None and case.point is not None:
        distance = _distance_m(asked.point, case.point)
        within = next((step for step in _STEPS_M if distance <= step), None)
        if within is None:
            return [], 0.0, None
        detail = Text(zh=f"相距 {within} 米以内", en=f"within {within} m")
        return [Reason("same_place", detail)], 1 - distance / (2 * NEAR_M), within
    if asked.path == case.area_path:
        return [Reason("same_area", Text(zh="同一区域", en="the same area"))], _SAME_AREA, None
    return [], 0.0, None
