"""The rules of a case, pure: one table of steps, who may take them, and how a case gets its level."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from uuid import UUID

from shared.auth import Principal, Role
from shared.steps import Denial, Step
from shared.texts import Text

__all__ = [
    "STEPS",
    "Action",
    "CaseFacts",
    "Criteria",
    "Level",
    "Outcome",
    "Reason",
    "State",
    "lives_near",
    "triage",
]


class State(StrEnum):
    """Where a case is."""

    FILED = "filed"
    ACCEPTED = "accepted"
    TRIAGED = "triaged"
    ASSIGNED = "assigned"
    CLAIMED = "claimed"
    RESOLVED = "resolved"
    REOPENED = "reopened"
    CLOSED = "closed"


class Level(StrEnum):
    """Who must handle a case: 小事, 大事, 难事."""

    GRID = "grid"
    COUNCIL = "council"
    JOINT = "joint"


class Outcome(StrEnum):
    """What came of it, separate from the state."""

    SATISFIED = "satisfied"
    NOT_SATISFIED = "not_satisfied"


class Action(StrEnum):
    """What somebody can do with a case."""

    ACCEPT = "accept"
    TRIAGE = "triage"
    ASSIGN = "assign"
    CLAIM = "claim"
    PROGRESS = "progress"
    RESOLVE = "resolve"
    FEEDBACK = "feedback"
    NEEDS = "needs"
    JOIN = "join"


@dataclass(frozen=True, slots=True)
class CaseFacts:
    """What the rules know of a case."""

    state: State
    area_path: str
    requester_id: UUID
    level: Level | None
    unit_id: UUID | None
    is_joined: bool


_STAFF: Final = (Role.GRID_WORKER, Role.OFFICER, Role.SECRETARY)
_OFFICERS: Final = (Role.OFFICER, Role.SECRETARY, Role.CONVENOR)


def _staff_here(case: CaseFacts, caller: Principal) -> Denial | None:
    if caller.has(*_STAFF, at=case.area_path):
        return None
    return Denial(
        "staff_of_the_area", Text(zh="需由该区域的网格员或工作人员操作", en="Only the area's own staff may do this")
    )


def _officer_here(case: CaseFacts, caller: Principal) -> Denial | None:
    if caller.has(*_OFFICERS, at=case.area_path):
        return None
    if case.level is Level.GRID and caller.has(Role.GRID_WORKER, at=case.area_path):
        return None
    detail = Text(zh="需由该区域的工作人员或召集人指派", en="Only an officer or the convenor of the area may assign")
    return Denial("officers_assign", detail)


def _unit_claims(case: CaseFacts, caller: Principal) -> Denial | None:
    units = caller.units(Role.UNIT_STAFF)
    if not units:
        return Denial("units_claim", Text(zh="只有单位人员可以认领", en="Only somebody who acts for a unit may claim"))
    if case.unit_id is not None and case.unit_id not in units:
        return Denial("assigned_to_another_unit", Text(zh="已指派给其他单位", en="It is assigned to another unit"))
    return None


def _handler(case: CaseFacts, caller: Principal) -> Denial | None:
    if case.unit_id is not None and case.unit_id in caller.units(Role.UNIT_STAFF):
        return None
    if case.unit_id is None and case.level is Level.GRID:
        return _staff_here(case, caller)
    return Denial("handler_only", Text(zh="需由承办单位操作", en="Only the unit that handles the case may do this"))


def _requester(case: CaseFacts, caller: Principal) -> Denial | None:
    if caller.subject_id == case.requester_id:
        return None
    return Denial("requester_only", Text(zh="只有诉求人可以评价", en="Only the one who raised the case may judge it"))


def _neighbour(case: CaseFacts, caller: Principal) -> Denial | None:
    if caller.subject_id == case.requester_id or case.is_joined:
        return Denial("already_concerned", Text(zh="您已在该诉求中", en="You are part of this case already"))
    if caller.has(Role.RESIDENT):
        return None
    return Denial("residents_join", Text(zh="只有居民可以加入", en="Only residents may join"))


def lives_near(caller: Principal, path: str) -> bool:
    """Tell whether a resident's home lies at the place, above it, or anywhere below the place's own parent."""
    around = path.rpartition(".")[0] or path
    homes = caller.paths(Role.RESIDENT)
    return caller.has(Role.RESIDENT, at=path) or any(f"{home}.".startswith(f"{around}.") for home in homes)


_OPEN: Final = frozenset(State) - {State.CLOSED}
_IN_HAND: Final = frozenset({State.TRIAGED, State.ASSIGNED, State.CLAIMED})

STEPS: Final[dict[Action, Step[CaseFacts]]] = {
    Action.ACCEPT: Step(frozenset({State.FILED}), State.ACCEPTED, _staff_here),
    Action.TRIAGE: Step(frozenset({State.ACCEPTED, State.REOPENED}), State.TRIAGED, _staff_here),
    # A claim that its unit does not keep can be taken from it.
    Action.ASSIGN: Step(_IN_HAND, State.ASSIGNED, _officer_here),
    Action.CLAIM: Step(frozenset({State.TRIAGED, State.ASSIGNED}), State.CLAIMED, _unit_claims),
    Action.PROGRESS: Step(_IN_HAND, None, _handler),
    Action.RESOLVE: Step(_IN_HAND, State.RESOLVED, _handler),
    Action.NEEDS: Step(_IN_HAND | {State.ACCEPTED, State.REOPENED}, None, _staff_here),
    Action.JOIN: Step(_OPEN, None, _neighbour),
    # The target depends on the answer: closed when solved, reopened when not.
    Action.FEEDBACK: Step(frozenset({State.RESOLVED}), State.CLOSED, _requester),
}


@dataclass(frozen=True, slots=True)
class Criteria:
    """What triage asks. Cost is an estimate in fen."""

    owner_is_clear: bool
    crosses_boundary: bool
    households: int
    cost_fen: int
    departments: int


@dataclass(frozen=True, slots=True)
class Reason:
    """One criterion's part in the score."""

    code: str
    points: int
    detail: Text


_COUNCIL_FROM: Final = 3
_JOINT_FROM: Final = 6
_MANY_HOUSEHOLDS: Final = 10
_COSTLY_FEN: Final = 500_000
_VERY_COSTLY_FEN: Final = 5_000_000


def triage(criteria: Criteria) -> tuple[Level, Sequence[Reason]]:
    """Score the criteria and return the level with the reasons; below 3 points the grid, from 6 the joint meeting."""
    reasons = []
    if not criteria.owner_is_clear:
        reasons.append(Reason("owner_unclear", 4, Text(zh="权属不清", en="nobody knows whose it is")))
    if criteria.crosses_boundary:
        reasons.append(Reason("crosses_boundary", 3, Text(zh="跨区域", en="it lies across a boundary")))
    if criteria.households > _MANY_HOUSEHOLDS:
        reasons.append(
            Reason("many_households", 3, Text(zh="涉及十户以上", en="more than ten households are affected"))
        )
    if criteria.cost_fen > _VERY_COSTLY_FEN:
        reasons.append(Reason("very_costly", 6, Text(zh="预计费用超过五万元", en="it may cost more than 50 000 yuan")))
    elif criteria.cost_fen > _COSTLY_FEN:
        reasons.append(Reason("costly", 3, Text(zh="预计费用超过五千元", en="it may cost more than 5 000 yuan")))
    if criteria.departments > 1:
        reasons.append(
            Reason("several_departments", 3, Text(zh="涉及多个部门", en="several departments are concerned"))
        )
    points = sum(reason.points for reason in reasons)
    level = Level.JOINT if points >= _JOINT_FROM else Level.COUNCIL if points >= _COUNCIL_FROM else Level.GRID
    if not reasons:
        reasons.append(Reason("simple", 0, Text(zh="权属清楚、影响小", en="the owner is known and few are affected")))
    return level, reasons
