"""States of a need, and who may look for what suits it."""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from uuid import UUID

from shared.auth import Principal, Role
from shared.steps import Denial, Step
from shared.texts import Text

__all__ = ["STEPS", "TAKEN_BY_OTHERS", "NeedAction", "NeedFacts", "NeedState", "may_see_where", "staff_decide"]


# Why nothing is proposed to a need that an applied plan has left open.
TAKEN_BY_OTHERS: Final = "taken_by_other_needs"


class NeedState(StrEnum):
    """Where a need is."""

    OPEN = "open"
    MATCHED = "matched"
    MET = "met"
    WITHDRAWN = "withdrawn"


class NeedAction(StrEnum):
    """What can be done with a need."""

    MATCHES = "matches"
    WITHDRAW = "withdraw"


@dataclass(frozen=True, slots=True)
class NeedFacts:
    """What the rules know of a need."""

    state: NeedState
    area_path: str


def staff_decide(area_path: str, caller: Principal) -> Denial | None:
    """Let the staff of the need's area look for matches and decide on them."""
    if caller.has(Role.OFFICER, Role.SECRETARY, Role.GRID_WORKER, at=area_path):
        return None
    return Denial(
        "staff_decide_matches", Text(zh="需由需求所在区域的工作人员确认", en="Staff of the need's area decide")
    )


def may_see_where(area_path: str, at_work: Collection[UUID], caller: Principal) -> bool:
    """Tell whether somebody may see the case behind a need, and where exactly it is.

    Args:
        area_path: of the need.
        at_work: the units that work on it.
        caller: who asks.
    """
    if caller.has(Role.OFFICER, Role.SECRETARY, Role.GRID_WORKER, Role.ADMINISTRATOR, at=area_path):
        return True
    return not caller.units(Role.UNIT_STAFF, Role.PARTNER).isdisjoint(at_work)


def _staff_here(need: NeedFacts, caller: Principal) -> Denial | None:
    return staff_decide(need.area_path, caller)


STEPS: Final[dict[NeedAction, Step[NeedFacts]]] = {
    NeedAction.MATCHES: Step(frozenset({NeedState.OPEN}), None, _staff_here),
    NeedAction.WITHDRAW: Step(frozenset({NeedState.OPEN}), NeedState.WITHDRAWN, _staff_here),
}
