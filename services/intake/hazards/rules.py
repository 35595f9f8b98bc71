"""The words of hazards and their table of steps. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from uuid import UUID

from shared.auth import Principal, Role
from shared.steps import Denial, Step
from shared.texts import Text

__all__ = ["MINUTES", "OPEN", "STEPS", "HazardAction", "HazardFacts", "HazardState", "Severity"]


class Severity(StrEnum):
    """How bad a hazard is, as the law on work safety (安全生产法, art. 41 and 118) tells them apart."""

    GENERAL = "general"
    MAJOR = "major"


class HazardState(StrEnum):
    """Where a hazard is."""

    NOTICED = "noticed"
    RECTIFIED = "rectified"
    CLOSED = "closed"
    WITHDRAWN = "withdrawn"


class HazardAction(StrEnum):
    """What somebody can do with a hazard."""

    RECTIFY = "rectify"
    PASS = "pass"  # noqa: S105 - a step, no secret
    FAIL = "fail"
    EXTEND = "extend"
    ESCALATE = "escalate"
    WITHDRAW = "withdraw"


# Working minutes within which a hazard is to be rectified, if neither the checklist nor the inspector says otherwise:
# ten days of seven hours, and three.
MINUTES: Final[Mapping[Severity, int]] = {Severity.GENERAL: 4_200, Severity.MAJOR: 1_260}
OPEN: Final = frozenset({HazardState.NOTICED, HazardState.RECTIFIED})

_STAFF: Final = (Role.GRID_WORKER, Role.OFFICER, Role.SECRETARY)
_OFFICERS: Final = (Role.OFFICER, Role.SECRETARY)


@dataclass(frozen=True, slots=True)
class HazardFacts:
    """What the rules know of a hazard."""

    state: HazardState
    area_path: str
    unit_id: UUID | None
    rectified_by: str | None
    case_id: UUID | None


def _rectifies(hazard: HazardFacts, caller: Principal) -> Denial | None:
    """The unit that was given notice; the area's staff may write down for it what it has done."""
    if hazard.unit_id is not None and hazard.unit_id in caller.units(Role.UNIT_STAFF):
        return None
    if caller.has(*_STAFF, at=hazard.area_path):
        return None
    return Denial("unit_or_staff", Text(zh="由责任单位或该区域工作人员登记", en="The unit, or the area's own staff"))


def _looks_again(hazard: HazardFacts, caller: Principal) -> Denial | None:
    """The area's staff, and not whoever said that it is rectified."""
    if not caller.has(*_STAFF, at=hazard.area_path):
        return Denial("staff_of_the_area", Text(zh="由该区域工作人员复查", en="The area's own staff looks again"))
    if hazard.rectified_by == caller.actor:
        detail = Text(zh="登记整改的人不能自己复查", en="Nobody looks again at what they said is rectified")
        return Denial("not_ones_own_word", detail)
    return None


def _officer(hazard: HazardFacts, caller: Principal) -> Denial | None:
    if caller.has(*_OFFICERS, at=hazard.area_path):
        return None
    return Denial("officers_of_the_area", Text(zh="由该区域工作人员操作", en="Only an officer of the area may do this"))


def _escalates(hazard: HazardFacts, caller: Principal) -> Denial | None:
    if not caller.has(*_STAFF, at=hazard.area_path):
        return Denial("staff_of_the_area", Text(zh="由该区域工作人员上报", en="The area's own staff escalates"))
    if hazard.case_id is not None:
        return Denial("already_a_case", Text(zh="已转为诉求办理", en="It is a case already"))
    return None


_NOTICED: Final = frozenset({HazardState.NOTICED})
_RECTIFIED: Final = frozenset({HazardState.RECTIFIED})
STEPS: Final[dict[HazardAction, Step[HazardFacts]]] = {
    HazardAction.RECTIFY: Step(_NOTICED, HazardState.RECTIFIED, _rectifies),
    HazardAction.PASS: Step(_RECTIFIED, HazardState.CLOSED, _looks_again),
    # Again, with a new notice and a new due time.
    HazardAction.FAIL: Step(_RECTIFIED, HazardState.NOTICED, _looks_again),
    HazardAction.EXTEND: Step(_NOTICED, None, _officer),
    HazardAction.ESCALATE: Step(OPEN, None, _escalates),
    HazardAction.WITHDRAW: Step(OPEN, HazardState.WITHDRAWN, _officer),
}
