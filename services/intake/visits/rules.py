"""The words of visits, their table of steps, and how a door is known again. Pure."""

import re
import unicodedata
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from services.intake.cases.terms import Channel
from services.intake.visit_plans.rules import VisitKind
from shared.auth import Principal, Role
from shared.steps import Denial, Step
from shared.texts import Text

__all__ = [
    "CLOCK_SKEW",
    "OLDEST",
    "STEPS",
    "Disposition",
    "VisitAction",
    "VisitFacts",
    "VisitState",
    "channel_of",
    "door_hint",
    "same_door",
    "title_of",
]

# A phone's clock may be ahead; a year, or ten, of older visits may be brought in.
CLOCK_SKEW: Final = timedelta(minutes=10)
OLDEST: Final = timedelta(days=3_653)
_HINT_CHARACTERS: Final = 2
_TITLE_CHARACTERS: Final = 60
_GAPS: Final = re.compile(r"[\s\-－—–·.,，。/\\#]+")


class Disposition(StrEnum):
    """What became of a thing that was heard."""

    CASE = "case"
    NOTED = "noted"
    ANSWERED = "answered"


class VisitState(StrEnum):
    """Where a visit is."""

    RECORDED = "recorded"
    VOIDED = "voided"


class VisitAction(StrEnum):
    """What somebody can do with a visit."""

    VOID = "void"


@dataclass(frozen=True, slots=True)
class VisitFacts:
    """What the rules know of a visit."""

    state: VisitState
    area_path: str
    visitor_id: UUID


def _voids(visit: VisitFacts, caller: Principal) -> Denial | None:
    if caller.subject_id == visit.visitor_id or caller.has(Role.OFFICER, Role.SECRETARY, at=visit.area_path):
        return None
    detail = Text(zh="由走访人或该区域工作人员作废", en="The visitor or an officer of the area voids a visit")
    return Denial("visitor_or_officer", detail)


STEPS: Final[dict[VisitAction, Step[VisitFacts]]] = {
    VisitAction.VOID: Step(frozenset({VisitState.RECORDED}), VisitState.VOIDED, _voids),
}


def same_door(label: str) -> str:
    """Return what two spellings of a door have in common: widths, case, blanks and the marks between its parts."""
    parts = _GAPS.split(unicodedata.normalize("NFKC", label).casefold())
    return "-".join(part for part in parts if part)


def door_hint(label: str) -> str:
    """Return as much of a door as may be seen by everybody who sees the visit."""
    return label.strip()[:_HINT_CHARACTERS] + "***"


def channel_of(kind: VisitKind) -> Channel:
    """Return how a case comes in that was heard on a visit."""
    return Channel.ENTERPRISE if kind is VisitKind.ENTERPRISE else Channel.VISIT


def title_of(words: str) -> str:
    """Return the first line of what was heard, cut to a title."""
    first = words.strip().splitlines()[0].strip()
    return first if len(first) <= _TITLE_CHARACTERS else first[: _TITLE_CHARACTERS - 1] + "…"
