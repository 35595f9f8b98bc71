"""What a case hears from elsewhere: its needs and its project write into its history."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from services.intake.cases.service import OutsideStep, record_outside_steps
from shared.contracts import Event
from shared.contracts.matching import NeedOpened, ProjectCancelled, ProjectCompleted, ProjectOpened, ProjectProgressed
from shared.db import WriteSession
from shared.messaging import Consumers

__all__ = ["consumers"]

Told = TypeVar("Told", NeedOpened, ProjectOpened, ProjectProgressed, ProjectCompleted, ProjectCancelled)

consumers = Consumers("intake")


async def _record(
    session: WriteSession, events: Sequence[Event[Told]], step: str, data: Callable[[Told], dict[str, Any]]
) -> None:
    """Write a step for each event that is about a case."""
    steps = [
        OutsideStep(event.data.case_id, step, event.actor or "system", data(event.data))
        for event in events
        if event.data.case_id is not None
    ]
    if steps:
        await record_outside_steps(session, steps)


@consumers.on(NeedOpened)
async def note_need(session: WriteSession, events: Sequence[Event[NeedOpened]]) -> None:
    """Write that the need stands on the demand list."""
    await _record(
        session, events, "need_opened", lambda told: {"need_id": str(told.need_id), "category": told.category}
    )


@consumers.on(ProjectOpened)
async def note_project(session: WriteSession, events: Sequence[Event[ProjectOpened]]) -> None:
    """Write that a project has come of the case."""
    await _record(
        session,
        events,
        "project_opened",
        lambda told: {"project_id": str(told.project_id), "number": told.number, "title": told.title},
    )


@consumers.on(ProjectProgressed)
async def note_milestone(session: WriteSession, events: Sequence[Event[ProjectProgressed]]) -> None:
    """Write that a milestone was reached."""
    await _record(
        session,
        events,
        "milestone_reached",
        lambda told: {
            "project_id": str(told.project_id),
            "milestone": told.title,
            "reached_at": told.reached_at.isoformat(),
        },
    )


@consumers.on(ProjectCompleted)
async def note_completion(session: WriteSession, events: Sequence[Event[ProjectCompleted]]) -> None:
    """Write that the project is done."""
    await _record(session, events, "project_completed", lambda told: {"project_id": str(told.project_id)})


@consumers.on(ProjectCancelled)
async def note_cancellation(session: WriteSession, events: Sequence[Event[ProjectCancelled]]) -> None:
    """Write that the project ends without being done."""
    await _record(session, events, "project_cancelled", lambda told: {"project_id": str(told.project_id)})
