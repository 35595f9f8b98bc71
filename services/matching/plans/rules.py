"""States of a plan, who may apply it, how long it is kept, and what a line of it changes. Pure."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final

from shared.auth import Principal, Role
from shared.problems import Conflict
from shared.steps import Denial, Step
from shared.texts import Text

__all__ = [
    "BY_NIGHT",
    "KEPT",
    "KEPT_BY_NIGHT",
    "PLANNERS",
    "STEPS",
    "LineChange",
    "LineOutcome",
    "PlanAction",
    "PlanFacts",
    "PlanState",
    "PlanUnderWay",
    "change_of",
]

PLANNERS: Final = (Role.OFFICER, Role.SECRETARY)
# Who asks for the plan of every night.
BY_NIGHT: Final = "system/matching"
# The lines of a plan that nobody applied are kept so long, once a newer one covers its area: as many lines as needs and
# offers come every night, and nobody looks at last week's.
KEPT: Final = timedelta(days=30)
KEPT_BY_NIGHT: Final = timedelta(days=7)


class PlanState(StrEnum):
    """Where a plan is; one that has lapsed cannot be applied any more, and its lines are gone or going."""

    WANTED = "wanted"
    COMPUTED = "computed"
    APPLIED = "applied"
    FAILED = "failed"
    LAPSED = "lapsed"


class PlanAction(StrEnum):
    """What can be done with a plan."""

    APPLY = "apply"


class LineChange(StrEnum):
    """What a plan would do to a need's first proposal."""

    NEW = "new"
    CHANGED = "changed"
    SAME = "same"
    WITHDRAWN = "withdrawn"
    LEFT_OPEN = "left_open"


class LineOutcome(StrEnum):
    """What became of a line when the plan was applied."""

    APPLIED = "applied"
    STALE = "stale"


class PlanUnderWay(Conflict):
    """A plan of this area has been asked for and is not computed yet."""

    code = "plan_under_way"
    title = Text(zh="该区域的统筹方案正在计算", en="A plan of this area is being computed")


@dataclass(frozen=True, slots=True)
class PlanFacts:
    """What the rules know of a plan."""

    state: PlanState
    area_path: str


def _planner(plan: PlanFacts, caller: Principal) -> Denial | None:
    if caller.has(*PLANNERS, at=plan.area_path):
        return None
    return Denial("officers_plan", Text(zh="需由该区域的工作人员统筹", en="Officers of the area plan"))


STEPS: Final[dict[PlanAction, Step[PlanFacts]]] = {
    PlanAction.APPLY: Step(frozenset({PlanState.COMPUTED}), PlanState.APPLIED, _planner),
}


def change_of(earlier: object | None, planned: object | None) -> LineChange:
    """Return what a plan changes, by the offer that came first before and the one that it proposes."""
    if planned is None:
        return LineChange.LEFT_OPEN if earlier is None else LineChange.WITHDRAWN
    if earlier is None:
        return LineChange.NEW
    return LineChange.SAME if earlier == planned else LineChange.CHANGED
