"""What a case hears from elsewhere: its needs and its project write into its history."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from services.intake.cases.service import record_outside_step
from shared.contracts import Event
from shared.contracts.matching import NeedOpened, ProjectCompleted, ProjectOpened, ProjectProgressed
from shared.db import WriteSession
from shared.messaging import Consumers

__all__ = ["consumers"]

consumers = Consumers("intake")


async def _record(
    session: WriteSession, case_id: UUID | None, actor: str | None, step: str, data: dict[str, Any]
) -> None:
    if case_id is not None:
        await record_outside_step(session, case_id, step=step, actor=actor or "system", data=data)


@consumers.on(NeedOpened)
async def note_need(session: WriteSession, events: Sequence[Event[NeedOpened]]) -> None:
    """Write that the need stands on the demand list."""
    for event in events:
        data = {"need_id": str(event.data.need_id), "category": event.data.category}
        await _record(session, event.data.case_id, event.actor, "need_opened", data)


@consumers.on(ProjectOpened)
async def note_project(session: WriteSession, events: Sequence[Event[ProjectOpened]]) -> None:
    """Write that a project has come of the case."""
    for event in events:
        told = event.data
        data = {"project_id": str(told.project_id), "number": told.number, "title": told.title}
        await _record(session, told.case_id, event.actor, "project_opened", data)


@consumers.on(ProjectProgressed)
async def note_milestone(session: WriteSession, events: Sequence[Event[ProjectProgressed]]) -> None:
    """Write that a milestone was reached."""
    for event in events:
        told = event.data
        data = {"project_id": str(told.project_id), "milestone": told.title, "reached_at": told.reached_at.isoformat()}
        await _record(session, told.case_id, event.actor, "milestone_reached", data)


@consumers.on(ProjectCompleted)
async def note_completion(session: WriteSession, events: Sequence[Event[ProjectCompleted]]) -> None:
    """Write that the project is done."""
    for event in events:
        data = {"project_id": str(event.data.project_id)}
        await _record(session, event.data.case_id, event.actor, "project_completed", data)
