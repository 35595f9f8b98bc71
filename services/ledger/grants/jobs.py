"""Grants that are born from a project's budget request."""

from collections.abc import Sequence

from services.ledger.grants.projects import complete_projects, keep_projects
from services.ledger.grants.repository import grant_of_request
from services.ledger.grants.service import Application, apply_for_grant
from services.ledger.grants.voting import withdraw_with_project
from shared.contracts import Event
from shared.contracts.ledger import GrantDecided
from shared.contracts.matching import ProjectBudgetRequested, ProjectCancelled, ProjectCompleted, ProjectOpened
from shared.db import WriteSession
from shared.ids import new_id
from shared.messaging import Consumers, publish
from shared.problems import Problem

__all__ = ["consumers"]

consumers = Consumers("ledger")


@consumers.on(ProjectBudgetRequested)
async def apply_from_project(session: WriteSession, events: Sequence[Event[ProjectBudgetRequested]]) -> None:
    """Put a project's request before the approvers; what the charter forbids is refused at once, with the reason."""
    for event in events:
        told = event.data
        if await grant_of_request(session, told.request_id) is not None:
            continue
        wanted = Application(
            id=None,
            fund_id=told.fund_id,
            project_id=told.project_id,
            request_id=told.request_id,
            applicant_id=told.requested_by,
            category=told.category,
            purpose=told.purpose,
            total_fen=told.total_fen,
            own_fen=told.own_fen,
        )
        try:
            await apply_for_grant(session, wanted)
        except Problem as problem:
            await _refuse_at_once(session, event, problem)


async def _refuse_at_once(session: WriteSession, event: Event[ProjectBudgetRequested], problem: Problem) -> None:
    """Tell the project that its request does not fit the charter; nothing was written before the check."""
    grant_id = new_id()
    told = GrantDecided(
        grant_id=grant_id,
        project_id=event.data.project_id,
        request_id=event.data.request_id,
        outcome="refused",
        granted_fen=0,
        reason=problem.code,
    )
    await publish(session, f"grant/{grant_id}", told, cause=event)


@consumers.on(ProjectOpened)
async def hear_of_project(session: WriteSession, events: Sequence[Event[ProjectOpened]]) -> None:
    """Keep the projects that money may be asked for."""
    await keep_projects(session, events)


@consumers.on(ProjectCompleted)
async def hear_of_completion(session: WriteSession, events: Sequence[Event[ProjectCompleted]]) -> None:
    """Note that projects are done."""
    await complete_projects(session, [event.data.project_id for event in events])


@consumers.on(ProjectCancelled)
async def hear_of_cancellation(session: WriteSession, events: Sequence[Event[ProjectCancelled]]) -> None:
    """Take back what cancelled projects have asked for and nobody has decided yet."""
    for event in events:
        if event.data.request_id is not None:
            await withdraw_with_project(session, event.data.request_id)
