"""Use cases of projects."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from services.matching.cases.repository import find_case_copy
from services.matching.coverage import covers
from services.matching.locking import take_turn
from services.matching.needs.repository import needs_by_id
from services.matching.needs.rules import NeedState
from services.matching.places import active_unit, open_area
from services.matching.problems import UnknownCase, UnknownProject
from services.matching.projects import repository
from services.matching.projects.models import Milestone, Project, ProjectNeed, ProjectStep, ProjectUnit
from services.matching.projects.rules import (
    STEPS,
    BudgetAlreadyAsked,
    BudgetExceeded,
    BudgetState,
    GiversSilent,
    MilestoneAlreadyReached,
    MilestonesOpen,
    ProjectAction,
    ProjectFacts,
    ProjectState,
    was_late,
)
from services.matching.projects.schemas import BudgetIn, CompleteIn, ReachIn
from services.matching.proofs.telling import show_proof
from services.matching.record.rules import Fulfilment
from services.matching.record.service import note_fulfilment
from shared.auth import Principal, Role
from shared.clock import utc_now
from shared.contracts import EventData
from shared.contracts.matching import ProjectBudgetRequested, ProjectCompleted, ProjectOpened, ProjectProgressed
from shared.db import Session, WriteSession
from shared.ids import new_id
from shared.messaging import publish
from shared.problems import Forbidden, IdTaken, NotFound, Unauthenticated
from shared.steps import check_step

__all__ = [
    "NewProject",
    "attach_to_project",
    "begin_step",
    "cases_of",
    "complete_project",
    "facts_of",
    "find_sent_before",
    "lock_project",
    "note_step",
    "open_project",
    "opened",
    "reach_milestone",
    "request_budget",
    "tell_each_case",
    "tell_new_cases",
]


@dataclass(frozen=True, slots=True)
class NewProject:
    """What a project is opened with; `of_match` is one that a proposal brought about."""

    id: UUID | None
    title: str
    area_id: UUID
    case_id: UUID | None
    need_ids: tuple[UUID, ...]
    lead_unit_id: UUID | None
    helping_unit_ids: tuple[UUID, ...]
    milestones: tuple[tuple[str, date | None], ...]
    of_match: bool = False


def facts_of(project: Project) -> ProjectFacts:
    """Return what the rules know of a project."""
    return ProjectFacts(ProjectState(project.state), project.area_path, project.lead_unit_id)


async def lock_project(session: WriteSession, project_id: UUID) -> Project:
    """Return a project for a change, or NotFound."""
    project = await repository.lock_project(session, project_id)
    if project is None:
        raise NotFound
    return project


def begin_step(caller: Principal, project: Project, action: ProjectAction) -> None:
    """Refuse a step that the caller may not take, or that is not possible now."""
    check_step(STEPS, action, facts_of(project), caller)


def note_step(session: WriteSession, project: Project, step: str, actor: str, data: dict[str, Any]) -> None:
    """Write a step of the history; its position is the version that it makes."""
    project.version += 1
    row = ProjectStep(
        tenant_id=session.tenant,
        project_id=project.id,
        position=project.version,
        step=step,
        actor=actor,
        data=data,
        at=utc_now(),
    )
    session.add(row)


async def find_sent_before(session: WriteSession, caller: Principal, new: NewProject) -> Project | None:
    """Return the project that this very request has opened before, or IdTaken when it was another request."""
    if new.id is None:
        return None
    await take_turn(session, "project", new.id)
    earlier = await repository.find_project(session, new.id)
    if earlier is None:
        return None
    await _check_right_to_open(session, caller, new, (await open_area(session, new.area_id)).path)
    if (earlier.title, earlier.area_id, earlier.case_id) != (new.title, new.area_id, new.case_id):
        raise IdTaken(pointer="/id")
    return earlier


async def open_project(
    session: WriteSession, caller: Principal, new: NewProject, *, join_project_id: UUID | None = None
) -> Project:
    """Open a project, or return the running one that is to be joined."""
    if join_project_id is not None:
        joined = await repository.lock_project(session, join_project_id)
        if joined is None:
            raise UnknownProject(pointer="/project_id")
        check_step(STEPS, ProjectAction.REACH, facts_of(joined), caller)
        return joined
    area = await open_area(session, new.area_id)
    await _check_right_to_open(session, caller, new, area.path)
    now = utc_now()
    number = await repository.take_number(session, now.year)
    project = Project(
        tenant_id=session.tenant,
        id=new.id or new_id(),
        number=f"P-{now.year}-{number:06d}",
        title=new.title,
        area_id=area.id,
        area_path=area.path,
        case_id=new.case_id,
        lead_unit_id=new.lead_unit_id,
        state=ProjectState.RUNNING.value,
        budget_state=BudgetState.NONE.value,
        total_fen=0,
        own_fen=0,
        granted_fen=0,
        paid_fen=0,
        opened_at=now,
        acceptance_attachment_ids=[],
        version=0,
    )
    session.add(project)
    await session.flush()
    await _add_parts(session, project, new)
    data = {"case_id": str(new.case_id) if new.case_id else None, "of_match": new.of_match}
    note_step(session, project, "open", caller.actor, data)
    await session.flush()
    told = opened(project, project.case_id, new.need_ids)
    await publish(session, f"project/{project.id}", told)
    return project


async def cases_of(session: Session, project: Project) -> list[UUID]:
    """Return the cases whose requesters a project concerns: its own, and those that its needs came from."""
    needs = await needs_by_id(session, await repository.need_ids_of(session, project.id))
    found = [project.case_id, *(need.case_id for need in needs)]
    return list(dict.fromkeys(case_id for case_id in found if case_id is not None))


async def tell_each_case(session: WriteSession, project: Project, tell: Callable[[UUID | None], EventData]) -> None:
    """Tell something of a project: once for its own case, or for none, and once for each case that joined it.

    So exactly one of the events names the project's own case: whoever wants to hear of a project once listens to that.
    """
    joined = [case_id for case_id in await cases_of(session, project) if case_id != project.case_id]
    await publish(session, f"project/{project.id}", *(tell(case_id) for case_id in (project.case_id, *joined)))


def opened(project: Project, case_id: UUID | None, need_ids: Sequence[UUID]) -> ProjectOpened:
    """Return what is told of a project that is open, to the case that it is told to."""
    return ProjectOpened(
        project_id=project.id,
        number=project.number,
        title=project.title,
        case_id=case_id,
        need_ids=list(need_ids),
        area_id=project.area_id,
        area_path=project.area_path,
        lead_unit_id=project.lead_unit_id,
    )


async def _check_right_to_open(session: WriteSession, caller: Principal, new: NewProject, path: str) -> None:
    """Let officers open projects of their area, and the unit that has claimed a case open the project of that case."""
    case = await find_case_copy(session, new.case_id) if new.case_id else None
    if new.case_id is not None and case is None:
        raise UnknownCase(pointer="/case_id")
    is_officer = caller.has(Role.OFFICER, Role.SECRETARY, Role.GRID_WORKER, at=path)
    # Who has claimed a case works where the case is, not anywhere.
    is_claimant = (
        case is not None
        and case.unit_id is not None
        and case.unit_id in caller.units(Role.UNIT_STAFF)
        and covers(case.area_path, path)
    )
    if not is_officer and not is_claimant:
        raise Forbidden(rule="officers_or_claiming_unit_open_projects")


async def _add_parts(session: WriteSession, project: Project, new: NewProject) -> None:
    if new.lead_unit_id is not None:
        await active_unit(session, new.lead_unit_id, pointer="/lead_unit_id")
    for unit_id in dict.fromkeys(new.helping_unit_ids):
        await active_unit(session, unit_id, pointer="/helping_unit_ids")
        session.add(ProjectUnit(tenant_id=session.tenant, project_id=project.id, unit_id=unit_id))
    for position, (title, due_on) in enumerate(new.milestones, start=1):
        milestone = Milestone(
            tenant_id=session.tenant,
            id=new_id(),
            project_id=project.id,
            position=position,
            title=title,
            due_on=due_on,
            reached_at=None,
            proof=None,
            attachment_ids=[],
        )
        session.add(milestone)
    await session.flush()


async def attach_to_project(
    session: WriteSession, caller: Principal, project: Project, *, need_id: UUID, offer_id: UUID, quantity: int
) -> None:
    """Let a project meet a need with some of an offer."""
    known = set(await cases_of(session, project))
    row = ProjectNeed(
        tenant_id=session.tenant, project_id=project.id, need_id=need_id, offer_id=offer_id, quantity=quantity
    )
    session.add(row)
    data = {"need_id": str(need_id), "offer_id": str(offer_id), "quantity": quantity}
    note_step(session, project, "attach", caller.actor, data)
    await session.flush()
    await tell_new_cases(session, project, known)


async def tell_new_cases(session: WriteSession, project: Project, known: Collection[UUID]) -> None:
    """Tell the cases that have just joined a project that it is theirs as well."""
    joined = [case_id for case_id in await cases_of(session, project) if case_id not in known]
    need_ids = await repository.need_ids_of(session, project.id)
    await publish(session, f"project/{project.id}", *(opened(project, case_id, need_ids) for case_id in joined))


async def request_budget(session: WriteSession, caller: Principal, project: Project, wanted: BudgetIn) -> None:
    """Ask a fund for what the people concerned do not raise themselves; the ledger answers by an event."""
    begin_step(caller, project, ProjectAction.BUDGET_REQUESTS)
    if project.budget_state in {BudgetState.REQUESTED, BudgetState.APPROVED}:
        raise BudgetAlreadyAsked(budget_state=project.budget_state)
    if wanted.own_fen >= wanted.total_fen:
        raise BudgetExceeded(pointer="/own_fen")
    if caller.subject_id is None:
        raise Unauthenticated
    project.request_id = new_id()
    project.budget_state = BudgetState.REQUESTED.value
    project.total_fen, project.own_fen = wanted.total_fen, wanted.own_fen
    data = {"total_fen": wanted.total_fen, "own_fen": wanted.own_fen, "fund_id": str(wanted.fund_id)}
    note_step(session, project, "request_budget", caller.actor, data)
    await session.flush()
    told = ProjectBudgetRequested(
        request_id=project.request_id,
        project_id=project.id,
        fund_id=wanted.fund_id,
        total_fen=wanted.total_fen,
        own_fen=wanted.own_fen,
        asked_fen=wanted.total_fen - wanted.own_fen,
        purpose=wanted.purpose,
        category=wanted.category,
        requested_by=caller.subject_id,
    )
    await publish(session, f"project/{project.id}", told)


async def reach_milestone(
    session: WriteSession, caller: Principal, project: Project, milestone_id: UUID, wanted: ReachIn
) -> None:
    """Note that a milestone is reached; the requesters hear of it."""
    begin_step(caller, project, ProjectAction.REACH)
    milestones = {item.id: item for item in await repository.milestones_of(session, project.id)}
    milestone = milestones.get(milestone_id)
    if milestone is None:
        raise NotFound
    if milestone.reached_at is not None:
        raise MilestoneAlreadyReached(milestone_id=str(milestone_id))
    milestone.reached_at, milestone.proof = utc_now(), wanted.proof
    milestone.attachment_ids = wanted.attachment_ids
    data = {
        "milestone": milestone.title,
        "proof": wanted.proof,
        "attachment_ids": [str(item) for item in wanted.attachment_ids],
    }
    note_step(session, project, "reach", caller.actor, data)
    await _show(session, caller, project, wanted.attachment_ids)
    await session.flush()
    reached_at = milestone.reached_at

    def told(case_id: UUID | None) -> ProjectProgressed:
        return ProjectProgressed(
            project_id=project.id,
            case_id=case_id,
            milestone_id=milestone_id,
            title=milestone.title,
            reached_at=reached_at,
        )

    await tell_each_case(session, project, told)


async def _show(session: WriteSession, caller: Principal, project: Project, attachment_ids: Sequence[UUID]) -> None:
    owner, unit_id = ("project", project.id), project.lead_unit_id
    await show_proof(session, caller, owner, attachment_ids, area_path=project.area_path, unit_id=unit_id)


async def complete_project(session: WriteSession, caller: Principal, project: Project, wanted: CompleteIn) -> None:
    """Accept a project as done, by somebody else than its lead and with proof; its needs are met."""
    begin_step(caller, project, ProjectAction.COMPLETE)
    milestones = await repository.milestones_of(session, project.id)
    still_open = [item.title for item in milestones if item.reached_at is None]
    if still_open:
        raise MilestonesOpen(open=still_open)
    waiting = await repository.waiting_offers(session, project.id)
    if waiting:
        raise GiversSilent(offer_ids=[str(one) for one in waiting])
    completed_at = utc_now()
    project.state, project.completed_at = ProjectState.COMPLETED.value, completed_at
    project.accepted_by, project.acceptance_proof = caller.actor, wanted.proof
    project.acceptance_attachment_ids = wanted.attachment_ids
    for need in await needs_by_id(session, await repository.need_ids_of(session, project.id)):
        need.state = NeedState.MET.value
        need.version += 1
    data = {
        "note": wanted.note,
        "proof": wanted.proof,
        "attachment_ids": [str(item) for item in wanted.attachment_ids],
    }
    await _note_fulfilment(session, caller, project, milestones)
    note_step(session, project, "complete", caller.actor, data)
    await _show(session, caller, project, wanted.attachment_ids)
    await session.flush()

    def told(case_id: UUID | None) -> ProjectCompleted:
        return ProjectCompleted(project_id=project.id, case_id=case_id, completed_at=completed_at)

    await tell_each_case(session, project, told)


async def _note_fulfilment(
    session: WriteSession, caller: Principal, project: Project, milestones: Sequence[Milestone]
) -> None:
    """Put on the records of the partners whose offers a project lived by whether it was in time."""
    outcome = Fulfilment.LATE if any(was_late(item.due_on, item.reached_at) for item in milestones) else Fulfilment.KEPT
    for partner_id in await repository.partners_of(session, project.id):
        await note_fulfilment(
            session, partner_id, outcome, about_kind="project", about_id=project.id, actor=caller.actor
        )
