"""Use cases that change what a running project is made of, or end it before it is done."""

from collections.abc import Sequence
from uuid import UUID

from services.matching.holds.models import Hold
from services.matching.holds.repository import holds_of
from services.matching.holds.rules import HoldState
from services.matching.holds.service import lock_for_change, release_hold, void_hold
from services.matching.needs.models import Need
from services.matching.needs.repository import lock_need, needs_by_id
from services.matching.needs.rules import NeedState
from services.matching.places import active_unit
from services.matching.problems import UnknownNeed
from services.matching.projects import repository
from services.matching.projects.models import Project, ProjectOpenNeed, ProjectUnit
from services.matching.projects.rules import BudgetState, LeadHelps, NeedTaken, ProjectAction, ProjectState
from services.matching.projects.service import begin_step, cases_of, note_step, tell_each_case, tell_new_cases
from shared.auth import Principal
from shared.clock import utc_now
from shared.contracts.matching import ProjectCancelled
from shared.db import Session, WriteSession
from shared.problems import NotFound

__all__ = [
    "add_helper",
    "cancel_project",
    "detach_need",
    "end_project",
    "is_of_match_alone",
    "join_need",
    "remove_helper",
]

_HOLDS_MAX = 1_000


async def join_need(session: WriteSession, caller: Principal, project: Project, need_id: UUID) -> None:
    """Let a project take on an open need, before anything is found for it; its requesters hear from now on.

    Raises:
        UnknownNeed: no need of this id.
        NeedTaken: another project has it, or it is met or withdrawn.
    """
    begin_step(caller, project, ProjectAction.JOIN_NEED)
    need = await lock_need(session, need_id)
    if need is None:
        raise UnknownNeed(pointer="/need_id")
    if need.state != NeedState.OPEN:
        raise NeedTaken(state=need.state)
    known = set(await cases_of(session, project))
    session.add(ProjectOpenNeed(tenant_id=session.tenant, project_id=project.id, need_id=need.id))
    need.state = NeedState.MATCHED.value
    need.version += 1
    note_step(session, project, "join_need", caller.actor, {"need_id": str(need.id)})
    await session.flush()
    await tell_new_cases(session, project, known)


async def add_helper(session: WriteSession, caller: Principal, project: Project, unit_id: UUID) -> None:
    """Let a unit help; one that helps already goes on helping."""
    begin_step(caller, project, ProjectAction.CHANGE_UNITS)
    unit = await active_unit(session, unit_id)
    if unit.id == project.lead_unit_id:
        raise LeadHelps(pointer="/unit_id")
    if unit.id in await repository.helpers_of(session, project.id):
        return
    session.add(ProjectUnit(tenant_id=session.tenant, project_id=project.id, unit_id=unit.id))
    note_step(session, project, "add_helper", caller.actor, {"unit_id": str(unit.id)})
    await session.flush()


async def remove_helper(session: WriteSession, caller: Principal, project: Project, unit_id: UUID) -> None:
    """Let a unit help no longer."""
    begin_step(caller, project, ProjectAction.CHANGE_UNITS)
    if not await repository.drop_helper(session, project.id, unit_id):
        raise NotFound
    note_step(session, project, "drop_helper", caller.actor, {"unit_id": str(unit_id)})
    await session.flush()


async def cancel_project(session: WriteSession, caller: Principal, project: Project, reason: str) -> None:
    """End a project that will not be done.

    What was committed to it goes back to its offers, its needs are open again, and the fund that was asked hears that
    nobody asks any more; money that was granted stays with its treasurer, who closes the grant.

    Raises:
        StillMoving: goods for it are on their way.
    """
    begin_step(caller, project, ProjectAction.CANCEL)
    await end_project(session, project, actor=caller.actor, reason=reason)


async def end_project(session: WriteSession, project: Project, *, actor: str, reason: str) -> None:
    """Cancel a running project, whoever or whatever has decided it."""
    cancelled_at = utc_now()
    project.state, project.cancelled_at = ProjectState.CANCELLED.value, cancelled_at
    project.cancel_reason = reason
    await _give_back(session, actor, project)
    for need in await needs_by_id(session, await repository.need_ids_of(session, project.id)):
        need.state, need.no_match_reason = NeedState.OPEN.value, None
        need.version += 1
    await repository.reopen_matches(session, project.id)
    note_step(session, project, "cancel", actor, {"reason": reason})
    await session.flush()

    def told(case_id: UUID | None) -> ProjectCancelled:
        return ProjectCancelled(
            project_id=project.id, case_id=case_id, request_id=project.request_id, cancelled_at=cancelled_at
        )

    await tell_each_case(session, project, told)


async def _give_back(session: WriteSession, actor: str, project: Project) -> None:
    """Release what is held or committed for the project or for the matches that it came of."""
    held: list[Hold] = []
    for owner in (project.id, *await repository.matches_of(session, project.id)):
        held += await holds_of(session, for_id=owner, after=None, limit=_HOLDS_MAX)
    # Offers are locked in one order, whoever cancels what.
    for one in sorted(held, key=lambda hold: (hold.offer_id, hold.id)):
        hold, offer, _ = await lock_for_change(session, one.id)
        if hold.state == HoldState.COMMITTED:
            await release_hold(session, hold, offer, actor=actor, reason="project_cancelled")
        elif hold.state == HoldState.HELD:
            await void_hold(session, hold, offer, actor=actor, reason="project_cancelled")


async def is_of_match_alone(session: Session, project: Project, need_id: UUID) -> bool:
    """Tell whether a project was opened by a match for one need, and nothing else has come of it so far."""
    first = await repository.steps_of(session, project.id, after=0, limit=1)
    if not first or not first[0].data.get("of_match") or project.budget_state != BudgetState.NONE:
        return False
    if any(item.reached_at is not None for item in await repository.milestones_of(session, project.id)):
        return False
    return await repository.need_ids_of(session, project.id) == [need_id]


async def detach_need(
    session: WriteSession, project: Project, need: Need, offer_ids: Sequence[UUID], *, reason: str
) -> None:
    """Let a project go on without a need whose offers cannot be had; both are locked."""
    await repository.drop_need(session, project.id, need.id)
    need.state, need.no_match_reason = NeedState.OPEN.value, None
    need.version += 1
    data = {"need_id": str(need.id), "offer_ids": [str(one) for one in offer_ids], "reason": reason}
    note_step(session, project, "detach", "system", data)
    await session.flush()
