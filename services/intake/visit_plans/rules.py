"""The words of visits and their plans, the rounds of a plan, and the table of its steps. Pure."""

from calendar import monthrange
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from itertools import pairwise
from typing import Final

from shared.auth import Principal, Role
from shared.steps import Denial, Step
from shared.texts import Text

__all__ = [
    "HOUSEHOLDS_MAX",
    "ROUNDS_MAX",
    "SEES_VISITS",
    "STAFF",
    "STEPS",
    "Every",
    "PlanAction",
    "PlanFacts",
    "PlanState",
    "VisitKind",
    "lies_within",
    "overlapping",
    "percent",
    "rounds",
]

ROUNDS_MAX: Final = 60
HOUSEHOLDS_MAX: Final = 100_000
STAFF: Final = (Role.GRID_WORKER, Role.OFFICER, Role.SECRETARY)
SEES_VISITS: Final = (*STAFF, Role.ADMINISTRATOR, Role.AUDITOR)
_PLANNERS: Final = (Role.OFFICER, Role.SECRETARY)
_WEEK: Final = timedelta(days=7)


class VisitKind(StrEnum):
    """What somebody goes for. Each has rules of its own, so it is no data: whom it reaches, and how its cases come in.

    What differs from place to place is data: titles of plans, categories of what is heard, checklists.
    """

    HOME = "home"
    ENTERPRISE = "enterprise"
    INSPECTION = "inspection"
    ERRAND = "errand"


class Every(StrEnum):
    """How often a plan's households are to be reached: once in its period, or once in each part of it."""

    ONCE = "once"
    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"


class PlanState(StrEnum):
    """Where a plan is."""

    OPEN = "open"
    FINISHED = "finished"
    CANCELLED = "cancelled"


class PlanAction(StrEnum):
    """What somebody can do with a plan."""

    FINISH = "finish"
    CANCEL = "cancel"


@dataclass(frozen=True, slots=True)
class PlanFacts:
    """What the rules know of a plan."""

    state: PlanState
    area_path: str


def _planner(plan: PlanFacts, caller: Principal) -> Denial | None:
    if caller.has(*_PLANNERS, at=plan.area_path):
        return None
    return Denial("officers_plan_visits", Text(zh="由该区域工作人员安排走访", en="Officers of the area plan visits"))


_OPEN: Final = frozenset({PlanState.OPEN})
STEPS: Final[dict[PlanAction, Step[PlanFacts]]] = {
    PlanAction.FINISH: Step(_OPEN, PlanState.FINISHED, _planner),
    PlanAction.CANCEL: Step(_OPEN, PlanState.CANCELLED, _planner),
}


def lies_within(path: str, ancestor: str) -> bool:
    """Tell whether a path is the ancestor or lies below it."""
    return path == ancestor or path.startswith(f"{ancestor}.")


def overlapping(paths: Sequence[str]) -> int | None:
    """Return the place of a path that is, or lies within, another one; None when none does.

    A household then belongs to one target at the most.
    """
    ordered = sorted(range(len(paths)), key=lambda place: paths[place].split("."))
    for one, two in pairwise(ordered):
        if lies_within(paths[two], paths[one]):
            return two
    return None


def rounds(first_on: date, last_on: date, every: Every) -> list[tuple[date, date]]:
    """Return the first and last days of a plan's rounds: they follow each other and fill the period.

    A month is counted from the plan's own first day, and ends where a shorter month ends; the last round may be cut.
    """
    found = []
    begins = first_on
    for number in range(1, (last_on - first_on).days + 2):
        following = _begin_of(first_on, every, number)
        ends = last_on if following is None else min(last_on, following - timedelta(days=1))
        found.append((begins, ends))
        if following is None or following > last_on:
            break
        begins = following
    return found


def _begin_of(first_on: date, every: Every, number: int) -> date | None:
    """Return the day on which a round begins, counted from 0; None when there is no such round."""
    if every is Every.ONCE:
        return None
    if every is Every.WEEK:
        return first_on + number * _WEEK
    months = first_on.month - 1 + number * (3 if every is Every.QUARTER else 1)
    year, month = first_on.year + months // 12, months % 12 + 1
    return date(year, month, min(first_on.day, monthrange(year, month)[1]))


def percent(covered: int, planned: int) -> int | None:
    """Return the whole percents that are covered, rounded down so that 100 means all; None when nothing was planned."""
    return covered * 100 // planned if planned else None
