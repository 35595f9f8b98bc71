"""States of a project and of its budget, and who may move them."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from shared.auth import Principal, Role
from shared.clock import CHINA
from shared.problems import Conflict, Invalid
from shared.steps import Denial, Step
from shared.texts import Text

__all__ = [
    "STEPS",
    "BudgetAlreadyAsked",
    "BudgetExceeded",
    "BudgetState",
    "GiversSilent",
    "LeadHelps",
    "MilestoneAlreadyReached",
    "MilestonesOpen",
    "NeedTaken",
    "ProjectAction",
    "ProjectFacts",
    "ProjectState",
    "overspent_fen",
    "was_late",
]


class ProjectState(StrEnum):
    """Where a project is."""

    RUNNING = "running"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


class BudgetState(StrEnum):
    """What a fund has said to its budget."""

    NONE = "none"
    REQUESTED = "requested"
    APPROVED = "approved"
    REFUSED = "refused"


class ProjectAction(StrEnum):
    """What can be done with a project."""

    BUDGET_REQUESTS = "budget_requests"
    REACH = "reach"
    JOIN_NEED = "join_need"
    CHANGE_UNITS = "change_units"
    COMPLETE = "complete"
    CANCEL = "cancel"


class BudgetAlreadyAsked(Conflict):
    """One request at a time."""

    code = "budget_already_asked"
    title = Text(zh="已有预算申请", en="A budget was asked for already")


class BudgetExceeded(Invalid):
    """The own part is at most the whole."""

    code = "own_part_exceeds_total"
    title = Text(zh="自筹金额大于总额", en="The own part exceeds the total")


class MilestoneAlreadyReached(Conflict):
    """A milestone is reached once."""

    code = "milestone_already_reached"
    title = Text(zh="该里程碑已完成", en="The milestone is reached already")


class NeedTaken(Conflict):
    """A need is met by one project at a time, and not once it is met or withdrawn."""

    code = "need_not_open"
    title = Text(zh="该需求不是待对接状态", en="The need is not open")


class LeadHelps(Conflict):
    """The lead leads."""

    code = "lead_is_not_helper"
    title = Text(zh="牵头单位无需列为协助单位", en="The leading unit is no helper")


class GiversSilent(Conflict):
    """What a project lives by is agreed on before it is done; `offer_ids` are those whose givers have not answered."""

    code = "givers_silent"
    title = Text(zh="尚有资源方未确认", en="Some givers have not agreed yet")


class MilestonesOpen(Conflict):
    """A project is done when all its milestones are."""

    code = "milestones_open"
    title = Text(zh="尚有未完成的里程碑", en="Some milestones are not reached")


@dataclass(frozen=True, slots=True)
class ProjectFacts:
    """What the rules know of a project."""

    state: ProjectState
    area_path: str
    lead_unit_id: UUID | None


def _responsible(project: ProjectFacts, caller: Principal) -> Denial | None:
    if caller.has(Role.OFFICER, Role.SECRETARY, at=project.area_path):
        return None
    if project.lead_unit_id is not None and project.lead_unit_id in caller.units(Role.UNIT_STAFF):
        return None
    detail = Text(
        zh="需由牵头单位或该区域工作人员操作", en="Only the leading unit or an officer of the area may do this"
    )
    return Denial("lead_unit_or_officer", detail)


def _accepts(project: ProjectFacts, caller: Principal) -> Denial | None:
    """Let officers of the area accept what was done, unless they did it: nobody accepts the own unit's work."""
    if project.lead_unit_id is not None and project.lead_unit_id in caller.units(Role.UNIT_STAFF):
        return Denial(
            "lead_does_not_accept", Text(zh="牵头单位不能验收自己的项目", en="The lead does not accept its own")
        )
    if caller.has(Role.OFFICER, Role.SECRETARY, at=project.area_path):
        return None
    return Denial("officers_accept", Text(zh="需由该区域工作人员验收", en="Officers of the area accept it"))


_RUNNING: Final = frozenset({ProjectState.RUNNING})
STEPS: Final[dict[ProjectAction, Step[ProjectFacts]]] = {
    ProjectAction.BUDGET_REQUESTS: Step(_RUNNING, None, _responsible),
    ProjectAction.REACH: Step(_RUNNING, None, _responsible),
    ProjectAction.JOIN_NEED: Step(_RUNNING, None, _responsible),
    ProjectAction.CHANGE_UNITS: Step(_RUNNING, None, _responsible),
    ProjectAction.COMPLETE: Step(_RUNNING, ProjectState.COMPLETED, _accepts),
    ProjectAction.CANCEL: Step(_RUNNING, ProjectState.CANCELLED, _responsible),
}


def overspent_fen(*, granted_fen: int, own_fen: int, paid_fen: int) -> int:
    """Return by how much the payments exceed what the fund granted and the people concerned raise themselves."""
    return max(0, paid_fen - granted_fen - own_fen)


def was_late(due_on: date | None, reached_at: datetime | None) -> bool:
    """Tell whether a milestone was reached after its last day, by the wall clock."""
    return due_on is not None and reached_at is not None and reached_at.astimezone(CHINA).date() > due_on
